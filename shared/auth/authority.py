"""What each route asks of its caller, declared on the route so that a guard can read it there."""

from collections.abc import Iterator
from dataclasses import dataclass

import structlog
from fastapi import FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.openapi.models import HTTPBearer
from fastapi.routing import iter_route_contexts
from fastapi.security.base import SecurityBase

from shared.auth.jwks import KeysUnavailable
from shared.auth.principal import Principal, Role
from shared.auth.verify import TokenRefused, Verifier
from shared.errors import Problem

log = structlog.get_logger(__name__)

_CHALLENGE = 'Bearer realm="handrail"'


class Authority(SecurityBase):
    """Lets a caller pass who holds one of the roles (anywhere: the use case looks at where)."""

    def __init__(self, roles: tuple[Role, ...], scope: str | None) -> None:
        self.model = HTTPBearer(bearerFormat="JWT")
        self.scheme_name = "token"
        self.roles, self.scope = roles, scope

    async def __call__(self, request: Request) -> Principal:
        principal = await authenticate(request)
        held = any(principal.holds(role) for role in self.roles)
        if not held or (self.scope is not None and self.scope not in principal.scopes):
            raise forbidden()
        return principal


class Public:
    """Says that a route is meant for anyone, so that none is by oversight."""

    async def __call__(self) -> None:
        return None


def requires(first: Role, *others: Role, scope: str | None = None) -> Authority:
    """A dependency giving the Principal: `who: Annotated[Principal, Depends(requires("dsl"))]`."""
    return Authority((first, *others), scope)


def public() -> Public:
    return Public()


def install_verifier(app: FastAPI, verifier: Verifier) -> None:
    app.state.verifier = verifier


async def authenticate(request: Request) -> Principal:
    """The caller by the one bearer token of the request, or a 401 (503 without issuer's keys)."""
    given = request.headers.getlist("authorization")
    if not given:
        raise unauthorised(_CHALLENGE)
    scheme, _, token = given[0].partition(" ")
    if len(given) > 1 or scheme.lower() != "bearer":
        raise unauthorised(_CHALLENGE)
    verifier: Verifier = request.app.state.verifier
    try:
        return await verifier.verify(token.strip(" "))
    except TokenRefused:
        raise unauthorised(f'{_CHALLENGE}, error="invalid_token"') from None
    except KeysUnavailable:
        log.error("no token can be verified: the issuer's keys cannot be had")
        detail = "Who you are cannot be checked at the moment. Try again in a few seconds."
        raise Problem(503, "keys-unavailable", detail, headers={"Retry-After": "5"}) from None


def unauthorised(challenge: str = _CHALLENGE) -> Problem:
    detail = "A valid access token is needed: send it as Authorization: Bearer <token>."
    return Problem(401, "unauthorised", detail, headers={"WWW-Authenticate": challenge})


def forbidden() -> Problem:
    detail = "Your access token is good, but what it grants does not cover this."
    challenge = f'{_CHALLENGE}, error="insufficient_scope"'
    return Problem(403, "forbidden", detail, headers={"WWW-Authenticate": challenge})


@dataclass(frozen=True, slots=True)
class Declared:
    """A route and what it asks; asking nothing, not even `public()`, is an oversight."""

    path: str
    methods: frozenset[str]
    asks: tuple[Authority | Public, ...]


def authorities(app: FastAPI, under: str = "") -> Iterator[Declared]:
    """Every route there is, of included routers and mounted apps too."""
    for route in iter_route_contexts(app.routes):
        path = under + (route.path or "")
        mounted = getattr(route.original_route, "app", None)
        if isinstance(mounted, FastAPI):
            yield from authorities(mounted, path)
            continue
        dependant = getattr(route, "dependant", None)
        asks = tuple(_declared(dependant)) if dependant is not None else ()
        yield Declared(path, frozenset(route.methods or ()), asks)


def _declared(dependant: Dependant) -> Iterator[Authority | Public]:
    for dependency in dependant.dependencies:
        if isinstance(dependency.call, Authority | Public):
            yield dependency.call
        yield from _declared(dependency)
