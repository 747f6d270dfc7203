"""The built style and scripts, served under an address that changes when they do."""

import gzip
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from shared.auth import public
from shared.errors import Problem

FOLDER: Final = Path(__file__).parent / "static"
_TYPES: Final = {
    "app.css": "text/css; charset=utf-8",
    "htmx.js": "text/javascript; charset=utf-8",
    "govuk.js": "text/javascript; charset=utf-8",
    "start.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_FOR_EVER: Final = "public, max-age=31536000, immutable"


@lru_cache(maxsize=1)
def digest() -> str:
    """Of all the files together: a page and what it loads are always of one build."""
    content = b"".join((FOLDER / name).read_bytes() for name in sorted(_TYPES))
    return hashlib.sha256(content).hexdigest()[:16]


def static_prefix(service: str) -> str:
    return f"/{service}/static/{digest()}"


@lru_cache(maxsize=len(_TYPES))
def _packed(name: str) -> bytes:
    return gzip.compress((FOLDER / name).read_bytes(), mtime=0)


def assets_router(service: str) -> APIRouter:
    """Under the service's own prefix: its pages keep their looks while the others are down."""
    router = APIRouter(
        prefix=f"/{service}", dependencies=[Depends(public())], include_in_schema=False
    )

    @router.get("/static/{build}/{name}")
    async def static(request: Request, build: str, name: str) -> Response:
        if name not in _TYPES:
            raise Problem(404, "not-found", "There is no such file.")
        headers = {
            # During a roll-out an old page may ask a new process: answered, and not kept.
            "Cache-Control": _FOR_EVER if build == digest() else "no-store",
            "Vary": "Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
        }
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return Response(_packed(name), media_type=_TYPES[name], headers=headers)
        content = (FOLDER / name).read_bytes()
        return Response(content, media_type=_TYPES[name], headers=headers)

    return router
