"""Takes batches from the bus for as long as a service lives, and gives them to its inbox."""

from collections.abc import Callable

import structlog
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.bus import Consumer
from shared.bus.failpoint import reach
from shared.db import is_transient
from shared.inbox import Subscription, apply

log = structlog.get_logger(__name__)


async def run_consumer(
    consumer: Consumer,
    sessions: async_sessionmaker[AsyncSession],
    to: Subscription,
    committed: Callable[[], None] = lambda: None,
) -> None:
    """Applies batches for as long as the consumer lives; what may pass is tried for ever.

    committed: called after each batch, to wake whoever brings its events on.
    """
    failures: dict[tuple[str, int], int] = {}
    async for batch in consumer.batches():
        place = (batch.topic, batch.partition)
        try:
            await apply(batch, sessions, to)
        except Exception as error:
            if not is_transient(error):
                raise
            failures[place] = failures.get(place, 0) + 1
            wait = min(to.back_off[0] * 2 ** failures[place], to.back_off[1])
            log.warning(
                "batch waits", error=type(error).__name__, attempt=failures[place], seconds=wait
            )
            await consumer.again(batch, wait)
            continue
        failures.pop(place, None)
        committed()
        await reach("consumer.after-commit")
        await consumer.done(batch)
        await reach("consumer.after-offset")
