"""No route is open by oversight, and every path is one that the proxy sends to its service."""

from collections.abc import Callable

import pytest
from fastapi import FastAPI

from handrail.house import SERVICES, part
from handrail.paths import service_for
from shared.auth import Authority, FixedKeys, Public, authorities
from shared.clock import SystemClock
from shared.settings import Settings

OPEN_TO_ANYONE = {
    "/livez",
    "/readyz",
    "/checkpoint",
    "/tile/{path:path}",
    "/v1/log/root",
    "/sign-in",
    "/sign-in/callback",
    "/signed-out",
    "/static/{build}/{name}",
    "/tasks/once/{token}",  # the token itself is the authority
}


@pytest.fixture(params=SERVICES)
def app(request: pytest.FixtureRequest, settings_for: Callable[..., Settings]) -> FastAPI:
    made = part(request.param)
    settings = settings_for(request.param, made.settings)
    keys = FixedKeys({"keys": []}, "ES256")
    return made.create_app(settings, SystemClock(), keys)


def test_every_route_names_its_authority(app: FastAPI) -> None:
    open_routes = {declared.path for declared in authorities(app) if not declared.asks} - {
        app.openapi_url
    }
    assert not open_routes


def test_a_route_is_public_only_where_that_was_decided(app: FastAPI) -> None:
    service = app.state.runtime.service
    public = {
        declared.path.removeprefix(f"/{service}")
        for declared in authorities(app)
        if any(isinstance(asked, Public) for asked in declared.asks)
        and not any(isinstance(asked, Authority) for asked in declared.asks)
    }
    assert public <= OPEN_TO_ANYONE


def test_the_proxy_sends_every_path_to_the_service_that_answers_it(app: FastAPI) -> None:
    service = app.state.runtime.service
    for declared in authorities(app):
        if declared.path not in {"/livez", "/readyz"}:
            assert service_for(declared.path.replace("{", "").replace("}", "")) == service
