"""The cookies of a sign-in: this host's alone, out of reach of scripts, gone with the browser."""

import re
from datetime import timedelta
from typing import Final

from fastapi import Request
from fastapi.responses import Response

from shared.web.state import Web

SIGNING_IN: Final = "-sign-in"
_SERVICE: Final = re.compile(r"[a-z][a-z-]{1,30}")


def set_cookie(
    answer: Response, web: Web, what: str, value: str, *, lasts: timedelta | None = None
) -> None:
    """Lax: a link in a notice must find its reader signed in; forms are held by their token.

    lasts: no longer than the browser is open where it is not said."""
    answer.set_cookie(
        web.cookie(what),
        value,
        max_age=int(lasts.total_seconds()) if lasts else None,
        path="/",
        secure=web.settings.https,
        httponly=True,
        samesite="lax",
    )


def forget_cookies(answer: Response, web: Web) -> None:
    for name in (web.cookie(), web.cookie(SIGNING_IN)):
        forget_cookie(answer, web, name)


def forget_cookie(answer: Response, web: Web, name: str) -> None:
    answer.delete_cookie(name, path="/", secure=web.settings.https, httponly=True, samesite="lax")


def signed_in_elsewhere(request: Request, web: Web) -> str | None:
    """Another service on this origin that this browser has a session of."""
    prefix = web.cookie().removesuffix(web.service)
    named = (name.removeprefix(prefix) for name in request.cookies if name.startswith(prefix))
    others = {name.removesuffix(SIGNING_IN) for name in named} - {web.service}
    return min((name for name in others if _SERVICE.fullmatch(name)), default=None)
