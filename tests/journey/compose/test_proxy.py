"""The proxy sends each path where the table of paths says, and refuses as the services do."""

import json
import re
from typing import Any

import pytest

from handrail.house import part
from handrail.paths import PATHS, service_for
from intake.emergency import NATIONAL
from shared.auth import authorities
from tests.conftest import TestIssuer
from tests.journey.compose.stack import ROOT, SERVICES

CONF = (ROOT / "deploy" / "proxy" / "nginx.conf").read_text()
LOCATION = re.compile(r'location ~ "(?P<pattern>.+)" \{\s*proxy_pass \$(?P<service>\w+);\s*\}')
HEALTH = re.compile(r"/(livez|readyz)/?$")
LOCATIONS = [(re.compile(m["pattern"]), m["service"]) for m in LOCATION.finditer(CONF)]
ELSEWHERE = ("/", "/livez", "/readyz", "/metrics", "/v1", "/v1/logs", "/v1/nothing", "/reporting")


def proxied(path: str) -> str | None:
    """As nginx chooses: the first regular expression that matches."""
    if HEALTH.search(path):
        return None
    found = (service for pattern, service in LOCATIONS if pattern.search(path))
    return next((service.replace("_", "-") for service in found), None)


def routes_of(service: str, settings_for: Any, issuer: TestIssuer) -> list[str]:
    made = part(service)
    more = {
        "smtp_url": "smtp://127.0.0.1:25",
        "mail_from": "handrail@example.org",
        "public_url": "https://handrail.example.org",
    }
    settings = settings_for(service, made.settings, **more if service == "notify" else {})
    app = made.create_app(settings, issuer.clock, issuer.keys)
    paths = {declared.path for declared in authorities(app)} - {"/livez", "/readyz"}
    return sorted(re.sub(r"\{[^}]+\}", "0b0e7f9e", path) for path in paths)


def test_the_proxy_has_the_table_of_paths_in_its_order() -> None:
    table = [(f"^{pattern.pattern}", service) for service, pattern in PATHS]
    assert [(p.pattern, s.replace("_", "-")) for p, s in LOCATIONS] == table


@pytest.mark.parametrize("service", SERVICES)
def test_every_route_of_a_service_is_reached_through_the_proxy(
    service: str, settings_for: Any, issuer: TestIssuer
) -> None:
    paths = [p for p in routes_of(service, settings_for, issuer) if not HEALTH.search(p)]
    assert f"/{service}/openapi.json" in paths
    assert {path: proxied(path) for path in paths} == dict.fromkeys(paths, service)
    assert {path: service_for(path) for path in paths} == dict.fromkeys(paths, service)


@pytest.mark.parametrize("path", ELSEWHERE)
def test_what_no_service_answers_is_not_passed_on(path: str) -> None:
    assert proxied(path) is None
    assert service_for(path) is None


def test_nobody_outside_is_told_how_a_service_stands() -> None:
    refused = f'location ~ "{HEALTH.pattern}" {{\n            return 404;'
    assert CONF.index(refused) < CONF.index("proxy_pass")
    for service in SERVICES:
        assert proxied(f"/{service}/readyz") is None


def test_a_refusal_of_the_proxy_says_whom_to_ring() -> None:
    bodies = re.findall(r"return (\d{3}) '(.+)';", CONF)
    assert sorted(status for status, _ in bodies) == ["400", "404", "413", "414", "431", "503"]
    for status, text in bodies:
        problem = json.loads(text.replace("\\'", "'"))
        assert problem["status"] == int(status)
        assert problem["type"] == f"/problems/{problem['code']}"
        assert problem["emergency"] == NATIONAL


def test_nothing_that_passes_the_proxy_is_written_down() -> None:
    for line in (
        "access_log off;",
        "error_log stderr crit;",
        "proxy_request_buffering off;",
        "proxy_max_temp_file_size 0;",
        "client_max_body_size 25m;",
    ):
        assert len(re.findall(rf"^\s*{re.escape(line)}$", CONF, re.MULTILINE)) == 1
    assert "log_format" not in CONF
