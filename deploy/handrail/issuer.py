"""The demo's own token issuer, so that the demo needs no identity provider; this machine only."""

import json
import secrets
from collections.abc import Mapping
from datetime import timedelta
from hmac import compare_digest
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from joserfc import jwt
from joserfc.jwk import ECKey

from handrail.files import write_private
from shared.auth import DEMO_ISSUER, FixedKeys, Role, Verifier, public
from shared.auth.principal import QUEUE_ROLES, SCHOOL_ROLES
from shared.clock import Clock
from shared.errors import Problem

DEMO_AUDIENCE: Final = "handrail"
DEMO_ALGORITHM: Final = "ES256"
DEMO_SCHOOLS: Final = range(999001, 999100)
_MAX_FORM = 4096
_MAX_MINUTES = 12 * 60
_SCOPES: Final = {"mis": "concerns:write concerns:read"}


def issue(  # noqa: PLR0913 - one keyword for each thing a token can say
    data_dir: Path,
    *,
    role: Role,
    clock: Clock,
    client: str | None = None,
    school: str | None = None,
    la: str | None = None,
    route: str | None = None,
    account: str | None = None,
    minutes: int = 60,
) -> str:
    """A signed access token of the demo; accepted by nothing but the demo on the same directory."""
    if school is not None and (not school.isdigit() or int(school) not in DEMO_SCHOOLS):
        raise ValueError("the demo's schools are 999001 to 999099")
    if (role in SCHOOL_ROLES and school is None) or (role in QUEUE_ROLES and route is None):
        raise ValueError(f"a {role} needs {'a school' if role in SCHOOL_ROLES else 'a route'}")
    if not 0 < minutes <= _MAX_MINUTES:
        raise ValueError("a token lives for 1 minute to 12 hours")
    client = client or ("demo-mis" if role == "mis" else "demo-pages")
    person = account or "-".join(filter(None, ("demo", role, school, route, la))).lower()
    now = clock.now()
    claims = {
        "iss": DEMO_ISSUER,
        "aud": DEMO_AUDIENCE,
        "sub": client if role == "mis" else person,
        "client_id": client,
        "kind": "client" if role == "mis" else "person",
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(minutes=minutes)).timestamp()),
        "jti": secrets.token_urlsafe(12),
        "scope": _SCOPES.get(role, ""),
        "grants": [{"role": role, "route": route, "la": la, "urn": school}],
    }
    key = signing_key(data_dir)
    return jwt.encode({"alg": DEMO_ALGORITHM, "typ": "at+jwt", "kid": key.kid}, claims, key)


def demo_jwks(data_dir: Path) -> dict[str, Any]:
    """The demo's public keys; made at first use."""
    key = signing_key(data_dir)
    extra = {"use": "sig", "alg": DEMO_ALGORITHM, "kid": key.kid}
    return {"keys": [key.as_dict(private=False) | extra]}


def demo_verifier(data_dir: Path, clock: Clock) -> Verifier:
    """For the processes that `handrail demo` starts, and for no other."""
    keys = FixedKeys(demo_jwks(data_dir), DEMO_ALGORITHM)
    return Verifier(
        keys,
        issuer=DEMO_ISSUER,
        audience=DEMO_AUDIENCE,
        algorithm=DEMO_ALGORITHM,
        clock=clock,
        demo=True,
    )


def client_secret(data_dir: Path, client: str) -> str:
    """The secret of a demo client, made at its first use."""
    file = data_dir / "issuer" / "clients.json"
    known: dict[str, str] = json.loads(file.read_bytes()) if file.exists() else {}
    if client not in known:
        known[client] = secrets.token_urlsafe(24)
        write_private(file, json.dumps(known, indent=2))
    return known[client]


def issuer_app(data_dir: Path, clock: Clock, clients: Mapping[str, str | None]) -> FastAPI:
    """Serves /issuer/…; `clients` are the mis clients and the school each is narrowed to."""
    for client in clients:
        client_secret(data_dir, client)
    app = FastAPI(title="Handrail demo token issuer", openapi_url=None)
    router = APIRouter(prefix="/issuer", dependencies=[Depends(public()), Depends(local_only)])

    @router.get("/.well-known/openid-configuration")
    async def configuration(request: Request) -> dict[str, Any]:
        here = str(request.base_url).rstrip("/") + "/issuer"
        return {
            "issuer": DEMO_ISSUER,
            "jwks_uri": f"{here}/jwks",
            "token_endpoint": f"{here}/token",
            "grant_types_supported": ["client_credentials"],
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
            "response_types_supported": [],
            "subject_types_supported": ["public"],
        }

    @router.get("/jwks")
    async def jwks() -> dict[str, Any]:
        return demo_jwks(data_dir)

    @router.post("/token")
    async def token(request: Request) -> JSONResponse:
        form = await read_small_form(request)
        client = form.get("client_id", "")
        expected = client_secret(data_dir, client) if client in clients else ""
        given = form.get("client_secret", "")
        if form.get("grant_type") != "client_credentials":
            return _refused("unsupported_grant_type")
        if not expected or not compare_digest(expected.encode(), given.encode()):
            return _refused("invalid_client")
        access = issue(data_dir, role="mis", client=client, school=clients[client], clock=clock)
        body = {"access_token": access, "token_type": "Bearer", "expires_in": 3600}
        return JSONResponse(body, headers={"Cache-Control": "no-store"})

    app.include_router(router)
    return app


async def read_small_form(request: Request) -> dict[str, str]:
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > _MAX_FORM:
            raise Problem(413, "too-large", "A token request is a few hundred bytes.")
    pairs = parse_qs(body.decode("utf-8", "replace"), max_num_fields=20)
    return {name: values[0] for name, values in pairs.items() if len(values) == 1}


def _refused(error: str) -> JSONResponse:
    status = 401 if error == "invalid_client" else 400
    return JSONResponse({"error": error}, status, headers={"Cache-Control": "no-store"})


def local_only(request: Request) -> None:
    """Asked from another machine, or through a name that resolves here, the issuer is silent."""
    host = request.client.host if request.client else ""
    try:
        local = ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local or request.url.hostname not in {"127.0.0.1", "::1", "localhost"}:
        raise Problem(403, "forbidden", "The demo's issuer answers on this machine only.")


def signing_key(data_dir: Path) -> ECKey:
    file = data_dir / "issuer" / "signing.json"
    if not file.exists():
        key = ECKey.generate_key("P-256", {"kid": f"demo-{secrets.token_hex(4)}"})
        write_private(file, json.dumps(key.as_dict(private=True)), only_if_absent=True)
    return ECKey.import_key(json.loads(file.read_bytes()))
