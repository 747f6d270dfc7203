"""The way in and out: to the provider, back with a code, the form that waited, and sign-out."""

from typing import Annotated, Any, Final
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from shared.app import Runtime, runtime_of
from shared.auth import Person, Principal, public
from shared.errors import Problem
from shared.web.page_route import page_router
from shared.web.rendering import page
from shared.web.signed_in import signed_in
from shared.web.signin import box, held, sessions, under_way
from shared.web.signin.back import safe_back
from shared.web.signin.cookies import SIGNING_IN, forget_cookies, set_cookie, signed_in_elsewhere
from shared.web.signin.provider import ProviderAway, SignInRefused
from shared.web.state import Web, session_of, web_of
from shared.web.view import View

_SEE_OTHER: Final = 303


class SignedOut(View):
    """logout: where the provider's own sign-out is, if it has one."""

    logout: str | None


class Waiting(View):
    """A form that came too late: where it goes, its fields, and which of them a person reads."""

    path: str
    fields: tuple[tuple[str, str], ...]


def sign_in_router(service: str) -> APIRouter:
    router = page_router()
    anyone = [Depends(public())]
    base = f"/{service}"
    router.add_api_route(f"{base}/sign-in", start, methods=["GET"], dependencies=anyone)
    router.add_api_route(f"{base}/sign-in/callback", finish, methods=["GET"], dependencies=anyone)
    router.add_api_route(f"{base}/sign-in/form/{{handle}}", waiting, methods=["GET"])
    router.add_api_route(
        f"{base}/sign-out", leave, methods=["POST"], dependencies=[Depends(signed_in())]
    )
    router.add_api_route(f"{base}/signed-out", gone, methods=["GET"], dependencies=anyone)
    return router


async def start(request: Request, back: str = "", form: str = "", moved: str = "") -> Response:
    """To the provider, with a state, a nonce and a PKCE verifier that only this browser can use."""
    web, runtime = web_of(request), runtime_of(request)
    if not moved and request.url.netloc != urlsplit(web.settings.origin).netloc:
        # The cookie would be another host's: begin again, once, where the provider leads back to.
        query = urlencode({"back": safe_back(back, web.home), "moved": "1"})
        return RedirectResponse(f"{web.settings.origin}{web.sign_in}?{query}", _SEE_OTHER)
    state, nonce, verifier = box.new_secret(), box.new_secret(), box.new_secret()
    try:
        url = await web.provider.authorization_url(state, nonce, verifier)
    except ProviderAway:
        raise _away() from None
    content = {"nonce": nonce, "verifier": verifier, "back": safe_back(back, web.home)}
    content["form"] = form if box.is_secret(form) else ""
    answer = RedirectResponse(url, _SEE_OTHER, headers={"Cache-Control": "no-store"})
    under_way.keep(request, answer, web, runtime.secret, state, content, runtime.clock.now())
    return answer


async def finish(
    request: Request, state: str = "", code: str = "", iss: str | None = None
) -> Response:
    """Back from the provider. What this browser did not begin, or used before, is nothing."""
    web, runtime = web_of(request), runtime_of(request)
    browser = request.cookies.get(web.cookie(SIGNING_IN), "")
    now = runtime.clock.now()
    begun = under_way.begun(request, web, runtime.secret, state, now)
    if begun is None:
        raise _not_begun()
    person = await _person(web, code, iss, begun)
    old = request.cookies.get(web.cookie(), "")
    session = await sessions.begin(runtime.sessions, person.principal, person.name, now)
    back = await _back(runtime, web, browser, begun, session)
    if box.is_secret(old):
        await sessions.end(runtime.sessions, old)
    answer = RedirectResponse(back, _SEE_OTHER, headers={"Cache-Control": "no-store"})
    under_way.forget(answer, web, state)
    set_cookie(answer, web, "", session.secret)
    return answer


