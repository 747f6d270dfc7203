"""An open desk: each change reaches it as a row, nothing kept from it does, and it ends in time."""

import re
from collections.abc import Callable
from functools import partial
from html import unescape
from uuid import UUID

import pytest
from sqlalchemy import event

from shared.clock import SetClock
from tests.conftest import Database, TestIssuer
from tests.journey.escalation.house import House, worker
from tests.journey.web.conftest import DUTY, Desk, hidden
from tests.journey.web.streams import HERE, Open, Stream, live_address

MANAGER = "demo-manager-mash-821"


@pytest.fixture
def house(desk: Desk, clock: SetClock, issuer: TestIssuer, database: Database) -> House:
    return House(desk.app, clock, issuer, database)


async def hub_task(house: House, case_id: UUID) -> UUID:
    rows = await house.sql("SELECT id FROM task WHERE case_id = $1 AND route = 'MASH'", case_id)
    task: UUID = rows[0]["id"]
    return task


async def claim(house: House, case_id: UUID) -> None:
    version = (await house.case(worker(), case_id))["version"]
    answer = await house.ask("POST", f"/v1/cases/{case_id}/claim", worker(), version=version)
    assert answer.status_code == 200


async def test_a_new_case_and_a_claim_reach_the_page_as_its_rows(
    desk: Desk, house: House, opened: Open
) -> None:
    await desk.sign_in(path=HERE)
    async with opened.stream(desk) as stream:
        case_id = await house.raised()
        task = await hub_task(house, case_id)
        await stream.until(lambda: f'id="row-{task}"' in stream.text)
        assert "Nobody" in stream.text
        await claim(house, case_id)
        await stream.until(lambda: "Someone else" in stream.text)


async def test_a_page_that_lost_its_stream_is_told_what_it_missed(
    desk: Desk, house: House, opened: Open
) -> None:
    await desk.sign_in(path=HERE)
    address = live_address((await desk.get(HERE)).text)
    early = await hub_task(house, await house.raised())
    async with opened.stream(desk, address) as stream:  # changed after the page was read
        await stream.until(lambda: f'id="row-{early}"' in stream.text)
        last = stream.last
    late = await hub_task(house, await house.raised())
    async with opened.stream(desk, address, last) as stream:
        await stream.until(lambda: f'id="row-{late}"' in stream.text)


async def test_a_change_that_is_no_longer_known_asks_for_the_whole_page(
    desk: Desk, house: House, opened: Open
) -> None:
    await desk.sign_in(path=HERE)
    for _ in range(2):
        await house.raised()
    await house.sql("DELETE FROM queue_change WHERE seq < (SELECT max(seq) FROM queue_change)")
    async with opened.stream(desk, f"{HERE}/live?seen=1", "1") as stream:
        await stream.until(lambda: "event: handrail:reload" in stream.text)


async def test_a_row_that_leaves_the_queue_or_the_part_is_taken_out(
    desk: Desk, house: House, opened: Open
) -> None:
    case_id = await house.raised()
    task = await hub_task(house, case_id)
    await desk.sign_in(path=HERE)
    nobodys = live_address((await desk.get(f"{HERE}?has=nobody")).text)
    async with opened.stream(desk, nobodys) as part, opened.stream(desk) as whole:
        await claim(house, case_id)
        gone = f'<hx-partial hx-target="#row-{task}" hx-swap="delete">'
        await whole.until(lambda: "Someone else" in whole.text)
        await part.until(lambda: gone in part.text)
        assert "Someone else" not in part.text
        version = (await house.case(worker(), case_id))["version"]
        body = {"outcome": "NEW_REFERRAL"}
        await house.ask("POST", f"/v1/cases/{case_id}/decide", worker(), body, version)
        row = f'id="row-{task}"'
        await whole.until(lambda: gone in whole.events[-1] and row not in whole.events[-1])


