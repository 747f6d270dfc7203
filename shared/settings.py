"""What a service must be told by its environment (HANDRAIL_…). Secrets have no default."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError


def _names_a_database(url: SecretStr) -> SecretStr:
    """Refused at the start, without a word of it: two readers take it apart, and where a password
    has @ : / ? or # as they are, each finds another host in it, and would say so aloud."""
    written = url.get_secret_value()
    try:
        one, other = make_url(written), urlsplit(written)
        read = (other.hostname or "", other.port, unquote(other.password or ""))
    except (ArgumentError, ValueError):
        read = None
    else:
        if read != ((one.host or "").lower(), one.port, str(one.password or "")):
            read = None
    if read is None or one.drivername not in ("postgresql", "postgres"):
        raise ValueError("a database's address is postgresql://role:password@host/database")
    return url


DatabaseUrl = Annotated[SecretStr, AfterValidator(_names_a_database)]


def _names_a_bus(url: SecretStr) -> SecretStr:
    return url if url.get_secret_value().startswith("kafka://") else _names_a_database(url)


class Settings(BaseSettings):
    """Settings that every service reads.

    database_url: postgresql:// URL of the service's own role; its schema has the role's name. What
    in a password means something in a URL is written as %40, %3A, %2F ….
    database_pool: connections kept for requests; as many more are opened when they are needed.
    bus: kafka://host:port[,host:port] or postgresql://… of the embedded bus.
    issuer, audience, jwks_url, algorithm: whose tokens are accepted, and how they are signed.
    keys_public, keys_private: JWKS files for sealing to a purpose and for opening one.
    synthetic: true only inside the demo; a synthetic concern is never mistaken for a real one.
    match_secret: key of the keyed hashes that stand for accounts and link a child's concerns.
    packs: directory of the packs that decide; without it those that came with Handrail.
    pack_approvers: whose signatures release a pack, kept where who writes the packs cannot
    write; without it the file `approvers.json` beside the packs, if there is one.
    """

    model_config = SettingsConfigDict(env_prefix="HANDRAIL_", frozen=True, extra="ignore")

    database_url: DatabaseUrl
    database_pool: int = 8
    bus: Annotated[SecretStr, AfterValidator(_names_a_bus)]
    issuer: str
    audience: str = "handrail"
    jwks_url: str
    algorithm: Literal["RS256", "ES256"] = "RS256"
    keys_public: Path
    keys_private: Path | None = None
    match_secret: SecretStr
    packs: Path | None = None
    pack_approvers: Path | None = None
    synthetic: bool = False
    metrics_port: int | None = None
