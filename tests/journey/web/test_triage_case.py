"""The page of a case: what it tells, each of its forms, and what happens when two act at once."""

import asyncio
import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.clock import SetClock
from tests.conftest import Database, TestIssuer
from tests.journey.escalation.house import House, dsl, worker
from tests.journey.web.conftest import DUTY, Desk, hidden

HERE = "/triage/MASH/821"
MANAGER = "demo-manager-mash-821"


@pytest.fixture
def house(desk: Desk, clock: SetClock, issuer: TestIssuer, database: Database) -> House:
    return House(desk.app, clock, issuer, database)


def words(html: str) -> str:
    main = html.partition("<main")[2].partition("</main>")[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())


async def opened(desk: Desk, case_id: UUID, who: str = DUTY) -> str:
    page = await desk.sign_in(who, f"/triage/cases/{case_id}")
    assert page.status_code == 200, page.text
    return str(page.text)


def carried(html: str) -> dict[str, str]:
    found = hidden(html)
    return {name: found[name] for name in ("csrf", "version", "seen")}


async def send(desk: Desk, case_id: UUID, name: str, html: str, **fields: str) -> str:
    """Sends a form of the page, which does its work; gives the page that follows."""
    answer = await desk.post(f"/triage/cases/{case_id}/{name}", carried(html) | fields)
    assert answer.status_code == 303, words(answer.text)
    return str((await desk.get(answer.headers["location"])).text)


async def hub_task(house: House, case_id: UUID) -> tuple[UUID, int]:
    rows = await house.sql(
        "SELECT id, version FROM task WHERE case_id = $1 AND route = 'MASH'", case_id
    )
    return rows[0]["id"], rows[0]["version"]


async def test_the_page_says_why_it_came_here_and_who_was_told(desk: Desk, house: House) -> None:
    case_id = await house.raised(
        facts={"immediate_danger": "unknown", "disclosure_request": "parents"}
    )
    page = await opened(desk, case_id)
    said = words(page)
    for part in (
        "Significant harm, or its likelihood, is referred now",
        "Norfolk Safeguarding Children Partnership",
        "What would settle it",
        "Do not investigate",
        "School’s safeguarding lead",
        "(to be safe)",
        "Telling others",
        "Kind of concern physical",
        "The case was opened",
        "The school is to hear what you decide: tomorrow, 5:00pm",
    ):
        assert part in said, part
    assert 'href="/policy/rules/NAT-GEN-04"' in page
    assert "what was said" not in page
    assert 'href="/triage/MASH/821"' in page


async def test_a_case_of_others_or_in_conflict_does_not_exist(desk: Desk, house: House) -> None:
    hidden_case = await house.raised(excluded_refs=[house.ref(DUTY)])
    elsewhere = await house.raised(home_la="886", school_la="886")
    await desk.sign_in()
    token = await desk.token()
    nobody = words((await desk.get(f"/triage/cases/{uuid4()}")).text)
    for case_id in (hidden_case, elsewhere):
        for answer in (
            await desk.get(f"/triage/cases/{case_id}"),
            await desk.post(f"/triage/cases/{case_id}/claim", {"csrf": token, "version": "1"}),
            await desk.post(
                f"/triage/cases/{case_id}/details", {"csrf": token, "reason": "triage"}
            ),
        ):
            assert answer.status_code == 404
            assert words(answer.text) == nobody


async def test_a_case_is_taken_handed_over_and_given_back(
    desk: Desk, desks: Callable[[], Desk], house: House
) -> None:
    case_id = await house.raised()
    page = await send(desk, case_id, "claim", await opened(desk, case_id))
    assert "You have taken this case." in words(page)
    assert "You have it" in words(page)
    page = await send(desk, case_id, "hand-over", page, to=MANAGER)
    assert "Your colleague can take it now." in words(page)
    colleague = desks()
    theirs = await opened(colleague, case_id, MANAGER)
    assert "Offered to you" in words(theirs)
    theirs = await send(colleague, case_id, "claim", theirs)
    theirs = await send(colleague, case_id, "release", theirs)
    assert "You have it" not in words(theirs)
    history = words(theirs).rpartition("What happened")[2]
    assert "You Taken" in history
    assert "Someone else Offered to a colleague" in history


