"""The reconciler as a watchman: it measures what is unaccounted for, and tells when that begins."""

import asyncio
import time

import structlog

from audit_log.settings import waits_for
from audit_log.unaccounted import counts, unaccounted
from shared import telemetry
from shared.app import Runtime
from shared.db import is_transient

MEASURE_SECONDS = 30.0
# The questions go over the whole log: of a long one they may take a tenth of the time, no more.
_REST = 9

log = structlog.get_logger(__name__)


async def watch_unaccounted(runtime: Runtime) -> None:
    before: dict[str, int] = {}
    while True:
        started = time.monotonic()
        try:
            before = await measure(runtime, before)
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("unaccounted not measured", error=type(error).__name__)
        await asyncio.sleep(max(MEASURE_SECONDS, _REST * (time.monotonic() - started)))


async def measure(runtime: Runtime, before: dict[str, int]) -> dict[str, int]:
    """Sets the gauge, and alarms for each kind of which there was none `before`."""
    async with runtime.sessions() as session:
        found = counts(await unaccounted(session, runtime.clock.now(), waits_for(runtime)))
    for kind, count in found.items():
        telemetry.UNACCOUNTED.labels(kind).set(count)
        if count and not before.get(kind):
            telemetry.operator_alarm(f"unaccounted:{kind}")
    return found
