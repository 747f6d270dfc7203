"""Places where a fault test stops the process: what a crash just there does must be known.

HANDRAIL_FAILPOINT="relay.after-publish:exit" dies as kill -9 would; ":raise" and ":sleep:2" are
the other actions; ":once" or ":every:3" at the end say how often. Several are joined by commas.
"""

import asyncio
import os
from dataclasses import dataclass


class FailPointReached(RuntimeError):
    """Raised only where a test asked for it."""


@dataclass
class _Plan:
    action: str
    seconds: float = 0.0
    every: int = 1
    once: bool = False
    seen: int = 0

    def due(self) -> bool:
        self.seen += 1
        return self.seen == self.every if self.once else self.seen % self.every == 0


def _parse(text: str) -> dict[str, _Plan]:
    plans = {}
    for item in filter(None, text.split(",")):
        name, action, *rest = item.split(":")
        plan = plans[name] = _Plan(action)
        words = iter(rest)
        for word in words:
            if word == "once":
                plan.once = True
            elif word == "every":
                plan.every = int(next(words))
            else:
                plan.seconds = float(word)
    return plans


_plans = _parse(os.environ.get("HANDRAIL_FAILPOINT", ""))


async def reach(name: str) -> None:
    if not _plans:
        return
    plan = _plans.get(name)
    if plan is None or not plan.due():
        return
    if plan.action == "exit":
        os._exit(9)
    if plan.action == "sleep":
        await asyncio.sleep(plan.seconds)
    elif plan.action == "raise":
        raise FailPointReached(name)