async def test_a_rating_that_changes_needs_a_reason_and_keeps_what_was_chosen(
    desk: Desk, house: House
) -> None:
    case_id = await house.raised()
    page = await send(desk, case_id, "rate", await opened(desk, case_id), rating="amber")
    assert "Rated amber" in words(page)
    path = f"/triage/cases/{case_id}/rate"
    refused = await desk.post(path, carried(page) | {"rating": "red"})
    assert refused.status_code == 422
    assert "Say why the rating changes." in words(refused.text)
    assert '<option value="red" selected>' in refused.text
    nothing = await desk.post(path, carried(page) | {"rating": ""})
    assert "Choose a rating" in words(nothing.text)
    page = await send(
        desk, case_id, "rate", refused.text, rating="red", **{"rate-reason": "Seen again."}
    )
    assert "Rated red" in words(page)


async def test_the_school_is_asked_and_the_question_is_sealed(desk: Desk, house: House) -> None:
    case_id = await house.raised()
    page = await opened(desk, case_id)
    empty = await desk.post(f"/triage/cases/{case_id}/ask", carried(page) | {"question": " "})
    assert (empty.status_code, "Enter what you need to know" in empty.text) == (422, True)
    page = await send(desk, case_id, "ask", page, question="Who saw the marks?")
    assert "Who saw the marks?" not in page
    asked = [task for task in await house.tasks(dsl()) if task["kind"] == "information"]
    assert len(asked) == 1


async def test_no_further_action_needs_a_reason_and_a_decision_ends_the_teams_task(
    desk: Desk, house: House
) -> None:
    case_id = await house.raised()
    page = await opened(desk, case_id)
    path = f"/triage/cases/{case_id}/decide"
    refused = await desk.post(path, carried(page) | {"outcome": "NFA", "decide-reason": ""})
    assert refused.status_code == 422
    assert "Enter why there is no further action" in words(refused.text)
    page = await send(desk, case_id, "decide", refused.text, outcome="NEW_REFERRAL")
    assert "Outcome New referral" in words(page)
    assert await house.queue(worker()) == []
    await house.amended(case_id, harm_level="severe")
    again = words((await desk.get(f"/triage/cases/{case_id}")).text)
    assert "Earlier outcome New referral" in again
    assert "The school is to hear what you decide" in again


async def test_a_call_is_recorded_with_its_reference(desk: Desk, house: House) -> None:
    case_id = await house.raised()
    task, version = await hub_task(house, case_id)
    await house.sql("UPDATE task SET channel = 'PHONE_ONLY' WHERE id = $1", task)
    page = await opened(desk, case_id)
    path = f"/triage/cases/{case_id}/tasks/{task}/acknowledge"
    fields = carried(page) | {"version": str(version)}
    refused = await desk.post(path, fields | {"reference": ""})
    assert refused.status_code == 422
    assert f'href="#reference-{task}"' in refused.text
    assert "Give the reference number of the call" in words(refused.text)
    done = await desk.post(path, fields | {"reference": "CAD 4711"})
    assert done.status_code == 303
    assert "Reference CAD 4711" in words((await desk.get(f"/triage/cases/{case_id}")).text)


async def test_reminders_are_put_off_with_a_reason(
    desk: Desk, house: House, clock: SetClock
) -> None:
    case_id = await house.raised()
    task, _ = await hub_task(house, case_id)
    page = await opened(desk, case_id)
    path = f"/triage/cases/{case_id}/tasks/{task}/pause"
    until = (clock.now() + timedelta(hours=4)).isoformat()
    assert f'value="{until}"' in page
    refused = await desk.post(path, carried(page) | {"until": until, "pause-reason": ""})
    assert (refused.status_code, "Enter why it can wait" in refused.text) == (422, True)
    later = (clock.now() + timedelta(days=30)).isoformat()
    far = await desk.post(path, carried(page) | {"until": later, "pause-reason": "Waiting."})
    assert (far.status_code, "within seven days" in far.text) == (422, True)
    done = await desk.post(path, carried(page) | {"until": until, "pause-reason": "Waiting."})
    assert done.status_code == 303
    assert "Reminders paused until today, 2:00pm" in words((await desk.get(HERE)).text)


async def test_what_has_happened_starts_its_clock(desk: Desk, house: House) -> None:
    case_id = await house.raised()
    page = await opened(desk, case_id)
    when = {"when-day": "24", "when-month": "11", "when-year": "2026", "when-time": "9:30am"}
    wrong = await desk.post(
        f"/triage/cases/{case_id}/milestone",
        carried(page) | when | {"event": "strategy_discussion", "when-day": "31"},
    )
    assert (wrong.status_code, "Enter a real day" in wrong.text) == (422, True)
    page = await send(desk, case_id, "milestone", page, event="strategy_discussion", **when)
    assert "The strategy discussion was held" in words(page)
    assert "A legal clock runs for Safeguarding hub (MASH)" in words(page)


