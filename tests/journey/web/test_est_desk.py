"""The Education Safeguarding Team's page: held with reasons, checked, released or refused."""

import json
import re
from html import unescape
from uuid import UUID

import httpx2
import pytest

from shared.clock import SetClock
from tests.conftest import Database, TestIssuer
from tests.journey.escalation.house import House, worker
from tests.journey.web.conftest import Desk, hidden
from tests.journey.web.test_school_tasks import send, shown

EST = "demo-worker-est-821"
DETAILS = {
    "child": {"given_name": "Marigold", "family_name": "Thistlewood", "address": "4 Quarry Mews"},
    "narrative": "Invented: on Friday a man called Brannock waited at the gate of Oakfield.",
}
LETTER = {"letter": "online-safety-parents", "field-topic": "sharing pictures"}


@pytest.fixture
def house(desk: Desk, clock: SetClock, issuer: TestIssuer, database: Database) -> House:
    return House(desk.app, clock, issuer, database)


async def asked(house: House, audience: str = "all_parents", **facts: object) -> str:
    case_id: UUID = await house.raised(facts={"disclosure_request": audience, **facts})
    sealed = house.runtime.sealer.seal(
        "details", json.dumps(DETAILS).encode(), context=str(case_id)
    )
    await house.sql("UPDATE sealed_detail SET sealed = $1 WHERE case_id = $2", sealed, case_id)
    return f"/triage/EST/requests/{case_id}"


async def press(desk: Desk, at: str, to: str, **fields: str) -> httpx2.Response:
    page = await desk.get(f"{at}?letter={LETTER['letter']}")
    return await desk.post(at + to, hidden(page.text) | LETTER | fields)


async def test_a_request_says_to_whom_why_and_what_is_still_needed(
    desk: Desk, house: House
) -> None:
    at = await asked(house, police_investigation="live")
    said = shown(await desk.sign_in(EST, at))
    assert "A request to tell all parents of a school or class" in said
    assert "Held, until everybody needed has agreed" in said
    assert "your team’s decision" in said
    assert "the police’s agreement" in said
    assert "NAT-NDI-03" in said


async def test_the_police_are_recorded_before_a_letter_is_released_with_its_text(
    desk: Desk, house: House
) -> None:
    at = await asked(house, police_investigation="live")
    await desk.sign_in(EST, at)
    held = await press(desk, at, "/release")
    assert held.status_code == 409
    assert "Still needed: POLICE" in held.text
    unsaid = await send(desk, at, "/police", agreed="yes", reference="")
    assert unsaid.status_code == 422
    assert 'value="yes" checked' in unsaid.text
    said = await send(desk, at, "/police", agreed="yes", reference="CRIME 12/26")
    assert said.status_code == 303, said.text
    checked = await press(desk, at, "/check")
    assert "nothing in it was found to identify anybody" in checked.text
    released = await press(desk, at, "/release")
    assert released.status_code == 200
    assert "This letter is about sharing pictures." in released.text
    assert "your team brings this letter to all parents" in shown(released)
    after = await desk.get(at)
    assert "Released today" in shown(after)
    assert "/release" not in after.text
    assert len(await house.told("disclosure.decided")) == 1


async def test_what_identifies_somebody_is_marked_with_its_reason_and_kept_as_typed(
    desk: Desk, house: House
) -> None:
    at = await asked(house)
    await desk.sign_in(EST, at)
    note = "Look out for marygold in Year 9 <b>now</b>."
    for way in ("/check", "/release"):
        page = await press(desk, at, way, **{"field-note": note})
        assert page.status_code == 422, page.text
        assert "<mark>marygold</mark> <em>(as in what the school sent, or nearly so)" in page.text
        assert re.search(r"<mark>Year 9</mark> <em>\([^)]*a year group", page.text)
        assert "<b>now" not in page.text
        assert note in unescape(re.findall(r'name="field-note"[^>]*value="([^"]*)"', page.text)[0])
    assert not await house.told("disclosure.decided")


@pytest.mark.parametrize("audience", ["press", "website_social", "foi", "elected_members"])
async def test_for_the_public_there_is_no_letter_and_no_button(
    desk: Desk, house: House, audience: str
) -> None:
    at = await asked(house, audience)
    page = await desk.sign_in(EST, at)
    assert "/release" not in page.text
    # Nobody is even asked, but where the team has a task in the case for another reason.
    assert page.status_code == 404 or "no way to release anything" in page.text
    token = {"csrf": await desk.token(), "version": "1"}
    assert (await desk.post(f"{at}/release", token | LETTER)).status_code in {404, 422}
    assert not await house.told("disclosure.decided")


async def test_it_is_refused_with_a_reason_that_nobody_can_leave_out(
    desk: Desk, house: House
) -> None:
    at = await asked(house)
    await desk.sign_in(EST, at)
    assert (await send(desk, at, "/refuse", reason=" ")).status_code == 422
    refused = await send(desk, at, "/refuse", reason="Invented: it would identify.")
    assert refused.status_code == 303
    assert "Refused today" in shown(await desk.get(refused.headers["location"]))


async def test_a_colleague_who_was_faster_costs_nothing_that_was_typed(
    desk: Desk, house: House
) -> None:
    at = await asked(house)
    await desk.sign_in(EST, at)
    fields = hidden((await desk.get(at)).text) | {"reason": "Invented: a long reason."}
    await house.sql("UPDATE case_file SET version = version + 1")
    stale = await desk.post(f"{at}/refuse", fields)
    assert stale.status_code == 412
    assert "Invented: a long reason." in stale.text


async def test_the_page_exists_for_the_team_of_that_authority_without_a_conflict_alone(
    desk: Desk, house: House
) -> None:
    at = await asked(house)
    await house.sql(
        "INSERT INTO exclusion (case_id, account_ref) VALUES ($1, $2)",
        UUID(at.rpartition("/")[2]), house.ref(EST),
    )  # fmt: skip
    assert (await desk.sign_in(EST, at)).status_code == 404
    token = {"csrf": await desk.token(), "version": "1", "reason": "x"}
    assert (await desk.post(f"{at}/refuse", token)).status_code == 404
    assert (await desk.post(f"{at}/check", token | LETTER)).status_code == 404


async def test_a_hub_worker_has_no_such_page(desk: Desk, house: House) -> None:
    at = await asked(house)
    assert (await desk.sign_in(path=at)).status_code == 404


async def test_what_a_colleague_has_is_not_shown_as_decided_by_who_came_second(
    desk: Desk, house: House
) -> None:
    at = await asked(house)
    await desk.sign_in(EST, at)
    case_id = at.rpartition("/")[2]
    colleague = worker("EST", account="colleague")
    version = (await house.case(colleague, UUID(case_id)))["version"]
    await house.ask("POST", f"/v1/cases/{case_id}/claim", colleague, None, version)
    refused = await send(desk, at, "/refuse", reason="Invented: it would identify.")
    assert refused.status_code == 409
    said = shown(refused)
    assert "A colleague has this request" in said
    assert "Refused today" not in said
    assert "Invented: it would identify." in refused.text
