"""What the audit log must be told besides what every service is told."""

from datetime import timedelta

from pydantic import SecretStr

from shared.app import Runtime
from shared.web import WebSettings


class AuditSettings(WebSettings):
    """unaccounted_after: how long a duty may stay without its next step before it is listed.

    reader_database_url: postgresql:// URL of the role that may only read; entries, heads and tiles
    are read with it. database_url is the sequencer's.
    """

    reader_database_url: SecretStr
    unaccounted_after: timedelta = timedelta(seconds=60)


def waits_for(runtime: Runtime) -> timedelta:
    settings = runtime.settings
    assert isinstance(settings, AuditSettings)  # noqa: S101 - create_app takes no other
    return settings.unaccounted_after
