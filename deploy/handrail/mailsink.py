"""Where the demo's notices arrive instead of in anyone's mailbox: SMTP on loopback, and a page."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html import escape
from typing import Any, Final

from aiosmtpd.smtp import SMTP, Envelope, Session
from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse

from shared.auth import public

_MAX_BYTES: Final = 64 * 1024
_SECURITY: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_STYLE: Final = (
    "body{font:1rem/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "article{border-top:1px solid #767676;padding:1rem 0}pre{white-space:pre-wrap}"
)


@dataclass(frozen=True)
class Mail:
    """One message as it was received; message_id shows which ones are repeats."""

    sender: str
    to: tuple[str, ...]
    subject: str
    message_id: str
    body: str
    raw: bytes

    def shown(self) -> dict[str, Any]:
        return {
            "from": self.sender,
            "to": list(self.to),
            "subject": self.subject,
            "message_id": self.message_id,
            "body": self.body,
        }


class MailSink:
    """An SMTP server that keeps the newest mails in memory. Port 0 takes a free one."""

    def __init__(self, port: int = 0, capacity: int = 500) -> None:
        self.port = port
        self.mails: deque[Mail] = deque(maxlen=capacity)
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def start(self) -> None:
        loop = asyncio.get_running_loop()

        def protocol() -> SMTP:
            return SMTP(self, hostname="mailsink", data_size_limit=_MAX_BYTES, loop=loop)

        self._server = await loop.create_server(protocol, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """The hook of aiosmtpd for a whole message."""
        self.mails.append(_read(envelope.mail_from or "", envelope.rcpt_tos, envelope.content))
        return "250 Kept"


def _read(sender: str, to: Sequence[str], content: bytes | str | None) -> Mail:
    raw = content if isinstance(content, bytes) else (content or "").encode()
    message = message_from_bytes(raw, _class=EmailMessage, policy=default)
    body = message.get_body(("plain",))
    return Mail(
        sender=sender,
        to=tuple(to),
        subject=str(message["Subject"] or ""),
        message_id=str(message["Message-ID"] or ""),
        body=body.get_content() if body is not None else "",
        raw=raw,
    )


def mail_router(sink: MailSink) -> APIRouter:
    """The demo's /mail page and /mail.json, newest first. Only the demo serves it, on loopback."""
    router = APIRouter(dependencies=[Depends(public())], include_in_schema=False)

    @router.get("/mail")
    async def page() -> HTMLResponse:
        return HTMLResponse(_page(list(reversed(sink.mails))), headers=_SECURITY)

    @router.get("/mail.json")
    async def listed() -> dict[str, Any]:
        return {"mails": [mail.shown() for mail in reversed(sink.mails)]}

    return router


def _page(mails: Sequence[Mail]) -> str:
    articles = "".join(
        f"<article><h2>{escape(mail.subject)}</h2><p>To: {escape(', '.join(mail.to))}</p>"
        f"<pre>{escape(mail.body)}</pre></article>"
        for mail in mails
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>Mail of the demo</title><style>{_STYLE}</style></head><body>"
        f"<main><h1>Mail of the demo</h1><p>{len(mails)} messages, the newest first. "
        f"None of them left this machine.</p>{articles}</main></body></html>"
    )
