"""What a service must be told by its environment (HANDRAIL_…). Secrets have no default."""

from pathlib import Path
from typing import Literal

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Settings that every service reads.

    database_url: postgresql:// URL of the service's own role; its schema has the role's name.
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

    database_url: SecretStr
    database_pool: int = 8
    bus: SecretStr
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
