"""Connections that the server has ended are noticed without asking it each time."""

import asyncio
from typing import Any

import asyncpg
from sqlalchemy import text

from shared.db import make_engine, make_sessions

END_OTHERS = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'to-be-ended'
"""
OURS = "SELECT pg_backend_pid()"


async def test_after_the_server_ended_all_connections_the_next_work_gets_a_new_one(
    database: Any,
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
