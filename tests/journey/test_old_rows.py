"""An inbox forgets what can never come again, and nothing that still may."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg

from escalation.old_rows import OLD
from shared.app import Service, build_app
from shared.clock import SetClock
from shared.housekeeping import KEPT, sweep
from shared.settings import Settings
from tests.conftest import Database, TestIssuer

DAY = timedelta(days=1)


async def test_an_inbox_and_the_links_forget_only_what_is_over(
    database: Database, settings_for: Callable[..., Settings], clock: SetClock, issuer: TestIssuer
) -> None:
    now = clock.now()

    def made(days: int) -> UUID:
        millis = int((now - days * DAY).timestamp() * 1000)
        return UUID(int=(millis << 80) | (7 << 76) | (uuid4().int & ((1 << 64) - 1)))

    long_ago, sent_late, recent = made(46), made(46), made(44)
    received = {long_ago: now - 46 * DAY, sent_late: now - DAY, recent: now - 44 * DAY}
    connection = await asyncpg.connect(database.dsn("escalation"))
    for event_id, at in received.items():
        row = "INSERT INTO inbox (consumer, event_id, received_at) VALUES ('escalation', $1, $2)"
        await connection.execute(row, event_id, at)
    for name, ends_at in (("over", now - 46 * DAY), ("too old", now - DAY), ("open", now + DAY)):
        row = "INSERT INTO one_time_link (id, task_id, ends_at) VALUES ($1, $2, $3)"
        await connection.execute(row, name.encode(), uuid4(), ends_at)
    service = Service("escalation", "Old rows", routers=[])
    runtime = build_app(service, settings_for("escalation"), clock, issuer.keys).state.runtime
    assert KEPT == 45 * DAY
    assert await sweep("escalation", runtime.sessions, now, *OLD) == 2
    left = await connection.fetch("SELECT event_id FROM inbox ORDER BY received_at")
    assert [row["event_id"] for row in left] == [recent, sent_late]
    links = await connection.fetch("SELECT id FROM one_time_link ORDER BY ends_at")
    assert [row["id"] for row in links] == [b"too old", b"open"]
    await connection.close()
    await runtime.engine.dispose()
