"""A mailbox for the processes under test, on a thread that outlives each test's event loop."""

import asyncio
import threading
from collections import Counter
from types import TracebackType
from typing import Self

from handrail.mailsink import MailSink


class Mailbox:
    def __init__(self) -> None:
        self._sink = MailSink(capacity=1_000_000)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def url(self) -> str:
        return self._sink.url

    def by_message_id(self) -> Counter[str]:
        """How often each notice was handed over."""
        return Counter(mail.message_id for mail in list(self._sink.mails))

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._sink.start(), self._loop).result(10)
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._sink.stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()
