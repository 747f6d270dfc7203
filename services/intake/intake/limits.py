"""Keeps one runaway client from taking the others' turn."""

import time
from collections import OrderedDict
from typing import Final

from shared.errors import Problem

_REMEMBERED: Final = 10_000


class Limiter:
    """A bucket for each client: `rate` requests a second, and a burst of four seconds' worth."""

    def __init__(self, rate: float) -> None:
        self._rate, self._burst = rate, rate * 4
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def spend(self, client: str) -> None:
        """Raises 429 when the client has none left; what it then sends is not stored."""
        now = time.monotonic()
        left, since = self._buckets.get(client, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._rate)
        if left < 1:
            detail = "Too many requests came from this client. This one was not stored: send again."
            wait = str(max(1, round((1 - left) / self._rate)))
            raise Problem(429, "too-many", detail, headers={"Retry-After": wait})
        self._buckets[client] = left - 1, now
        self._buckets.move_to_end(client)
        if len(self._buckets) > _REMEMBERED:
            self._buckets.popitem(last=False)
