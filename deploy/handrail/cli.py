"""The command line `handrail`: one sub-command for each thing a person runs."""

import sys
from importlib import import_module
from typing import Any

import typer

# Where each command is. Only the one asked for is imported: a token must not wait for the services.
_COMMANDS = {
    "demo": "handrail.demo:demo",
    "drill": "handrail.drill_cli:drill",
    "token": "handrail.token:token",
    "serve": "handrail.serve:serve",
    "migrate": "handrail.serve:migrate",
    "prune": "handrail.prune:prune",
}
_GROUPS = {
    "audit": "handrail.audit_cli:audit_app",
    "bench": "handrail.bench:bench_app",
    "events": "handrail.event_contracts:events_app",
    "heartbeat": "handrail.heartbeat_cli:heartbeat_app",
    "keys": "handrail.keys:keys_app",
    "policy": "handrail.policy_cli:policy_app",
    "privacy": "handrail.privacy:privacy_app",
    "schools": "handrail.schools:schools_app",
    "snapshot": "handrail.snapshot:snapshot_app",
    "topics": "handrail.topics:topics_app",
}


def _load(where: str) -> Any:
    module, name = where.split(":")
    return getattr(import_module(module), name)


def build(wanted: str | None) -> typer.Typer:
    """The command line with the wanted command, or with every one where none is named."""
    app = typer.Typer(
        no_args_is_help=True,
        add_completion=False,
        # A traceback with local variables could print what someone submitted.
        pretty_exceptions_enable=False,
        help="Brings every safeguarding concern a school raises to the people who must act on it.",
    )

    @app.callback()
    def root() -> None:
        """Keeps the command's name in use even where only one is loaded."""

    only = wanted if wanted in _COMMANDS or wanted in _GROUPS else None
    for name, where in _COMMANDS.items():
        if only in (None, name):
            app.command(name)(_load(where))
    for name, where in _GROUPS.items():
        if only in (None, name):
            app.add_typer(_load(where), name=name)
    return app


def main() -> None:
    build(sys.argv[1] if len(sys.argv) > 1 else None)()
