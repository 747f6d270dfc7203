"""What the checkpointer must be told; it is a process of its own and gets nothing else."""

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.settings import DatabaseUrl


class CheckpointerSettings(BaseSettings):
    """database_url: of the role that may only read hashes and add checkpoints.

    log_keys: the file of signing keys that `handrail keys log` makes. log_memory: a file that this
    process keeps, in a place that no backup of the database restores. log_policy: a tlog-policy
    file with the addresses of the witnesses; without it none is asked.
    """

    model_config = SettingsConfigDict(env_prefix="HANDRAIL_", frozen=True, extra="ignore")

    database_url: DatabaseUrl
    log_keys: Path
    log_memory: Path
    log_policy: Path | None = None
    metrics_port: int | None = None
