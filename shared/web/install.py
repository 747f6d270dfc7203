"""Gives a service its pages: templates, static files, sign-in, and pages for its errors."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import structlog
from fastapi import APIRouter, FastAPI

from shared.app import Runtime
from shared.clock import Clock
from shared.db import is_transient
from shared.web.assets import assets_router
from shared.web.page_route import page_for_unknown_addresses
from shared.web.rendering import use_templates
from shared.web.settings import WebSettings
from shared.web.signin.provider import Provider
from shared.web.signin.routes import sign_in_router
from shared.web.signin.sessions import sweep
from shared.web.state import Web

log = structlog.get_logger(__name__)

_HOUR: Final = 3600


def install_pages(
    app: FastAPI,
    service: str,
    settings: WebSettings,
    clock: Clock,
    *,
    routers: Sequence[APIRouter],
    templates: Path,
    home: str,
) -> None:
    """routers: made with `page_router()`. templates: the folder of `<service>/<name>.html`."""
    callback = f"{settings.origin}/{service}/sign-in/callback"
    app.state.web = Web(service, settings, Provider(settings, callback, clock), home)
    use_templates(service, templates)
    for router in (*routers, sign_in_router(service), assets_router(service)):
        app.include_router(router)
    page_for_unknown_addresses(app)


async def sweep_sign_ins(runtime: Runtime) -> None:
    """Background work of a service with pages: forgets, hourly, sign-ins that have run out."""
    while True:
        try:
            await sweep(runtime.sessions, runtime.clock.now())
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("sign-ins were not swept", error=type(error).__name__)
        await asyncio.sleep(_HOUR)
