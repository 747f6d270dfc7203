"""An open page keeps up with the clock: what was in time is late once its deadline passes."""

from datetime import timedelta
from uuid import UUID

import pytest

from shared.clock import SetClock
from tests.conftest import Database, TestIssuer
from tests.journey.escalation.house import House
from tests.journey.web.conftest import Desk
from tests.journey.web.streams import HERE, Open, Stream, live_address

MINUTE = timedelta(minutes=1)


@pytest.fixture
def house(desk: Desk, clock: SetClock, issuer: TestIssuer, database: Database) -> House:
    return House(desk.app, clock, issuer, database)


async def due_in(house: House, minutes: int) -> UUID:
    """A hub's task that is due so soon, and whose case has no other clock that its row shows."""
    case_id = await house.raised()
    by = house.clock.now() + minutes * MINUTE
    await house.sql("UPDATE case_file SET answer_by = NULL WHERE id = $1", case_id)
    rows = await house.sql(
        "UPDATE task SET by = $2, due_at = $2 WHERE case_id = $1 AND route = 'MASH' RETURNING id",
        case_id,
        by,
    )
    task: UUID = rows[0]["id"]
    return task


async def shown(stream: Stream, house: House) -> None:
    """Until the stream is up and knows its rows: it tells of whatever changes from then on."""
    marker = await due_in(house, 600)
    await stream.until(lambda: f'id="row-{marker}"' in stream.text)


async def test_a_row_is_overdue_on_an_open_page_as_its_deadline_passes(
    desk: Desk, house: House, clock: SetClock, opened: Open
) -> None:
    task = await due_in(house, 20)
    await desk.sign_in(path=HERE)
    async with opened.stream(desk) as stream:
        await shown(stream, house)
        stream.events.clear()
        clock.advance(5 * MINUTE)
        cell = f'hx-target="#by-{task}" hx-swap="innerHTML"'
        await stream.until(lambda: cell in stream.text)
        assert "in 15 working minutes" in stream.text
        assert f"row-{task}" not in stream.text
        clock.advance(15 * MINUTE)
        await stream.until(lambda: f'id="row-{task}"' in stream.text)
        assert "Overdue</strong>" in stream.text
        assert "The queue changed at" in stream.events[-1]


async def test_what_the_clock_does_not_move_is_not_sent(
    desk: Desk, house: House, clock: SetClock, opened: Open
) -> None:
    far = await due_in(house, 60 * 24 * 10 + 30)
    near = await due_in(house, 30)
    await desk.sign_in(path=HERE)
    async with opened.stream(desk) as stream:
        await shown(stream, house)
        stream.events.clear()
        clock.advance(MINUTE)
        await stream.until(lambda: f"by-{near}" in stream.text)
        assert str(far) not in stream.text


async def test_a_part_of_what_is_overdue_gains_a_row_as_it_becomes_so(
    desk: Desk, house: House, clock: SetClock, opened: Open
) -> None:
    task = await due_in(house, 3)
    await desk.sign_in(path=HERE)
    part = live_address((await desk.get(f"{HERE}?overdue=1")).text)
    async with opened.stream(desk, part) as stream:
        clock.advance(4 * MINUTE)
        await stream.until(lambda: f'id="row-{task}"' in stream.text)


async def test_a_page_that_was_read_before_a_deadline_hears_that_it_has_passed(
    desk: Desk, house: House, clock: SetClock, opened: Open
) -> None:
    task = await due_in(house, 3)
    await desk.sign_in(path=HERE)
    address = live_address((await desk.get(HERE)).text)
    clock.advance(4 * MINUTE)
    async with opened.stream(desk, address) as stream:
        await stream.until(lambda: f'id="row-{task}"' in stream.text)
