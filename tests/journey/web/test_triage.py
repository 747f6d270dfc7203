"""The page of a queue: what each row says, parts of the queue, finding a case, taking the next."""

import asyncio
import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any
from uuid import UUID

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


def reference(case_id: UUID) -> str:
    return str(case_id)[-8:].upper()


def rows(html: str) -> dict[str, str]:
    """What each row says, by its reference, in the page's order."""
    body = html.partition("<tbody")[2].partition("</tbody>")[0]
    found = {}
    for row in re.findall(r"<tr.*?</tr>", body, re.DOTALL):
        words = re.sub(r'<span class="handrail-stack__label".*?</span>', "", row)
        words = " ".join(unescape(re.sub(r"<[^>]+>", " ", words)).split())
        found[words.split()[0]] = words
    return found


async def claim(house: House, case_id: UUID, who: str) -> None:
    version = (await house.case(worker(), case_id))["version"]
    path = f"/v1/cases/{case_id}/claim"
    answer = await house.ask("POST", path, worker(account=who), version=version)
    assert answer.status_code == 200, answer.text


async def test_a_row_says_what_it_is_and_leads_to_the_case(desk: Desk, house: House) -> None:
    case_id = await house.raised()
    page = (await desk.sign_in(path=HERE)).text
    said = rows(page)[reference(case_id)]
    for words in ("P1", "Physical", "5 to 9", "999001", "Nobody", "School’s safeguarding lead"):
        assert words in said
    assert f'href="/triage/cases/{case_id}"' in page
    assert "Decide by tomorrow, 5:00pm — in 1 working day 7 hours" in said


async def test_what_is_overdue_says_so_and_stands_first_in_its_priority(
    desk: Desk, house: House, clock: SetClock
) -> None:
    late = await house.raised()
    clock.advance(timedelta(days=3))
    fresh = await house.raised()
    found = rows((await desk.sign_in(path=HERE)).text)
    assert list(found) == [reference(late), reference(fresh)]
    assert "Overdue" in found[reference(late)]
    assert "Overdue" not in found[reference(fresh)]


async def test_a_child_seen_before_is_counted_within_a_year_and_without_hidden_cases(
    desk: Desk, house: House, clock: SetClock
) -> None:
    keys: dict[str, Any] = {"match_keys": ["name_dob:one-child"]}
    await house.raised(**keys)
    clock.advance(timedelta(days=370))
    await house.raised(**keys)
    await house.raised(**keys, excluded_refs=[house.ref(DUTY)])
    last = await house.raised(**keys)
    found = rows((await desk.sign_in(path=HERE)).text)
    assert "Seen once before in 12 months" in found[reference(last)]


async def test_an_undone_link_counts_no_more(desk: Desk, house: House) -> None:
    keys: dict[str, Any] = {"match_keys": ["name_dob:one-child"]}
    first, second = await house.raised(**keys), await house.raised(**keys)
    version = (await house.case(worker(), second))["version"]
    body = {"other_id": str(first), "state": "undone"}
    await house.ask("POST", f"/v1/cases/{second}/links", worker(), body, version)
    assert "Seen" not in rows((await desk.sign_in(path=HERE)).text)[reference(second)]


async def test_parts_of_a_queue_are_shown_alone(desk: Desk, house: House, clock: SetClock) -> None:
    late = await house.raised()
    clock.advance(timedelta(days=3))
    mine, others, free = [await house.raised() for _ in range(3)]
    grave = await house.raised()
    await house.sql("UPDATE task SET priority = 'P0', rank = 1 WHERE case_id = $1", grave)
    await claim(house, mine, DUTY)
    await claim(house, others, "worker-2")
    await desk.sign_in(path=HERE)

    async def shown(asked: str) -> set[str]:
        return set(rows((await desk.get(f"{HERE}?{asked}")).text))

    assert await shown("has=mine") == {reference(mine)}
    assert await shown("has=nobody") == {reference(one) for one in (late, free, grave)}
    assert await shown("overdue=1") == {reference(late)}
    assert await shown("priority=P0") == {reference(grave)}
    assert await shown("has=nobody&overdue=1&priority=P1") == {reference(late)}
    assert await shown("has=whoever&priority=P9&overdue=maybe") == {
        reference(one) for one in (late, mine, others, free, grave)
    }


