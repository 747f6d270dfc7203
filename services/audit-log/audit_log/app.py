"""Puts the audit log together."""

from fastapi import FastAPI

from audit_log.routes import router
from audit_log.sequencer import SERVICE, run_sequencer
from audit_log.settings import AuditSettings
from audit_log.watching import watch_unaccounted
from audit_log.web import TEMPLATES, front
from shared.app import Service, build_app
from shared.auth import Keys
from shared.clock import Clock, SystemClock
from shared.web import install_pages, sweep_sign_ins

SETTINGS = AuditSettings


def create_app(
    settings: AuditSettings, clock: Clock | None = None, token_keys: Keys | None = None
) -> FastAPI:
    service = Service(
        name=SERVICE,
        title="Handrail audit log",
        routers=[router],
        background=[run_sequencer, watch_unaccounted, sweep_sign_ins],
    )
    clock = clock or SystemClock()
    app = build_app(service, settings, clock, token_keys)
    install_pages(
        app, SERVICE, settings, clock, routers=[front.router], templates=TEMPLATES, home="/audit"
    )
    return app
