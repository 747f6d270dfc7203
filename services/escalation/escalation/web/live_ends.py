"""Ends live streams that may not go on: the sign-in behind one is over, or the process is."""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

import structlog
from fastapi import Request

from shared.db import is_transient
from shared.web import signed_out

log = structlog.get_logger(__name__)
_LOOK_EVERY: Final = 0.5


class Ends:
    """The streams that are open in this process, each with the event that ends it."""

    def __init__(self) -> None:
        self._open: dict[asyncio.Event, Request] = {}
        self._began = asyncio.Event()

    @contextmanager
    def of(self, request: Request) -> Iterator[asyncio.Event]:
        ended = asyncio.Event()
        self._open[ended] = request
        self._began.set()
        try:
            yield ended
        finally:
            del self._open[ended]

    async def run(self) -> None:
        """For ever: one look for all streams, as long as one is open."""
        with _before_the_process_ends(self._end_all):
            while True:
                await self._began.wait()
                try:
                    over = await signed_out(list(self._open.values()))
                except Exception as error:
                    if not is_transient(error):
                        raise
                    log.warning("sign-ins were not looked at", error=type(error).__name__)
                else:
                    for ended, request in self._open.items():
                        if request in over:
                            ended.set()
                if not self._open:
                    self._began.clear()
                await asyncio.sleep(_LOOK_EVERY)

    def _end_all(self) -> None:
        for ended in self._open:
            ended.set()


@contextmanager
def _before_the_process_ends(first: Callable[[], None]) -> Iterator[None]:
    """A server that is told to stop waits for its connections, and a stream has no end of its own.

    What the server does on the signal is done after it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before: dict[int, Callable[[int, FrameType | None], Any]] = {}

    def told(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(first)
        before[number](number, frame)

    for number in (signal.SIGTERM, signal.SIGINT):
        known: Any = signal.getsignal(number)
        if callable(known) and known is not signal.default_int_handler:
            before[number] = known
            signal.signal(number, told)
    try:
        yield
    finally:
        for each, known in before.items():
            if signal.getsignal(each) is told:
                signal.signal(each, known)
