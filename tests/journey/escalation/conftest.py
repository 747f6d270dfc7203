"""The escalation service on a real database."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest_asyncio

from escalation.app import create_app
from shared.clock import SetClock
from tests.journey.escalation.house import House


@pytest_asyncio.fixture
async def house(
    settings_for: Callable[..., Any], clock: SetClock, issuer: Any, database: Any
) -> AsyncIterator[House]:
    clock.set(datetime(2026, 11, 24, 10, 0, tzinfo=UTC))
    app = create_app(settings_for("escalation"), clock, issuer.keys)
    house = House(app, clock, issuer, database)
    yield house
    await house.runtime.engine.dispose()
