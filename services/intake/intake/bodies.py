"""Reads a request's body as a stream, so that media in it never touch more than memory."""

from typing import Final

from fastapi import Request
from starlette.requests import ClientDisconnect

from intake.reading.media import MOST_BYTES, MediaFilter, TooLarge
from shared.errors import Problem

_MIB: Final = 1024 * 1024


def _too_large(limit: int) -> Problem:
    size = f"{limit // _MIB} MiB" if limit >= _MIB else f"{limit // 1024} KiB of text"
    detail = f"The body is larger than {size}. Send the words without pictures and attachments."
    return Problem(413, "too-large", detail)


async def read_body(request: Request) -> tuple[bytes, int]:
    """The body without media, and how many were dropped."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > MOST_BYTES:
        raise _too_large(MOST_BYTES)
    media = MediaFilter(request.headers.get("content-type"))
    try:
        async for chunk in request.stream():
            media.feed(chunk)
        return media.finish(), media.dropped_media
    except TooLarge as error:
        raise _too_large(error.limit) from None
    except ClientDisconnect:
        detail = "The request ended before its body did. Nothing of it was stored."
        raise Problem(400, "cut-short", detail) from None
