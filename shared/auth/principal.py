"""Who is asking: the subject, the client and the grants that a verified token carries."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Literal, get_args

Role = Literal[
    "mis",
    "reporter",
    "dsl",
    "deputy_dsl",
    "head",
    "chair",
    "worker",
    "manager",
    "auditor",
    "dpo",
    "admin",
    "operator",
]
ROLES: Final[frozenset[str]] = frozenset(get_args(Role))
SCHOOL_ROLES: Final = frozenset({"reporter", "dsl", "deputy_dsl", "head", "chair"})
QUEUE_ROLES: Final = frozenset({"worker", "manager"})
_PERSONAL = SCHOOL_ROLES | QUEUE_ROLES

_SHAPES: Final = {
    "role": re.compile(r"[a-z_]{1,40}"),
    "route": re.compile(r"[A-Z][A-Z0-9_]{0,39}"),
    "la": re.compile(r"[0-9]{3}"),
    "urn": re.compile(r"[0-9]{6}"),
}
_MAX_GRANTS = 64
_MAX_NAME = 255


class _Asked(Enum):
    NOTHING = "not asked about"


NOT_ASKED: Final = _Asked.NOTHING
Asked = str | None | Literal[_Asked.NOTHING]


class ClaimsRefused(Exception):
    """The token's claims do not name a principal."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A role, narrowed to a queue's route, an authority or a school; None narrows nothing."""

    role: str
    route: str | None = None
    la: str | None = None
    urn: str | None = None


@dataclass(frozen=True, slots=True)
class Principal:
    """Claims may only narrow: what a mis client may do also needs a grant's row in intake."""

    subject: str
    client: str
    kind: Literal["person", "client"]
    roles: frozenset[Grant]
    scopes: frozenset[str] = frozenset()

    def holds(
        self, role: Role, *, route: Asked = NOT_ASKED, la: Asked = NOT_ASKED, urn: Asked = NOT_ASKED
    ) -> bool:
        """Whether some grant of the role covers all that is asked about.

        What is not asked about is not looked at. Asking about None (an authority nobody knows)
        is answered yes only by a grant that is not narrowed there.
        """
        return any(
            _covers(grant.route, route) and _covers(grant.la, la) and _covers(grant.urn, urn)
            for grant in self.grants(role)
        )

    def grants(self, *roles: Role) -> frozenset[Grant]:
        return frozenset(grant for grant in self.roles if grant.role in roles)


def _covers(granted: str | None, asked: Asked) -> bool:
    return asked is NOT_ASKED or granted is None or granted == asked


def principal_of(claims: Mapping[str, Any]) -> Principal:
    subject, client = _name(claims.get("sub")), _client(claims)
    kind = claims.get("kind", "client" if subject == client else "person")
    if kind not in ("person", "client"):
        raise ClaimsRefused
    grants = _grants(claims.get("grants", []))
    for grant in grants:
        _fits(grant, kind)
    scope = claims.get("scope", "")
    if not isinstance(scope, str):
        raise ClaimsRefused
    return Principal(subject, client, kind, grants, frozenset(scope.split()))


def _fits(grant: Grant, kind: str) -> None:
    """Personal duties are a person's, never software's; and no hub's or school's role is global."""
    personal = grant.role in _PERSONAL and kind == "client"
    impersonal = grant.role == "mis" and kind == "person"
    unscoped_school = grant.role in SCHOOL_ROLES and grant.urn is None
    unscoped_queue = grant.role in QUEUE_ROLES and grant.route is None
    if personal or impersonal or unscoped_school or unscoped_queue:
        raise ClaimsRefused


def _client(claims: Mapping[str, Any]) -> str:
    named = {_name(claims[member]) for member in ("client_id", "azp") if member in claims}
    if len(named) != 1:
        raise ClaimsRefused
    return named.pop()


def _name(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_NAME or not value.isprintable():
        raise ClaimsRefused
    return value


def _grants(value: object) -> frozenset[Grant]:
    if not isinstance(value, list) or len(value) > _MAX_GRANTS:
        raise ClaimsRefused
    # A role of some other application gives nothing here and harms nothing.
    return frozenset(grant for grant in map(_grant, value) if grant.role in ROLES)


def _grant(value: object) -> Grant:
    # A member we do not know may be meant to narrow: to overlook it would widen the grant.
    if not isinstance(value, dict) or "role" not in value or not value.keys() <= _SHAPES.keys():
        raise ClaimsRefused
    for member, text in value.items():
        absent = text is None and member != "role"
        if not absent and not (isinstance(text, str) and _SHAPES[member].fullmatch(text)):
            raise ClaimsRefused
    return Grant(**value)
