"""What notify must be told besides what every service is told."""

from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr, field_validator

from shared.settings import Settings

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_PORTS = {"smtp": 587, "smtps": 465}


class NotifySettings(Settings):
    """smtp_url: smtp://user:password@host:port (STARTTLS, which must be had) or smtps://… (TLS).

    On loopback alone STARTTLS is not asked for. mail_from: the bare address that notices come from.
    public_url: where the pages are, for the link. senders: how many send at the same time.
    """

    smtp_url: SecretStr
    mail_from: str = Field(pattern=r"^[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+$")
    public_url: str
    senders: int = 2

    @field_validator("public_url")
    @classmethod
    def _no_slash_at_the_end(cls, url: str) -> str:
        if urlsplit(url).scheme not in ("https", "http"):
            raise ValueError("the public address starts with https://")
        return url.rstrip("/")

    @field_validator("smtp_url")
    @classmethod
    def _names_a_server(cls, url: SecretStr) -> SecretStr:
        # Refused at the start rather than at the first notice, and without quoting the password.
        smtp = Smtp(url.get_secret_value())
        if smtp.scheme not in _PORTS or not smtp.host:
            raise ValueError("a mail server's address is smtp://host:port or smtps://host:port")
        return url


class Smtp:
    """Where and how mail is handed over."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.scheme = parts.scheme
        self.host = parts.hostname or ""
        self.port = parts.port or _PORTS.get(parts.scheme, 0)
        self.user = unquote(parts.username) if parts.username else None
        self.password = unquote(parts.password) if parts.password else None

    @property
    def tls(self) -> bool:
        return self.scheme == "smtps"

    @property
    def start_tls(self) -> bool:
        return not self.tls and self.host not in _LOOPBACK
