"""The load, in a process of its own: requests over kept connections, as many as have an answer.

Reads one job a line from its input and writes one line of figures for each.
"""

import asyncio
import sys
import time
from typing import Any
from uuid import uuid4

import orjson
import uvloop

from handrail.bench.figures import spread
from handrail.bench.sample import bodies

_HEAD_END = b"\r\n\r\n"
_BODIES = 500


class Caller(asyncio.Protocol):
    """One connection with at most one request under way."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._answer: asyncio.Future[int] | None = None
        self._transport: Any = None
        self.body = b""  # of the last answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError())

    def ask(self, request: bytes) -> "asyncio.Future[int]":
        """The status, once the whole answer is there."""
        self._answer = asyncio.get_running_loop().create_future()
        self._buffer.clear()
        self._transport.write(request)
        return self._answer

    def close(self) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(_HEAD_END)
        if end < 0 or self._answer is None:
            return
        head = bytes(self._buffer[:end]).lower()
        length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
        end += len(_HEAD_END)
        if len(self._buffer) >= end + length and not self._answer.done():
            self.body = bytes(self._buffer[end : end + length])
            self._answer.set_result(int(head[9:12]))


def request(path: str, token: str, body: bytes, key: str) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {token}\r\nIdempotency-Key: {key}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def connected(port: int) -> Caller:
    _, caller = await asyncio.get_running_loop().create_connection(Caller, "127.0.0.1", port)
    return caller


async def window(job: dict[str, Any], some: list[bytes]) -> dict[str, Any]:
    """Closed loop: each connection sends its next request when it has its answer."""
    callers = [await connected(job["port"]) for _ in range(job["clients"])]
    milliseconds: list[float] = []
    refused = 0
    begun = time.perf_counter()
    end = begun + job["seconds"]

    async def call(caller: Caller, number: int) -> None:
        nonlocal refused
        while (at := time.perf_counter()) < end:
            number += 1
            body = some[number % len(some)]
            status = await caller.ask(request(job["path"], job["token"], body, uuid4().hex))
            milliseconds.append((time.perf_counter() - at) * 1000)
            refused += status != job["expect"]

    await asyncio.gather(*(call(caller, n * 7) for n, caller in enumerate(callers)))
    took = time.perf_counter() - begun
    for caller in callers:
        caller.close()
    found = spread(milliseconds)
    return {
        "requests": found["count"],
        "rps": found["count"] / took,
        "p50_ms": found["p50"],
        "p99_ms": found["p99"],
        "refused": refused,
    }


def main() -> None:
    some = bodies(_BODIES)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for line in sys.stdin.buffer:
            found = runner.run(window(orjson.loads(line), some))
            sys.stdout.buffer.write(orjson.dumps(found) + b"\n")
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
