"""Who is asking and what they may do; the only package that imports jose."""

from shared.auth.authority import (
    Authority,
    Declared,
    Public,
    authenticate,
    authorities,
    forbidden,
    install_verifier,
    public,
    requires,
    unauthorised,
)
from shared.auth.id_token import IdTokens, Person
from shared.auth.jwks import Algorithm, FixedKeys, Keys, KeysUnavailable, RemoteKeys
from shared.auth.principal import NOT_ASKED, ROLES, Grant, Principal, Role
from shared.auth.verify import DEMO_ISSUER, TokenRefused, Verifier

__all__ = [
    "DEMO_ISSUER",
    "NOT_ASKED",
    "ROLES",
    "Algorithm",
    "Authority",
    "Declared",
    "FixedKeys",
    "Grant",
    "IdTokens",
    "Keys",
    "KeysUnavailable",
    "Person",
    "Principal",
    "Public",
    "RemoteKeys",
    "Role",
    "TokenRefused",
    "Verifier",
    "authenticate",
    "authorities",
    "forbidden",
    "install_verifier",
    "public",
    "requires",
    "unauthorised",
]
