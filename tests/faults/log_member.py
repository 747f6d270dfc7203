"""One member of the log as a process of its own, forked from a warm one so that a kill is cheap."""

import asyncio
import multiprocessing
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from audit_log.app import create_app
from audit_log.checkpointer.keyfile import KeyFile
from audit_log.checkpointer.memory import SignedMemory
from audit_log.checkpointer.run import Checkpointer
from audit_log.checkpointer.signing import Signing
from audit_log.consuming import run_sequencer
from audit_log.settings import AuditSettings
from shared.bus import failpoint
from shared.clock import SystemClock
from shared.db import make_engine, make_sessions

ROUND_SECONDS = 0.02


def warm() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def start(
    context: ForkServerContext, kind: str, told: dict[str, Any], failpoints: str
) -> ForkServerProcess:
    """kind: `sequencer` or `checkpointer`."""
    target = {"sequencer": _sequencer, "checkpointer": _checkpointer}[kind]
    process = context.Process(target=target, args=(told, failpoints), daemon=True)
    process.start()
    return process


def _sequencer(told: dict[str, Any], failpoints: str) -> None:
    failpoint._plans = failpoint._parse(failpoints)
    secrets = (
        "database_url", "reader_database_url", "bus", "match_secret", "oidc_client_secret",
    )  # fmt: skip
    values = told["settings"] | {name: SecretStr(told["settings"][name]) for name in secrets}
    app = create_app(AuditSettings(**values), SystemClock())
    asyncio.run(run_sequencer(app.state.runtime))


def _checkpointer(told: dict[str, Any], failpoints: str) -> None:
    failpoint._plans = failpoint._parse(failpoints)
    asyncio.run(_sign_for_ever(told))


async def _sign_for_ever(told: dict[str, Any]) -> None:
    checkpointer = checkpointer_of(told)
    while True:
        await checkpointer.round()
        await checkpointer.signing.settle()
        await asyncio.sleep(ROUND_SECONDS)


def checkpointer_of(told: dict[str, Any]) -> Checkpointer:
    engine = make_engine(told["checkpointer"], "log-member", pool_size=1)
    place = Path(told["place"])
    memory, keys = SignedMemory(place / "signed"), KeyFile(place / "key")
    signing = Signing(make_sessions(engine), memory, keys, told["checkpointer"])
    return Checkpointer(signing, [], None, SystemClock())
