"""The queues of who is signed in: what is counted, what is listed, and what nobody may notice."""

import re

import pytest

from shared.clock import SetClock
from tests.conftest import Database, TestIssuer
from tests.journey.escalation.house import House
from tests.journey.web.conftest import DUTY, Desk


@pytest.fixture
def house(desk: Desk, clock: SetClock, issuer: TestIssuer, database: Database) -> House:
    return House(desk.app, clock, issuer, database)


async def counts(desk: Desk) -> list[list[str]]:
    """Open and overdue, of each queue on the front page."""
    html = (await desk.sign_in()).text
    return [
        re.findall(r"numeric\">([^<]*)</td>", row)
        for row in re.findall(r"<tr.*?</tr>", html, re.DOTALL)[1:]
    ]


async def test_a_queue_is_counted_as_it_is_listed(desk: Desk, house: House) -> None:
    for _ in range(3):
        await house.raised()
    await house.raised(home_la=None, school_la=None, urn=None)
    assert await counts(desk) == [["4", "0"]]
    listed = await desk.get("/triage/MASH/821")
    assert listed.text.count("<tr") == 1 + 4


async def test_a_case_with_a_conflict_is_neither_listed_nor_counted(
    desk: Desk, house: House
) -> None:
    hidden = await house.raised(excluded_refs=[house.ref(DUTY)])
    assert await counts(desk) == [["0", "0"]]
    listed = await desk.get("/triage/MASH/821")
    assert str(hidden)[-8:].upper() not in listed.text
    assert "Nothing is open in this queue." in listed.text


async def test_a_long_queue_goes_on_page_by_page(desk: Desk, house: House) -> None:
    for _ in range(52):
        await house.raised()
    await desk.sign_in()
    first = await desk.get("/triage/MASH/821")
    following = re.search(r'href="(/triage/MASH/821\?after=[^"]+)" rel="next"', first.text)
    assert following
    second = await desk.get(following[1])
    assert (first.text.count("<tr"), second.text.count("<tr")) == (51, 3)
    assert 'rel="next"' not in second.text
