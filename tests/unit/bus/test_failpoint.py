"""A fail-point strikes where and as often as it was told to, and nowhere else."""

import asyncio
import os
import subprocess
import sys

import pytest

SCRIPT = """
import asyncio
from shared.bus.failpoint import FailPointReached, reach

async def main():
    for n in range(1, 7):
        try:
            await reach("elsewhere")
            await reach("here")
        except FailPointReached:
            print(n, end=" ", flush=True)

asyncio.run(main())
"""


async def run(plan: str) -> tuple[int, str]:
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, "HANDRAIL_FAILPOINT": plan},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.strip()


@pytest.mark.parametrize(
    ("plan", "struck"),
    [
        ("", ""),
        ("other:raise", ""),
        ("here:raise", "1 2 3 4 5 6"),
        ("here:raise:once", "1"),
        ("here:raise:every:3", "3 6"),
        ("here:raise:every:3:once", "3"),
        ("other:exit,here:raise:once", "1"),
    ],
)
async def test_it_strikes_as_often_as_told(plan: str, struck: str) -> None:
    assert await run(plan) == (0, struck)


async def test_exit_ends_the_process_as_a_kill_does() -> None:
    assert await run("here:exit:every:2") == (9, "")