async def test_a_later_page_is_not_filled_with_rows_of_an_earlier_one(
    desk: Desk, house: House, opened: Open
) -> None:
    low = {"harm_level": "low", "concern_types": ["neglect"]}
    for _ in range(51):
        await house.raised(facts=low)
    await desk.sign_in(path=HERE)
    first = await desk.get(HERE)
    following = re.search(r'href="(/triage/MASH/821\?[^"]+)" rel="next"', first.text)
    assert following
    second = await desk.get(unescape(following[1]))
    async with (
        opened.stream(desk, live_address(first.text)) as one,
        opened.stream(desk, live_address(second.text)) as two,
    ):
        first_now = await house.raised()
        await house.sql("UPDATE task SET priority = 'P0', rank = 1 WHERE case_id = $1", first_now)
        task = await hub_task(house, first_now)
        await one.until(lambda: f'id="row-{task}"' in one.text)
        last = await hub_task(house, await house.raised(facts=low))
        await two.until(lambda: f'id="row-{last}"' in two.text)
        assert f'id="row-{task}"' not in two.text


async def test_whoever_is_kept_out_is_sent_nothing_of_a_case_while_others_are(
    desks: Callable[[], Desk], house: House, opened: Open
) -> None:
    kept_out, other = desks(), desks()
    await kept_out.sign_in(DUTY, HERE)
    await other.sign_in(MANAGER, HERE)
    async with opened.stream(kept_out) as theirs, opened.stream(other) as others:
        seen = await house.raised()
        task = await hub_task(house, seen)
        await theirs.until(lambda: f'id="row-{task}"' in theirs.text)
        secret = await house.raised(excluded_refs=[house.ref(DUTY)])
        await others.until(lambda: str(secret) in others.text)
        await house.amended(seen, excluded_refs=[house.ref(DUTY)])
        await theirs.until(
            lambda: f'id="row-{task}"' not in theirs.events[-1] and str(task) in theirs.events[-1]
        )
        assert str(secret) not in theirs.text


async def test_who_has_a_case_is_told_to_each_as_it_is_for_them(
    desks: Callable[[], Desk], house: House, opened: Open
) -> None:
    mine, other = desks(), desks()
    form = hidden((await mine.sign_in(DUTY, HERE)).text)
    await other.sign_in(MANAGER, HERE)
    await house.raised()
    async with opened.stream(mine) as my_page, opened.stream(other) as other_page:
        await mine.post(f"{HERE}/take", form)
        await my_page.until(lambda: ">You\n" in my_page.text or ">You" in my_page.text)
        await other_page.until(lambda: "Someone else" in other_page.text)
        assert ">You" not in other_page.text


async def test_many_desks_cost_one_look_for_each_change(
    desks: Callable[[], Desk], house: House, opened: Open
) -> None:
    looks: list[str] = []

    def heard(_: object, __: object, statement: str, *___: object) -> None:
        if "array_agg" in statement:
            looks.append(statement)

    one = desks()
    await one.sign_in(DUTY, HERE)
    async with opened.stream(one) as a, opened.stream(one) as b, opened.stream(one) as c:
        engine = house.runtime.engine.sync_engine
        event.listen(engine, "before_cursor_execute", heard)
        case_id = str(await house.raised())
        for stream in (a, b, c):
            await stream.until(partial(_tells, stream, case_id))
        event.remove(engine, "before_cursor_execute", heard)
    assert len(looks) == 1


def _tells(stream: Stream, what: str) -> bool:
    return what in stream.text


async def test_a_stream_ends_soon_after_the_sign_out(
    desk: Desk, house: House, opened: Open
) -> None:
    await desk.sign_in(path=HERE)
    async with opened.stream(desk) as stream:
        token = await desk.token()
        await desk.post("/escalation/sign-out", {"csrf": token})
        await stream.until(lambda: stream.over)
        await house.raised()
    assert stream.events == []


async def test_a_stream_without_a_sign_in_is_refused_and_not_redirected(desk: Desk) -> None:
    answer = await desk.get(f"{HERE}/live")
    assert answer.status_code == 401
