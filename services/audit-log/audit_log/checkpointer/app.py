"""Puts the checkpointer together: its round in the background, and an address that tells of it."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import structlog
from fastapi import APIRouter, Depends, FastAPI

from audit_log.checkpointer.keyfile import KeyFile
from audit_log.checkpointer.memory import SignedMemory
from audit_log.checkpointer.run import Checkpointer, keep_signing
from audit_log.checkpointer.settings import CheckpointerSettings
from audit_log.checkpointer.signing import Signing
from audit_log.checkpointer.witnesses import ANSWERS_WITHIN, Witness
from audit_log.trust.policy import Policy, parse_policy
from shared import telemetry
from shared.auth import Keys, public
from shared.clock import Clock
from shared.db import make_engine, make_sessions

SETTINGS = CheckpointerSettings
log = structlog.get_logger(__name__)


def create_app(settings: CheckpointerSettings, clock: Clock, _: Keys | None = None) -> FastAPI:
    """Raises ValueError in one sentence where the keys or the policy cannot be used."""
    keys = KeyFile(settings.log_keys)
    policy = _policy(settings.log_policy)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if settings.metrics_port is not None:
            telemetry.serve_metrics(settings.metrics_port)
        async with _signing(settings, keys, policy, clock) as checkpointer:
            task = asyncio.create_task(keep_signing(checkpointer))
            task.add_done_callback(lambda ended: _end_process(app, ended))
            yield
            task.cancel()
            await asyncio.wait([task])

    app = FastAPI(title="Handrail checkpointer", lifespan=lifespan, openapi_url=None)
    app.state.failed = False
    app.include_router(_health())
    return app


def _policy(file: Path | None) -> Policy | None:
    try:
        return parse_policy(file.read_bytes()) if file else None
    except OSError as error:
        raise ValueError("the file of HANDRAIL_LOG_POLICY cannot be read") from error


@asynccontextmanager
async def _signing(
    settings: CheckpointerSettings, keys: KeyFile, policy: Policy | None, clock: Clock
) -> AsyncIterator[Checkpointer]:
    dsn = settings.database_url.get_secret_value()
    engine = make_engine(dsn, "handrail-checkpointer", 2)
    memory = SignedMemory(settings.log_memory)
    async with httpx2.AsyncClient(timeout=ANSWERS_WITHIN) as client:
        witnesses = [
            Witness(name, known, client)
            for name, known in (policy.witnesses if policy else {}).items()
            if known.url
        ]
        signing = Signing(make_sessions(engine), memory, keys, dsn)
        try:
            yield Checkpointer(signing, witnesses, policy, clock)
        finally:
            await signing.close()
            await engine.dispose()


def _end_process(app: FastAPI, task: "asyncio.Task[None]") -> None:
    """It signs for ever; where that ended by an error the process ends, to be started whole."""
    if task.cancelled():
        return
    log.critical("background work ended", error=type(task.exception()).__name__)
    app.state.failed = True
    os.kill(os.getpid(), signal.SIGTERM)


def _health() -> APIRouter:
    router = APIRouter(dependencies=[Depends(public())])

    @router.get("/livez")
    @router.get("/readyz")
    async def alive() -> dict[str, str]:
        return {"status": "alive"}

    return router
