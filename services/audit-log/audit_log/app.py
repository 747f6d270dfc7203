"""Puts the audit log together."""

from functools import partial

from fastapi import FastAPI

from audit_log import serving
from audit_log.auditors import story
from audit_log.consuming import run_sequencer
from audit_log.readers import keep_open, let_read, make_reader
from audit_log.routes import router
from audit_log.search import routes as search
from audit_log.sequencer import SERVICE
from audit_log.settings import AuditSettings
from audit_log.watching import watch_unaccounted
from audit_log.web import TEMPLATES, entries, front
from shared.app import Service, build_app
from shared.auth import Keys
from shared.clock import Clock, SystemClock
from shared.web import install_pages, sweep_sign_ins

SETTINGS = AuditSettings


def create_app(
    settings: AuditSettings, clock: Clock | None = None, token_keys: Keys | None = None
) -> FastAPI:
    clock = clock or SystemClock()
    reader = make_reader(settings)
    service = Service(
        name=SERVICE,
        title="Handrail audit log",
        routers=[router, search.router, story.router, serving.proofs, serving.files],
        background=[run_sequencer, watch_unaccounted, sweep_sign_ins, partial(keep_open, reader)],
    )
    app = build_app(service, settings, clock, token_keys)
    install_pages(
        app,
        SERVICE,
        settings,
        clock,
        routers=[front.router, entries.router],
        templates=TEMPLATES,
        home="/audit",
    )
    let_read(app, reader)
    return app
