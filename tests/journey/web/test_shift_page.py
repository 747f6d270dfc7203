"""The end of a shift on a page: read, handed over and taken by name, without JavaScript."""

import re
from datetime import UTC, datetime
from html import unescape
from typing import Any

import pytest

from shared.clock import SetClock
from tests.conftest import Database, TestIssuer
from tests.journey.escalation.house import House
from tests.journey.web.conftest import DUTY, Desk, hidden

NIGHT = "demo-worker-edt-821"
MANAGER = "demo-manager-mash-821"
HUB, TEAM = "/triage/handover/MASH/821", "/triage/handover/EDT/821"


@pytest.fixture
def house(desk: Desk, clock: SetClock, issuer: TestIssuer, database: Database) -> House:
    return House(desk.app, clock, issuer, database)


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


async def give(desk: Desk, path: str, to: str) -> Any:
    return await desk.post(f"{path}/give", hidden((await desk.get(path)).text) | {"to": to})


async def test_a_queue_is_given_in_the_evening_and_taken_in_the_morning_by_name(
    desks: Any, house: House, clock: SetClock
) -> None:
    clock.set(datetime(2026, 11, 24, 21, 0, tzinfo=UTC))
    case_id = await house.raised()
    night, day = desks(), desks()
    await night.sign_in(NIGHT)
    given = await give(night, TEAM, "MASH")
    assert (given.status_code, given.headers["location"]) == (303, TEAM)
    assert "It waits for somebody there." in words((await night.get(TEAM)).text)
    clock.set(datetime(2026, 11, 25, 9, 5, tzinfo=UTC))
    await day.sign_in(DUTY)
    html = (await day.get(HUB)).text
    seen = words(html)
    assert "Handed over by Emergency duty worker, Luton to: Safeguarding hub (MASH)" in seen
    assert "Your name is recorded as: Duty worker, Luton hub." in seen
    assert str(case_id)[-8:].upper() in seen
    taken = await day.post(f"{HUB}/take", hidden(html))
    assert (taken.status_code, taken.headers["location"]) == (303, HUB)
    after = words((await day.get(HUB)).text)
    assert "was last taken over by Duty worker, Luton hub, today, 9:05am" in after
    assert "Your name is recorded" not in after
    (told,) = await house.told("shift.handed_over")
    assert told["taken_by_ref"] == house.ref(DUTY)
    kept = await house.sql("SELECT given_by, taken_by FROM handover")
    assert "Duty" not in str(kept)
    assert "Emergency" not in str(kept)


async def test_what_only_the_night_team_had_can_be_decided_on_its_page_in_the_morning(
    desks: Any, house: House, clock: SetClock
) -> None:
    clock.set(datetime(2026, 11, 24, 21, 0, tzinfo=UTC))
    case_id = await house.raised()
    await house.sql("UPDATE task SET closed_at = now(), state = 'done' WHERE route = 'MASH'")
    night, day = desks(), desks()
    await night.sign_in(NIGHT)
    await give(night, TEAM, "MASH")
    clock.set(datetime(2026, 11, 25, 9, 5, tzinfo=UTC))
    await day.sign_in(DUTY)
    await day.post(f"{HUB}/take", hidden((await day.get(HUB)).text))
    assert f"/triage/cases/{case_id}/decide" in (await day.get(f"/triage/cases/{case_id}")).text


async def test_a_colleague_who_comes_second_reads_that_it_is_taken(
    desks: Any, house: House
) -> None:
    await house.raised()
    first, second = desks(), desks()
    await first.sign_in(DUTY)
    await give(first, HUB, "MASH")
    await second.sign_in(MANAGER)
    form = hidden((await second.get(HUB)).text)
    await first.post(f"{HUB}/take", hidden((await first.get(HUB)).text))
    answer = await second.post(f"{HUB}/take", form)
    assert answer.status_code == 409
    assert "A colleague has taken this shift over already." in words(answer.text)
    assert "last taken over by Duty worker, Luton hub" in words((await second.get(HUB)).text)


async def test_what_is_late_is_said_on_the_page(desk: Desk, house: House, clock: SetClock) -> None:
    await house.raised()
    await desk.sign_in()
    await give(desk, HUB, "MASH")
    assert "Nobody has taken this over" not in (await desk.get(HUB)).text
    clock.set(datetime(2026, 11, 24, 10, 31, tzinfo=UTC))
    assert "Nobody has taken this over" in (await desk.get(HUB)).text


async def test_a_case_with_a_conflict_is_on_no_part_of_the_page(desk: Desk, house: House) -> None:
    secret = str(await house.raised(excluded_refs=[house.ref(DUTY)]))
    await desk.sign_in()
    await give(desk, HUB, "MASH")
    html = (await desk.get(HUB)).text
    assert secret not in html
    assert secret[-8:].upper() not in html
    assert "Your name is recorded" not in html, "what waits holds nothing for this reader"


@pytest.mark.parametrize("path", ["/triage/handover/LADO/821", "/triage/handover/MASH/886"])
async def test_another_teams_page_is_refused(desk: Desk, path: str) -> None:
    await desk.sign_in()
    assert (await desk.get(path)).status_code == 403


async def test_a_handover_is_not_given_or_taken_without_the_pages_own_form(
    desk: Desk, house: House
) -> None:
    await house.raised()
    await desk.sign_in()
    assert (await desk.post(f"{HUB}/give", {"to": "EDT"})).status_code == 403
    assert await house.sql("SELECT 1 FROM handover") == []
    form = hidden((await desk.get(HUB)).text)
    assert (await desk.post(f"{HUB}/give", form | {"to": "PRESS"})).status_code == 422
    assert (await desk.post(f"{HUB}/take", form | {"handover": "no id"})).status_code == 404
