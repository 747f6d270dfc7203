"""Half a service is worse than none: it ends whole, so that a supervisor starts it whole."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shared.app import Background, Runtime, Service, build_app
from shared.clock import SetClock
from shared.settings import Settings


async def _returns(_: Runtime) -> None:
    """Work that should have been for ever."""


async def _cancelled(_: Runtime) -> None:
    raise asyncio.CancelledError


async def _fails(_: Runtime) -> None:
    raise RuntimeError


async def _goes_on(_: Runtime) -> None:
    await asyncio.sleep(3600)


@pytest.fixture
def ended() -> Iterator[list[int]]:
    signals: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: signals.append(number))
    yield signals
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(
    ("work", "ends"), [(_returns, True), (_cancelled, True), (_fails, True), (_goes_on, False)]
)
async def test_a_service_whose_work_ends_in_any_way_is_ended_whole(  # noqa: PLR0917 - fixtures
    work: Background,
    ends: bool,
    ended: list[int],
    settings_for: Callable[..., Settings],
    clock: SetClock,
    issuer: Any,
) -> None:
    service = Service("notify", "Half", routers=[], background=[work])
    app = build_app(service, settings_for("notify"), clock, issuer.keys)
    async with app.router.lifespan_context(app):
        await asyncio.sleep(0.3)
        assert (app.state.failed, bool(ended)) == (ends, ends)
    assert bool(ended) is ends
