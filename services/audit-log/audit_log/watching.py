"""The reconciler as a watchman: it measures what is unaccounted for, and tells when that begins.

It also sees to it that the log has room: partitions are made long before they are reached.
"""

import asyncio

import structlog
from sqlalchemy import text

from audit_log.following import follow
from audit_log.settings import waits_for
from audit_log.unaccounted import counts, unaccounted
from shared import telemetry
from shared.app import Runtime
from shared.db import is_transient

MEASURE_SECONDS = 30.0
_MAKE_ROOM = text("SELECT log_add_partitions_ahead()")

log = structlog.get_logger(__name__)


async def watch_unaccounted(runtime: Runtime) -> None:
    before: dict[str, int] = {}
    while True:
        try:
            await make_room(runtime)
            before = await measure(runtime, before)
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("unaccounted not measured", error=type(error).__name__)
        await asyncio.sleep(MEASURE_SECONDS)


async def make_room(runtime: Runtime) -> None:
    async with runtime.sessions() as session:
        added: int = (await session.execute(_MAKE_ROOM)).scalar_one()
        await session.commit()  # COMMIT POINT: a crash before it leaves it to the next round
    if added:
        log.info("partitions added", count=added)


async def measure(runtime: Runtime, before: dict[str, int]) -> dict[str, int]:
    """Sets the gauge, and alarms for each kind of which there was none `before`."""
    async with runtime.sessions() as session:
        while await follow(session):
            pass  # after a long absence many short transactions
        found = counts(await unaccounted(session, runtime.clock.now(), waits_for(runtime)))
    for kind, count in found.items():
        telemetry.UNACCOUNTED.labels(kind).set(count)
        if count and not before.get(kind):
            telemetry.operator_alarm(f"unaccounted:{kind}")
    return found