async def test_a_disagreement_is_answered(desk: Desk, house: House) -> None:
    case_id = await house.raised()
    version = (await house.case(dsl(), case_id))["version"]
    body = {"reason": "The child is not safe."}
    await house.ask("POST", f"/v1/cases/{case_id}/disagreement", dsl(), body, version)
    page = await opened(desk, case_id)
    assert "Step 1: open" in words(page)
    page = await send(desk, case_id, "answer", page, answer="We have looked again.")
    assert "Step 1: answered" in words(page)


async def test_two_cases_are_said_to_belong_together_or_not(desk: Desk, house: House) -> None:
    keys: dict[str, Any] = {"match_keys": ["name_dob:one-child", "address:one-home"]}
    first, second = await house.raised(**keys), await house.raised(**keys)
    page = await opened(desk, second)
    assert "same child, same household" in words(page)
    assert "both have the address, name and date of birth" in words(page)
    page = await send(desk, second, "link", page, other=str(first), state="confirmed")
    assert "A person says that they belong together." in words(page)
    page = await send(desk, second, "link", page, other=str(first), state="undone")
    assert "A person says that they do not." in words(page)


async def test_details_open_for_a_reason_that_is_recorded_first(desk: Desk, house: House) -> None:
    case_id = await house.raised()
    page = await opened(desk, case_id)
    path = f"/triage/cases/{case_id}/details"
    refused = await desk.post(path, carried(page) | {"reason": ""})
    assert refused.status_code == 422
    assert await house.told("details.read") == []
    shown = await desk.post(path, carried(page) | {"reason": "triage"})
    assert "Narrative what was said" in words(shown.text)
    assert shown.headers["cache-control"] == "no-store"
    assert [read["reason"] for read in await house.told("details.read")] == ["triage"]


async def test_an_old_page_shows_what_changed_and_keeps_what_was_typed(
    desk: Desk, house: House
) -> None:
    case_id = await house.raised()
    page = await opened(desk, case_id)
    version = (await house.case(worker(), case_id))["version"]
    body = {"rating": "red"}
    await house.ask("POST", f"/v1/cases/{case_id}/rate", worker(), body, version)
    path = f"/triage/cases/{case_id}/ask"
    stale = await desk.post(path, carried(page) | {"question": "Who saw the marks?"})
    assert stale.status_code == 412
    changed = words(stale.text.partition("What changed since you opened it")[2].join(["<main", ""]))
    assert "Someone else Rated red" in words(stale.text)
    assert "The case was opened" not in changed.partition("P1")[0]
    assert "Who saw the marks?</textarea>" in stale.text
    assert [task for task in await house.tasks(dsl()) if task["kind"] == "information"] == []
    again = await desk.post(path, carried(stale.text) | {"question": "Who saw the marks?"})
    assert again.status_code == 303


async def test_a_form_sent_twice_acts_once(desk: Desk, house: House) -> None:
    case_id = await house.raised()
    page = await opened(desk, case_id)
    for name, fields in (
        ("claim", {}),
        ("rate", {"rating": "amber"}),
        ("ask", {"question": "Who saw the marks?"}),
        ("decide", {"outcome": "ADVICE"}),
    ):
        page = (await desk.get(f"/triage/cases/{case_id}")).text
        path, form = f"/triage/cases/{case_id}/{name}", carried(page) | fields
        await asyncio.gather(*(desk.post(path, form) for _ in range(2)))
    kinds = [entry["kind"] for entry in (await house.case(worker(), case_id))["history"]]
    assert [kinds.count(one) for one in ("claimed", "rated", "question", "decided")] == [1, 1, 1, 1]


async def test_a_form_that_is_not_the_pages_own_does_nothing(desk: Desk, house: House) -> None:
    case_id = await house.raised()
    page = await opened(desk, case_id)
    fields = carried(page) | {"csrf": "guessed"}
    assert (await desk.post(f"/triage/cases/{case_id}/claim", fields)).status_code == 403
    unknown = await desk.post(f"/triage/cases/{case_id}/close", carried(page))
    assert unknown.status_code == 404
    assert (await house.queue(worker()))[0]["has_it"] is None
