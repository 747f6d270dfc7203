"""One instance of the escalation's timers: fires what is due when told to, until nothing is."""

import asyncio
import json
import sys
import time

import uvloop

from escalation.deciding import Rules
from escalation.timers import fire_due
from shared.clock import SystemClock
from shared.db import make_engine, make_sessions
from shared.policy.control.opening import open_packs


async def main(dsn: str) -> None:
    sessions = make_sessions(make_engine(dsn, "bench"))
    rules = Rules(open_packs(), SystemClock())
    # A service that has run for a while has its packs compiled and its connection made.
    rules.policy.settings("821")
    async with sessions() as session:
        await session.connection()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    before = time.process_time()
    fired = 0
    while now := await fire_due(sessions, rules):
        fired += now
    figures = {"fired": fired, "cpu_seconds": time.process_time() - before}
    sys.stdout.write(json.dumps(figures) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(sys.argv[1]))
