"""Puts a service together once for all four: connections, relay, consumer, errors, health."""

import asyncio
import gc
import os
import signal
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from fastapi import APIRouter, Depends, FastAPI, Request
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker
from sqlmodel.ext.asyncio.session import AsyncSession

from shared import telemetry
from shared.auth import DEMO_ISSUER, Keys, RemoteKeys, Verifier, install_verifier, public
from shared.bus import Consumer, open_consumer, open_publisher
from shared.bus.consume import run_consumer
from shared.bus.doorbell import Doorbell
from shared.bus.relay import RelayState, run_relay
from shared.clock import Clock
from shared.db import make_engine, make_sessions, not_durable
from shared.dead_letters import open_dead_letters
from shared.errors import Problem, install_problem_handlers
from shared.events.catalogue import TOPICS, topics_for
from shared.inbox import Subscription
from shared.sealing import Opener, Sealer
from shared.settings import Settings
from shared.upkeep import close_producers_hourly, sweep_hourly, watch

log = structlog.get_logger(__name__)

PARTITIONS = {topic.name: topic.partitions for topic in TOPICS}


@dataclass(frozen=True)
class Runtime:
    """What a running service holds; routes get it with `runtime_of(request)`."""

    service: str
    settings: Settings
    clock: Clock
    engine: AsyncEngine
    sessions: async_sessionmaker[AsyncSession]
    doorbell: Doorbell
    sealer: Sealer
    opener: Opener | None
    secret: bytes
    relay: RelayState = field(default_factory=RelayState)
    consumers: list[Consumer] = field(default_factory=list)


Background = Callable[[Runtime], Awaitable[None]]


@dataclass(frozen=True)
class Service:
    """What one service adds to the common house."""

    name: str
    title: str
    routers: Sequence[APIRouter]
    subscription: Callable[[Runtime], Subscription] | None = None
    background: Sequence[Background] = ()
    problem_members: Mapping[str, Any] = field(default_factory=dict)
    ready_members: Callable[[datetime], Mapping[str, Any]] = lambda _: {}


def runtime_of(request: Request) -> Runtime:
    runtime: Runtime = request.app.state.runtime
    return runtime


async def open_session(request: Request) -> AsyncIterator[AsyncSession]:
    """A session for one request. The route commits; whatever it did not commit never happened."""
    async with runtime_of(request).sessions() as session:
        yield session


