"""One side of a bench: a service of ours, or a reference, in a process of its own under uvicorn."""

import json
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from handrail.bench import reference
from handrail.house import part
from handrail.issuer import DEMO_ALGORITHM, demo_jwks
from shared.auth import FixedKeys
from shared.clock import SystemClock
from shared.log import configure_logging


def made(told: dict[str, Any]) -> FastAPI:
    if told["side"] == "reference":
        return reference.create_app(told["dsn"], Path(told["row"]))
    service = part(told["side"])
    keys = FixedKeys(demo_jwks(Path(told["issuer"])), DEMO_ALGORITHM)
    return service.create_app(service.settings(**told["settings"]), SystemClock(), keys)


class _Server(uvicorn.Server):
    """Says its port once it answers there."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and sockets:
            sys.stdout.write(f"{sockets[0].getsockname()[1]}\n")
            sys.stdout.flush()


def main(told: Path) -> None:
    configure_logging("bench")
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        made(json.loads(told.read_bytes())),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    _Server(config).run([listener])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
