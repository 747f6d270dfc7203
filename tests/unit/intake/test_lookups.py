"""What is looked up once for all who ask must not hang for all who ask."""

import asyncio

import pytest

from intake.lookups import Remembered


async def test_who_asks_after_a_look_up_that_hung_is_answered_by_a_new_one() -> None:
    asked = 0

    async def look(key: str) -> str:
        nonlocal asked
        asked += 1
        if asked == 1:
            await asyncio.Event().wait()
        return key

    schools = Remembered(look, seconds=60, most=10, patience=0.05)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(schools.find("999001"), 5)
    assert await asyncio.wait_for(schools.find("999001"), 5) == "999001"
    assert asked == 2
