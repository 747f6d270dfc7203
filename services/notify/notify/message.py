"""The words of a notice: a reference and a link, and nothing about anyone."""

from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final
from uuid import UUID

from jinja2 import Environment, PackageLoader, StrictUndefined

DRILL: Final = "DRILL: do not call"
_TEMPLATES = Environment(
    loader=PackageLoader("notify"),
    undefined=StrictUndefined,
    autoescape=False,  # noqa: S701 - plain text, and only our own reference and link are filled in
    keep_trailing_newline=True,
)


def reference_of(task_id: UUID | None, case_id: UUID) -> str:
    """Short enough to read out on the telephone: an id's end is random, its beginning a time."""
    return f"T-{task_id.hex[-8:].upper()}" if task_id else f"C-{case_id.hex[-8:].upper()}"


def link_to(public_url: str, task_id: UUID | None, case_id: UUID) -> str:
    return f"{public_url}/tasks/{task_id}" if task_id else f"{public_url}/triage/cases/{case_id}"


def once_link(public_url: str, token: str) -> str:
    return f"{public_url}/tasks/once/{token}"


def write(  # noqa: PLR0913 - the parts of one message
    template: str,
    *,
    notice_id: UUID,
    reference: str,
    link: str,
    once: str | None = None,
    synthetic: bool,
    mail_from: str,
    to: str,
    at: datetime,
) -> EmailMessage:
    """The first line of a template is its subject. once: the one-time link of a reporter's duty.

    Message-ID comes from the notice's id, so that a mailbox can drop the repeat which a crash
    between sending and recording causes.
    """
    told = _TEMPLATES.get_template(f"{template}.txt")
    text = told.render(reference=reference, link=link, once=once)
    subject, _, body = text.partition("\n")
    if synthetic:
        subject, body = f"{DRILL} – {subject}", f"{DRILL}. This is not about a real child.\n{body}"
    message = EmailMessage(policy=SMTP)
    message["Subject"] = subject
    message["From"] = mail_from
    message["To"] = to
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{notice_id}@{mail_from.rpartition('@')[2]}>"
    # No robot answers this, and no absence note tells a stranger who is away.
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(body.lstrip("\n"))
    return message
