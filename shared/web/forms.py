"""Reads a form that a page sent, and refuses one that our own page did not send."""

from collections.abc import Sequence
from hmac import compare_digest
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from fastapi import Request

from shared.errors import Problem
from shared.web.signin.sessions import Session
from shared.web.state import web_of

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
TOKEN: Final = "csrf"  # noqa: S105 - the field's name
_MOST_BYTES: Final = 256 * 1024
_MOST_FIELDS: Final = 200
_KIND: Final = "application/x-www-form-urlencoded"


class Form:
    """The fields of a form in their order, without the token."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self.token = next((value for name, value in pairs if name == TOKEN), "")
        self.fields = tuple((name, value) for name, value in pairs if name != TOKEN)

    def text(self, name: str) -> str:
        """The field as typed, without blanks around it; empty where it was not sent."""
        return next((value for field, value in self.fields if field == name), "").strip()

    def every(self, name: str) -> tuple[str, ...]:
        """Each value of a field that may be ticked more than once."""
        return tuple(value for field, value in self.fields if field == name)


async def posted(request: Request) -> Form:
    """The form of this request; a route's own dependency has checked it before."""
    found: Form | None = getattr(request.state, "form", None)
    if found is None:
        found = request.state.form = Form(await _pairs(request))
    return found


async def _pairs(request: Request) -> list[tuple[str, str]]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _MOST_BYTES:
            raise Problem(413, "too-large", "The form is too long. Shorten it and send it again.")
    if kind != _KIND and body:
        raise Problem(415, "not-a-form", "This page takes only its own form.")
    try:
        return parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict"
        )
    except ValueError:
        raise Problem(400, "not-a-form", "The form could not be read. Send it again.") from None


def same_origin(request: Request) -> bool:
    """By what the browser itself says and no page can forge; saying nothing is not enough.

    A form that its reader sends again by reloading comes from no site, and from our origin.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if origin is not None and origin != _own(request):
        return False
    return site == "same-origin" or (origin is not None and site in {None, "none"})


def _own(request: Request) -> str:
    parts = urlsplit(web_of(request).settings.origin)
    return f"{parts.scheme}://{parts.netloc}"


def is_ours(request: Request, form: Form, session: Session) -> bool:
    given = form.token.encode("utf-8", "replace")
    return same_origin(request) and compare_digest(given, session.csrf.encode())


def forged() -> Problem:
    detail = (
        "This form did not come from this page, or the page was opened before you last signed in. "
        "Nothing was changed. Go back, reload the page and send it again."
    )
    return Problem(403, "not-our-form", detail)
