"""A sign-in under way waits in the browser that began it: nobody can fill a table by asking.

Each has a cookie of its own, sealed by us and bound to its state, so that several tabs may sign in
at once.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from fastapi import Request
from fastapi.responses import Response

from shared.web.signin import box
from shared.web.signin.cookies import SIGNING_IN, forget_cookie, set_cookie
from shared.web.state import Web

LONGEST: Final = timedelta(minutes=30)
# As many tabs as a browser opens again at its start; more would make its requests too large.
_MOST: Final = 6
_NAMED: Final = 12


def keep(  # noqa: PLR0917 - the parts of one cookie
    request: Request,
    answer: Response,
    web: Web,
    secret: bytes,
    state: str,
    content: dict[str, Any],
    now: datetime,
) -> None:
    others = [name for name in request.cookies if name.startswith(_prefix(web))]
    if len(others) >= _MOST:
        for name in others:
            forget_cookie(answer, web, name)
    sealed = box.sealed_by_us(secret, state, content | {"until": (now + LONGEST).timestamp()})
    set_cookie(answer, web, _what(state), sealed, lasts=LONGEST)


def begun(
    request: Request, web: Web, secret: bytes, state: str, now: datetime
) -> dict[str, Any] | None:
    """What this browser began with that state; None where it did not, or too long ago."""
    kept = request.cookies.get(web.cookie(_what(state)), "") if box.is_secret(state) else ""
    content = box.opened_by_us(secret, state, kept)
    return content if content is not None and now.timestamp() < content["until"] else None


def forget(answer: Response, web: Web, state: str) -> None:
    """Whoever comes again with the same answer finds nothing."""
    forget_cookie(answer, web, web.cookie(_what(state)))


def _what(state: str) -> str:
    return f"{SIGNING_IN}.{box.hashed(state).hex()[:_NAMED]}"


def _prefix(web: Web) -> str:
    return web.cookie(SIGNING_IN + ".")