async def test_pages_of_a_part_keep_to_the_part(desk: Desk, house: House) -> None:
    for _ in range(52):
        await house.raised()
    await desk.sign_in(path=HERE)
    first = await desk.get(f"{HERE}?has=nobody")
    following = re.search(r'href="(/triage/MASH/821\?[^"]+)" rel="next"', first.text)
    assert following
    address = unescape(following[1])
    assert "has=nobody" in address
    second = await desk.get(address)
    assert (len(rows(first.text)), len(rows(second.text))) == (50, 2)
    assert not rows(first.text).keys() & rows(second.text).keys()


async def test_a_case_is_found_by_its_reference_in_any_spelling(desk: Desk, house: House) -> None:
    case_id = await house.raised()
    await desk.sign_in(path=HERE)
    last = str(case_id)[-8:]
    for typed in (last, last.upper(), f"%23{last[:4]}%20{last[4:]}", str(case_id)):
        answer = await desk.get(f"{HERE}?reference={typed}")
        assert answer.headers.get("location") == f"/triage/cases/{case_id}", typed


async def test_a_case_that_one_may_not_open_is_not_found(desk: Desk, house: House) -> None:
    hidden_case = await house.raised(excluded_refs=[house.ref(DUTY)])
    elsewhere = await house.raised(home_la="886", school_la="886")
    await desk.sign_in(path=HERE)
    for case_id in (hidden_case, elsewhere):
        answer = await desk.get(f"{HERE}?reference={str(case_id)[-8:]}")
        assert "There is no case of yours with this reference" in answer.text
    assert "last 8 characters" in (await desk.get(f"{HERE}?reference=zzz")).text


async def test_two_who_press_at_once_get_two_cases(desks: Callable[[], Desk], house: House) -> None:
    for _ in range(2):
        await house.raised()
    one, two = desks(), desks()
    forms = [
        hidden((await one.sign_in(DUTY, HERE)).text),
        hidden((await two.sign_in(MANAGER, HERE)).text),
    ]
    taken = await asyncio.gather(
        *(desk.post(f"{HERE}/take", form) for desk, form in zip((one, two), forms, strict=True))
    )
    assert [answer.status_code for answer in taken] == [303, 303]
    assert len({answer.headers["location"] for answer in taken}) == 2


async def test_one_who_presses_twice_gets_one_case(desk: Desk, house: House) -> None:
    for _ in range(3):
        await house.raised()
    form = hidden((await desk.sign_in(path=HERE)).text)
    twice = await asyncio.gather(*(desk.post(f"{HERE}/take", form) for _ in range(2)))
    again = await desk.post(f"{HERE}/take", form)
    cases = {answer.headers["location"].partition("?")[0] for answer in (*twice, again)}
    assert len(cases) == 1
    assert again.headers["location"].endswith("?done=taken-before")
    held = await house.sql("SELECT count(*) FROM task WHERE claimed_by_ref IS NOT NULL")
    assert held[0]["count"] == 1


async def test_an_empty_queue_gives_nothing_and_says_so(desk: Desk, house: House) -> None:
    form = hidden((await desk.sign_in(path=HERE)).text)
    answer = await desk.post(f"{HERE}/take", form)
    page = await desk.get(answer.headers["location"])
    assert "You were given nothing." in page.text
    mine = await house.raised()
    await claim(house, mine, DUTY)
    other = await desk.post(f"{HERE}/take", form | {"held": "7"})
    assert "nothing was taken" in (await desk.get(other.headers["location"])).text


async def test_a_queue_of_others_is_nobodys_business(desk: Desk, house: House) -> None:
    await house.raised()
    await desk.sign_in()
    for path in ("/triage/MASH/886", "/triage/LADO/821", "/triage/MASH/886/live"):
        assert (await desk.get(path)).status_code == 403
    form = {"csrf": await desk.token(), "held": "0"}
    assert (await desk.post("/triage/MASH/886/take", form)).status_code == 403
    assert await house.tasks(dsl())
