"""The demo's OpenID provider: a page of invented people in place of passwords; loopback only."""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader
from joserfc import jwt

from handrail.issuer import DEMO_ALGORITHM, client_secret, local_only, read_small_form, signing_key
from handrail.personas import BY_ACCOUNT, PERSONAS, Persona, claims
from shared.auth import public
from shared.clock import Clock
from shared.errors import Problem

PEOPLE_CLIENT: Final = "demo-pages"
PEOPLE_PATH: Final = "/issuer/people"
_CODE_LIVES: Final = timedelta(minutes=1)
_ASKED: Final = ("client_id", "redirect_uri", "state", "nonce", "code_challenge")
_TEMPLATES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "pages"), autoescape=True
)
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


@dataclass(frozen=True, slots=True)
class Code:
    """What a code was given for; it is taken out at its first use, good or bad."""

    persona: Persona
    redirect_uri: str
    nonce: str
    challenge: str
    until: datetime


class People:
    """Which codes are out. In memory: the demo is one process."""

    def __init__(self, data_dir: Path, base: str, services: tuple[str, ...], clock: Clock) -> None:
        self.issuer = base + PEOPLE_PATH
        self.callbacks = frozenset(f"{base}/{name}/sign-in/callback" for name in services)
        self._data, self._clock = data_dir, clock
        self._codes: dict[str, Code] = {}

    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": self.issuer.removesuffix(PEOPLE_PATH) + "/issuer/jwks",
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [DEMO_ALGORITHM],
            "scopes_supported": ["openid", "profile"],
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }

    def wrong(self, asked: Mapping[str, str]) -> str | None:
        """Why the request is refused, as OAuth 2.0 names it; None where it is good."""
        if asked.get("response_type") != "code":
            return "unsupported_response_type"
        if "openid" not in asked.get("scope", "").split():
            return "invalid_scope"
        if asked.get("code_challenge_method") != "S256" or not asked.get("code_challenge"):
            return "invalid_request"
        return None

    def known(self, asked: Mapping[str, str]) -> None:
        """An unknown client or address gets a refusal here and is never redirected to."""
        client, back = asked.get("client_id"), asked.get("redirect_uri")
        if client != PEOPLE_CLIENT or back not in self.callbacks:
            raise Problem(400, "not-valid", "The demo signs people in to its own pages alone.")

    def code(self, persona: Persona, asked: Mapping[str, str]) -> str:
        now = self._clock.now()
        self._codes = {code: held for code, held in self._codes.items() if held.until > now}
        code = secrets.token_urlsafe(32)
        self._codes[code] = Code(
            persona,
            asked["redirect_uri"],
            asked.get("nonce", ""),
            asked["code_challenge"],
            now + _CODE_LIVES,
        )
        return code

    def redeem(self, form: Mapping[str, str]) -> dict[str, Any] | str:
        """The token response, or the error's name."""
        secret = client_secret(self._data, PEOPLE_CLIENT)
        given = form.get("client_secret", "")
        if form.get("client_id") != PEOPLE_CLIENT or not compare_digest(
            secret.encode(), given.encode()
        ):
            return "invalid_client"
        if form.get("grant_type") != "authorization_code":
            return "unsupported_grant_type"
        held = self._codes.pop(form.get("code", ""), None)
        if held is None or held.until <= self._clock.now():
            return "invalid_grant"
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).rstrip(b"=").decode()
        same = compare_digest(challenge.encode(), held.challenge.encode())
        if not same or form.get("redirect_uri") != held.redirect_uri:
            return "invalid_grant"
        return self._tokens(held)

    def _tokens(self, held: Code) -> dict[str, Any]:
        key = signing_key(self._data)
        header = {"alg": DEMO_ALGORITHM, "typ": "JWT", "kid": key.kid}
        return {
            "access_token": secrets.token_urlsafe(32),
            "token_type": "Bearer",
            "expires_in": 60,
            "id_token": jwt.encode(header, self.id_claims(held), key),
        }

    def id_claims(self, held: Code) -> dict[str, Any]:
        now = self._clock.now()
        return claims(held.persona) | {
            "iss": self.issuer,
            "aud": PEOPLE_CLIENT,
            "nonce": held.nonce,
            "iat": int(now.timestamp()),
            "exp": int((now + timedelta(minutes=10)).timestamp()),
        }


def people_router(people: People) -> APIRouter:
    router = APIRouter(
        prefix=PEOPLE_PATH,
        dependencies=[Depends(public()), Depends(local_only)],
        include_in_schema=False,
    )

    @router.get("/.well-known/openid-configuration")
    async def configuration() -> dict[str, Any]:
        return people.metadata()

    @router.get("/authorize")
    async def choose(request: Request) -> Response:
        asked = dict(request.query_params)
        people.known(asked)
        if error := people.wrong(asked):
            return _back(people, asked, error=error)
        groups: dict[str, list[Persona]] = {}
        for persona in PERSONAS:
            groups.setdefault(persona.group, []).append(persona)
        carried = {name: asked.get(name, "") for name in _ASKED}
        html = _TEMPLATES.get_template("people.html").render(groups=groups, carried=carried)
        return HTMLResponse(html, headers=_HEADERS)

    @router.post("/authorize")
    async def chosen(request: Request) -> Response:
        form = await read_small_form(request)
        people.known(form)
        persona = BY_ACCOUNT.get(form.get("account", ""))
        if persona is None or not form.get("code_challenge"):
            return _back(people, form, error="access_denied")
        return _back(people, form, code=people.code(persona, form))

    @router.post("/token")
    async def token(request: Request) -> Response:
        answer = people.redeem(await read_small_form(request))
        headers = {"Cache-Control": "no-store"}
        if isinstance(answer, str):
            status = 401 if answer == "invalid_client" else 400
            return JSONResponse({"error": answer}, status, headers=headers)
        return JSONResponse(answer, headers=headers)

    return router


def _back(people: People, asked: Mapping[str, str], **more: str) -> RedirectResponse:
    query = {"state": asked.get("state", ""), "iss": people.issuer, **more}
    return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(query)}", 303, headers=_HEADERS)
