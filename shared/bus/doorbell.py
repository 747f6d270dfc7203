"""Tells the relay that outbox rows were committed: at once in the process, soon across processes.

A NOTIFY inside the business transaction takes a lock that all writers share, and costs two thirds
of their throughput; so it is sent afterwards, on a connection of its own, once for many commits.
"""

import asyncio
import contextlib

import asyncpg

from shared.bus.postgres import COMMAND_TIMEOUT, LOST, connect

COALESCE_SECONDS = 0.005
RETRY_SECONDS = 1.0


def channel(source: str) -> str:
    return f"outbox_{source}"


class Doorbell:
    """`ring()` after a commit; the relay waits for it. A lost ring costs one poll interval."""

    def __init__(self, dsn: str, source: str) -> None:
        self._dsn = dsn
        self._channel = channel(source)
        self._rung = asyncio.Event()
        self._to_tell = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        # True while this process's own relay leads: then nobody else needs to be told.
        self.answered_here = False

    async def start(self) -> None:
        self._task = asyncio.create_task(self._tell_others(), name=f"doorbell {self._channel}")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=COMMAND_TIMEOUT)

    def ring(self) -> None:
        self._rung.set()
        if not self.answered_here:
            self._to_tell.set()

    def heard(self) -> None:
        """Another process rang."""
        self._rung.set()

    def clear(self) -> None:
        self._rung.clear()

    async def wait(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._rung.wait(), seconds)

    async def _tell_others(self) -> None:
        while True:
            await self._to_tell.wait()
            try:
                connection = await connect(self._dsn, "doorbell")
            except LOST:
                await asyncio.sleep(RETRY_SECONDS)  # the relay polls meanwhile
                continue
            try:
                await self._notify(connection)
            except LOST:
                await asyncio.sleep(RETRY_SECONDS)
            finally:
                connection.terminate()

    async def _notify(self, connection: asyncpg.Connection) -> None:
        while True:
            await self._to_tell.wait()
            self._to_tell.clear()
            await connection.execute("SELECT pg_notify($1, '')", self._channel)
            await asyncio.sleep(COALESCE_SECONDS)
