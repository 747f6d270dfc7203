"""Which settings and which app each process has: the one place that names them all."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from fastapi import FastAPI

from shared.auth import Keys
from shared.clock import Clock
from shared.settings import Settings


@dataclass(frozen=True)
class Part:
    """A service's settings class and the function that makes its app from them."""

    settings: type[Settings]
    create_app: Callable[[Settings, Clock, Keys | None], FastAPI]


_PACKAGES = {
    "intake": "intake",
    "escalation": "escalation",
    "notify": "notify",
    "audit-log": "audit_log",
}
SERVICES = tuple(_PACKAGES)
# The audit log's key is in a process of its own, which answers nobody.
CHECKPOINTER = "checkpointer"
PROCESSES = {**_PACKAGES, CHECKPOINTER: "audit_log.checkpointer"}


def part(service: str) -> Part:
    """Imports the one process asked for, so that a process holds only what it runs."""
    module: Any = import_module(f"{PROCESSES[service]}.app")
    return Part(module.SETTINGS, module.create_app)
