"""Pages start only with addresses that people's sign-ins are safe with."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from shared.web import WebSettings

GOOD: dict[str, Any] = {
    "database_url": SecretStr("postgresql://h/d"),
    "bus": SecretStr("postgresql://h/d"),
    "issuer": "https://login.example.org",
    "jwks_url": "https://login.example.org/keys",
    "keys_public": Path("public.json"),
    "match_secret": SecretStr("x" * 32),
    "origin": "https://handrail.example.org",
    "oidc_issuer": "https://login.example.org",
    "oidc_client_id": "handrail-pages",
    "oidc_client_secret": SecretStr("x"),
}


def test_https_addresses_are_taken() -> None:
    assert WebSettings(**GOOD).https


@pytest.mark.parametrize(
    ("wrong", "names"),
    [
        ({"origin": "http://handrail.example.org"}, "HANDRAIL_ORIGIN"),
        ({"origin": "http://127.0.0.1:8000"}, "HANDRAIL_ORIGIN"),
        ({"origin": "https://handrail.example.org/"}, "HANDRAIL_ORIGIN"),
        ({"origin": "handrail.example.org"}, "HANDRAIL_ORIGIN"),
        ({"oidc_issuer": "http://127.0.0.1:8000/issuer/people"}, "HANDRAIL_OIDC_ISSUER"),
        ({"oidc_issuer": "ftp://login.example.org"}, "HANDRAIL_OIDC_ISSUER"),
        ({"oidc_client_id": "handrail"}, "HANDRAIL_OIDC_CLIENT_ID"),
    ],
)
def test_an_unsafe_setting_is_named_and_never_quoted(wrong: dict[str, str], names: str) -> None:
    with pytest.raises(ValidationError) as refused:
        WebSettings(**GOOD | wrong)
    (error,) = refused.value.errors()
    assert names in error["msg"]
    assert not any(value in error["msg"] for value in wrong.values() if value != "handrail")


def test_the_demo_may_use_plain_http_on_this_machine_alone() -> None:
    local = {"origin": "http://127.0.0.1:8000", "oidc_issuer": "http://127.0.0.1:8000/i"}
    assert not WebSettings(**GOOD | local, synthetic=True).https
    with pytest.raises(ValidationError):
        WebSettings(**GOOD | {"origin": "http://192.0.2.1"}, synthetic=True)
