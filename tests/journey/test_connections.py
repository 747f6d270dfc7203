"""Connections that have ended or were cut are noticed, without asking the server each time."""

import asyncio
import ctypes
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest
from sqlalchemy import text

import shared.db
from shared.bus.postgres import connect as connect_bus
from shared.db import connect, is_transient, make_engine, make_sessions
from tests.conftest import Database

END_OTHERS = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'to-be-ended'
"""
OURS = "SELECT pg_backend_pid()"
SO_ATTACH_FILTER = 26
DROP_ALL = struct.pack("HBBI", 0x06, 0, 0, 0)  # "return 0 bytes", for the kernel's packet filter


@dataclass
class Firewall:
    """Lies before the database, and can begin to drop what comes without a word to the sender."""

    dsn: str
    accepted: list[socket.socket] = field(default_factory=list)

    def drop(self) -> None:
        program = ctypes.create_string_buffer(DROP_ALL, len(DROP_ALL))
        filtered = struct.pack("HxxxxxxP", 1, ctypes.addressof(program))
        for each in self.accepted:
            each.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, filtered)


@asynccontextmanager
async def firewall(dsn: str) -> AsyncIterator[Firewall]:
    to = urlsplit(dsn)
    (directory,) = parse_qs(to.query)["host"]
    tasks: set[asyncio.Task[None]] = set()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
        except OSError:
            pass
        finally:
            writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wall.accepted.append(writer.get_extra_info("socket"))
        up, down = await asyncio.open_unix_connection(f"{directory}/.s.PGSQL.5432")
        tasks.add(asyncio.create_task(carry(reader, down)))
        tasks.add(asyncio.create_task(carry(up, writer)))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    wall = Firewall(f"postgresql://{to.username}@127.0.0.1:{port}{to.path}")
    yield wall
    server.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_connection_that_is_cut_without_a_word_is_lost_and_not_waited_for(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.db, "_CUT_MILLISECONDS", 500)
    monkeypatch.setattr(shared.db, "_ASK_SECONDS", 1)
    async with firewall(database.dsn("intake")) as wall:
        engine = make_engine(wall.dsn, "cut", pool_size=1)
        alone, bus = await connect(wall.dsn, "cut"), await connect_bus(wall.dsn, "cut")

        async def pooled() -> None:
            async with make_sessions(engine)() as session:
                await session.execute(text(OURS))
                wall.drop()
                await session.execute(text(OURS))

        waiting = asyncio.create_task(alone.execute("SELECT pg_sleep(60)"))
        await asyncio.sleep(0.1)  # what was asked is on its way and acknowledged: nothing is unsent
        async with asyncio.timeout(60):  # the system's own limit is a quarter of an hour
            cut = await asyncio.gather(
                pooled(), waiting, bus.execute("SELECT pg_sleep(60)"), return_exceptions=True
            )
        assert [is_transient(error) for error in cut if error is not None] == [True] * 3
        await engine.dispose()
        alone.terminate()
        bus.terminate()


async def test_a_pool_in_which_all_is_taken_says_not_now(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.db, "_POOL_SECONDS", 0.1)
    engine = make_engine(database.dsn("intake"), "full", pool_size=1)
    taken = [await engine.connect() for _ in range(2)]
    with pytest.raises(Exception, match="QueuePool limit") as refused:
        await engine.connect()
    for one in taken:
        await one.close()
    await engine.dispose()
    assert is_transient(refused.value)


async def test_after_the_server_ended_all_connections_the_next_work_gets_a_new_one(
    database: Database,
) -> None:
    dsn = database.dsn("intake")
    engine = make_engine(dsn, "to-be-ended", pool_size=3)
    sessions = make_sessions(engine)

    async def backend() -> int:
        async with sessions() as session:
            pid: int = (await session.execute(text(OURS))).scalar_one()
            await asyncio.sleep(0.05)  # so that each of those at once has one of its own
            return pid

    before = set(await asyncio.gather(*(backend() for _ in range(3))))
    assert len(before) == 3
    operator = await asyncpg.connect(dsn)
    try:
        assert await operator.fetchval(END_OTHERS) == 3
        await asyncio.sleep(0.2)
        after = set(await asyncio.gather(*(backend() for _ in range(3))))
    finally:
        await operator.close()
        await engine.dispose()
    assert not after & before
