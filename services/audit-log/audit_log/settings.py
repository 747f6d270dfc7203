"""What the audit log must be told besides what every service is told."""

from datetime import timedelta
from pathlib import Path

from audit_log.trust.policy import Policy, parse_policy
from shared.app import Runtime
from shared.settings import DatabaseUrl
from shared.web import WebSettings


class AuditSettings(WebSettings):
    """unaccounted_after: how long a duty may stay without its next step before it is listed.

    reader_database_url: postgresql:// URL of the role that may only read; entries, heads and tiles
    are read with it. database_url is the sequencer's. log_policy: a tlog-policy file, by which the
    pages check who signed; without it they only name who says so.
    """

    reader_database_url: DatabaseUrl
    unaccounted_after: timedelta = timedelta(seconds=60)
    log_policy: Path | None = None


def waits_for(runtime: Runtime) -> timedelta:
    settings = _settings(runtime)
    return settings.unaccounted_after


def policy_of(runtime: Runtime) -> Policy | None:
    """Read each time, for keys and witnesses come and go. Raises where the file is wrong."""
    settings = _settings(runtime)
    return parse_policy(settings.log_policy.read_bytes()) if settings.log_policy else None


def _settings(runtime: Runtime) -> AuditSettings:
    assert isinstance(runtime.settings, AuditSettings)  # noqa: S101 - create_app takes no other
    return runtime.settings
