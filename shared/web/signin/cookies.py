"""The cookies of a sign-in: this host's alone, out of reach of scripts, gone with the browser."""

from fastapi import Request
from fastapi.responses import Response

from shared.web.state import Web


def set_cookie(answer: Response, web: Web, what: str, value: str) -> None:
    """Lax: a link in a notice must find its reader signed in; forms are held by their token."""
    answer.set_cookie(
        web.cookie(what),
        value,
        path="/",
        secure=web.settings.https,
        httponly=True,
        samesite="lax",
    )


def forget_cookies(request: Request, answer: Response, web: Web) -> None:
    """Those of the other services on this origin too: a sign-out leaves no way back in."""
    prefix = web.cookie().removesuffix(web.service)
    for name in request.cookies:
        if name.startswith(prefix):
            answer.delete_cookie(
                name, path="/", secure=web.settings.https, httponly=True, samesite="lax"
            )