def build_app(
    service: Service, settings: Settings, clock: Clock, token_keys: Keys | None = None
) -> FastAPI:
    """The service as an ASGI app. Its lifespan starts everything and stops it within seconds.

    token_keys: known beforehand in the demo and in tests; otherwise fetched from `jwks_url`.
    """
    runtime = _runtime(service.name, settings, clock)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with _running(service, runtime, app):
            yield
        if isinstance(keys, RemoteKeys):
            await keys.close()

    app = FastAPI(
        title=service.title,
        lifespan=lifespan,
        openapi_url=f"/{service.name}/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    app.state.runtime, app.state.failed = runtime, False
    # Only who holds the demo's keys in its own process accepts them; no setting can.
    keys = token_keys or RemoteKeys(settings.jwks_url, settings.algorithm, clock)
    verifier = Verifier(
        keys,
        issuer=settings.issuer,
        audience=settings.audience,
        algorithm=settings.algorithm,
        clock=clock,
        demo=token_keys is not None and settings.issuer == DEMO_ISSUER,
    )
    install_verifier(app, verifier)
    install_problem_handlers(app, service.problem_members)
    for router in service.routers:
        app.include_router(router)
    app.include_router(_health(service))
    app.include_router(_health(service), prefix=f"/{service.name}")
    return app


def _runtime(service: str, settings: Settings, clock: Clock) -> Runtime:
    dsn = settings.database_url.get_secret_value()
    engine = make_engine(dsn, f"handrail-{service}", settings.database_pool)
    return Runtime(
        service=service,
        settings=settings,
        clock=clock,
        engine=engine,
        sessions=make_sessions(engine),
        doorbell=Doorbell(dsn, service),
        sealer=Sealer.from_files(settings.keys_public),
        opener=Opener.from_files(settings.keys_private) if settings.keys_private else None,
        secret=settings.match_secret.get_secret_value().encode(),
    )


@asynccontextmanager
async def _running(service: Service, runtime: Runtime, app: FastAPI) -> AsyncIterator[None]:
    stop = asyncio.Event()
    await runtime.doorbell.start()
    tasks = [asyncio.create_task(_relay(runtime, stop), name="relay")]
    if service.subscription is not None:
        tasks.append(asyncio.create_task(_consume(service.subscription(runtime), runtime)))
    for work in service.background:
        tasks.append(asyncio.ensure_future(work(runtime)))
    tasks += [asyncio.create_task(chore) for chore in _chores(runtime)]
    for task in tasks:
        task.add_done_callback(partial(_end_process_if_it_ends, app, stop))
    if runtime.settings.metrics_port is not None:
        telemetry.serve_metrics(runtime.settings.metrics_port)
    # Passes over the imported heap cost tens of milliseconds each: they were the 99th percentile.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    try:
        yield
    finally:
        stop.set()
        for consumer in runtime.consumers:
            await consumer.stop()
        for task in tasks[1:]:
            task.cancel()
        _, hanging = await asyncio.wait(tasks, timeout=2)
        for task in hanging:
            task.cancel()  # a hard end is as correct as a soft one
        await runtime.doorbell.stop()
        await runtime.engine.dispose()


def _chores(runtime: Runtime) -> Iterator[Coroutine[Any, Any, None]]:
    name, clock = runtime.service, runtime.clock
    yield watch(name, runtime.relay, runtime.consumers, clock, runtime.sessions)
    yield close_producers_hourly(name, runtime.sessions, runtime.doorbell, clock)
    bus = runtime.settings.bus.get_secret_value()
    if not bus.startswith("kafka://"):
        yield sweep_hourly(bus)


async def _relay(runtime: Runtime, stop: asyncio.Event) -> None:
    bus = runtime.settings.bus.get_secret_value()
    dsn = runtime.settings.database_url.get_secret_value()
    publisher = open_publisher(bus, partitions=PARTITIONS, client_id=runtime.service)
    name, bell = runtime.service, runtime.doorbell
    await run_relay(dsn, publisher, name, bell, stop, state=runtime.relay)


async def _consume(subscription: Subscription, runtime: Runtime) -> None:
    consumer = open_consumer(
        runtime.settings.bus.get_secret_value(),
        runtime.service,
        topics_for(runtime.service),
        partitions=PARTITIONS,
        client_id=runtime.service,
    )
    runtime.consumers.append(consumer)
    await consumer.start()
    await run_consumer(consumer, runtime.sessions, subscription, runtime.doorbell.ring)


def _end_process_if_it_ends(
    app: FastAPI, stop: asyncio.Event, task: "asyncio.Future[None]"
) -> None:
    """Half a service is worse than none: the process ends with an error, to be started whole.

    Such work is for ever: one that returned, or was cancelled by who knows whom, is lost as well.
    """
    error = None if task.cancelled() else task.exception()
    if stop.is_set() and error is None:
        return
    log.critical("background work ended", error=type(error).__name__)
    app.state.failed = True
    os.kill(os.getpid(), signal.SIGTERM)


def _health(service: Service) -> APIRouter:
    router = APIRouter(dependencies=[Depends(public())], include_in_schema=False)

    @router.get("/livez")
    async def livez() -> dict[str, str]:
        return {"status": "alive"}

    @router.get("/readyz")
    async def readyz(request: Request) -> dict[str, Any]:
        """Ready means that what is accepted now would survive a crash. Kafka is not asked:
        concerns are accepted, and advice is given, while it is away."""
        runtime = runtime_of(request)
        try:
            async with asyncio.timeout(3), runtime.sessions() as session:
                wrong = await not_durable(session)
                dead = await open_dead_letters(session)
        except (OSError, TimeoutError):
            wrong, dead = ["unreachable"], 0
        if wrong:
            detail = "The database is not safe to write to at the moment."
            raise Problem(503, "not-ready", detail, headers={"Retry-After": "5"}, database=wrong)
        also = service.ready_members(runtime.clock.now())
        leads = runtime.relay.leading
        return {"status": "ready", "dead_letters": dead, "relay_leads": leads, **also}

    return router
