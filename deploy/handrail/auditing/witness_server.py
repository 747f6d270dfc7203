"""Runs the witness's HTTP server."""

from collections.abc import Iterable
from pathlib import Path

import uvicorn

from audit_log.trust.signers import Signer
from audit_log.trust.vkeys import VerifierKey
from audit_log.witness.app import witness_app
from audit_log.witness.memory import Memory
from handrail.listening import listening
from shared.clock import SystemClock
from shared.log import configure_logging


def serve(
    place: Path, signers: tuple[Signer, ...], logs: Iterable[VerifierKey], host: str, port: int
) -> None:
    configure_logging("witness")
    memory = Memory(place / "latest.sqlite")
    try:
        app = witness_app(memory, signers, logs, SystemClock())
        config = uvicorn.Config(app, access_log=False, log_config=None, server_header=False)
        with listening(host, port) as listener:
            uvicorn.Server(config).run([listener])
    finally:
        memory.close()
