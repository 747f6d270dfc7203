"""Looks a thing up once for all who ask at the same time, and remembers it for a while."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Remembered(Generic[Key, Value]):
    """What is not there is not remembered: it may be there any moment.

    patience: a look-up that hangs for longer fails, so that who asks later begins another.
    """

    def __init__(
        self,
        look: Callable[[Key], Awaitable[Value | None]],
        *,
        seconds: float,
        most: int,
        patience: float = 2.0,
    ) -> None:
        self._look, self._seconds, self._most = look, seconds, most
        self._patience = patience
        self._known: dict[Key, tuple[float, Value]] = {}
        self._looking: dict[Key, asyncio.Task[Value | None]] = {}

    async def find(self, key: Key) -> Value | None:
        known = self._known.get(key)
        if known and time.monotonic() - known[0] < self._seconds:
            return known[1]
        task = self._looking.get(key)
        if task is None:
            task = self._looking[key] = asyncio.create_task(self._find(key))
            task.add_done_callback(lambda _: self._looking.pop(key, None))
        # Shielded: a caller who goes away must not stop the look-up that others wait for.
        return await asyncio.shield(task)

    def forget(self) -> None:
        self._known.clear()

    async def _find(self, key: Key) -> Value | None:
        async with asyncio.timeout(self._patience):
            found = await self._look(key)
        if found is not None:
            if len(self._known) >= self._most:
                self._known.clear()
            self._known[key] = time.monotonic(), found
        return found