async def _person(web: Web, code: str, iss: str | None, begun: dict[str, Any]) -> Person:
    try:
        endpoints = await web.provider.endpoints()
        # A second provider's answer, passed to us as this one's (RFC 9207).
        mixed_up = iss is not None and iss != web.settings.oidc_issuer
        if not code or mixed_up or (iss is None and endpoints.says_issuer):
            raise _refused()
        return await web.provider.person(code, begun["nonce"], begun["verifier"])
    except SignInRefused:
        raise _refused() from None
    except ProviderAway:
        raise _away() from None


async def _back(
    runtime: Runtime, web: Web, browser: str, begun: dict[str, Any], session: sessions.Session
) -> str:
    """To where they were; or to the form they had sent, if it is the same person who signed in."""
    now, back = runtime.clock.now(), str(begun["back"])
    if not begun["form"]:
        return back
    content = await held.take(runtime.sessions, browser, begun["form"], now)
    if content is None or content["owner"] != session.principal.subject:
        return back
    handle = box.new_secret()
    await held.hold(runtime.sessions, session.secret, handle, content, now + held.FORM)
    return f"{web.sign_in}/form/{handle}"


async def waiting(
    request: Request, handle: str, who: Annotated[Principal, Depends(signed_in())]
) -> Response:
    """What was typed when the sign-in ran out, to be sent again with one press of a button."""
    runtime, session = runtime_of(request), session_of(request)
    assert session is not None  # noqa: S101 - the dependency has found it
    content = await held.look_up(runtime.sessions, session.secret, handle, runtime.clock.now())
    if content is None or content["owner"] != who.subject:
        detail = "What you had typed was kept for an hour and is gone, or it was sent already."
        raise Problem(404, "form-gone", detail)
    form = held.read_form(content)
    view = Waiting(title="Check and send again", path=form.path, fields=form.fields)
    return page(request, "web/waiting.html", view)


async def leave(request: Request) -> Response:
    """Ends the session at once, and leads to where those of the other services end too."""
    web, session = web_of(request), session_of(request)
    assert session is not None  # noqa: S101 - the dependency has found it
    await sessions.end(runtime_of(request).sessions, session.secret)
    answer = RedirectResponse(web.signed_out, _SEE_OTHER)
    forget_cookies(answer, web)
    return answer


async def gone(request: Request) -> Response:
    """Says that nobody is signed in, when that is true of every service of this origin.

    A sign-out passes through here once for each of them: no service can end another's session.
    """
    web = web_of(request)
    secret = request.cookies.get(web.cookie(), "")
    if secret and request.headers.get("sec-fetch-site") != "same-origin":
        return RedirectResponse(web.home, _SEE_OTHER)  # another site's link signs nobody out
    if secret:
        await sessions.end(runtime_of(request).sessions, secret)
    other = signed_in_elsewhere(request, web)
    answer = RedirectResponse(f"/{other}/signed-out", _SEE_OTHER) if other else await _gone(request)
    forget_cookies(answer, web)
    return answer


async def _gone(request: Request) -> Response:
    web = web_of(request)
    try:
        logout = (await web.provider.endpoints()).logout
    except ProviderAway:
        logout = None
    if logout:
        back = web.settings.origin + web.signed_out
        # Without the ID token as a hint: it names the person, and this is an address.
        asked = {"client_id": web.settings.oidc_client_id, "post_logout_redirect_uri": back}
        logout += ("&" if "?" in logout else "?") + urlencode(asked)
    return page(
        request, "web/signed-out.html", SignedOut(title="You are signed out", logout=logout)
    )


def _not_begun() -> Problem:
    detail = (
        "This sign-in was not begun in this browser, was used already, or took longer than half an "
        "hour. Nobody was signed in. Sign in again."
    )
    return Problem(400, "sign-in-not-begun", detail)


def _refused() -> Problem:
    detail = (
        "Your organisation's sign-in did not confirm who you are, or gives you no role here. "
        "Nobody was signed in. Sign in again, or ask whoever manages your account."
    )
    return Problem(403, "sign-in-refused", detail)


def _away() -> Problem:
    detail = "Your organisation's sign-in does not answer at the moment. Try again in a minute."
    return Problem(503, "sign-in-away", detail, headers={"Retry-After": "30"})
