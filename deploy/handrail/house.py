"""Which settings and which app each service has: the one place that names all four."""

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


def part(service: str) -> Part:
    """Imports the one service asked for, so that a process holds only what it runs."""
    module: Any = import_module(f"{_PACKAGES[service]}.app")
    return Part(module.SETTINGS, module.create_app)
