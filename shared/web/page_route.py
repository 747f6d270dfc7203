"""The routes of pages: whatever goes wrong on one is said on a page, to a person."""

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import structlog
from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from shared.app import runtime_of
from shared.db import is_transient
from shared.errors import Problem
from shared.web.forms import SAFE_METHODS
from shared.web.rendering import page
from shared.web.signed_in import SignInNeeded
from shared.web.signin import held
from shared.web.signin.back import safe_back
from shared.web.signin.box import is_secret, new_secret
from shared.web.signin.cookies import SIGNING_IN, forget_cookies, set_cookie
from shared.web.state import web_of
from shared.web.view import View

log = structlog.get_logger(__name__)

_TITLES: Final = {
    400: "That did not work",
    403: "You cannot open this page",
    404: "Page not found",
    405: "Page not found",
    409: "Someone was faster",
    412: "This has changed since you opened it",
    413: "That is too long",
    422: "Something is not right",
    429: "Too many requests",
    503: "This is away at the moment",
}
_NOT_FOUND: Final = Problem(
    404,
    "not-found",
    "There is nothing at this address, or you may not know of it. Check the address if you typed "
    "it.",
)
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class ProblemView(View):
    """says: what happened and what to do. may_sign_in: whether signing in could help."""

    says: str
    code: str
    may_sign_in: bool


class SignInView(View):
    """href: where signing in begins; it comes back to what was typed, which is kept."""

    href: str


class PageRoute(APIRoute):
    """Answers every error as a page; someone not signed in is sent to sign in and comes back."""

    def get_route_handler(self) -> Handler:
        handle = super().get_route_handler()

        async def on_page(request: Request) -> Response:
            try:
                return await handle(request)
            except SignInNeeded as needed:
                return await _to_sign_in(request, needed)
            except Problem as problem:
                return problem_page(request, problem)
            except RequestValidationError:
                detail = (
                    "The address or the form is not as this page makes it. Nothing was changed."
                )
                return problem_page(request, Problem(422, "not-valid", detail))
            except HTTPException as error:
                return problem_page(request, _of_status(error.status_code))
            except Exception as error:  # noqa: BLE001 - the last place where a person can be told
                # Its text may hold what was submitted: only its type is logged.
                log.error("page failed", error=type(error).__name__, route=self.path)
                return problem_page(request, _of_bug(error))

        return on_page


def page_router(**options: Any) -> APIRouter:
    """An APIRouter for pages, left out of the API's documents."""
    return APIRouter(
        route_class=PageRoute,
        include_in_schema=False,
        default_response_class=HTMLResponse,
        **options,
    )


async def _to_sign_in(request: Request, needed: SignInNeeded) -> Response:
    web = web_of(request)
    if request.url.path == web.sign_out:
        gone = RedirectResponse(web.signed_out, 303)  # their session is gone: that was the wish
        forget_cookies(gone, web)
        return gone
    by_script = "hx-request" in request.headers
    query, browser = {"back": _here(request, by_script=by_script)}, ""
    if needed.form is not None:
        query["form"], browser = await _keep(request, needed.form)
    href = f"{web.sign_in}?{urlencode(query)}"
    answer: Response
    if by_script:
        # A redirect would be followed by the script, and end as a piece of the page.
        answer = Response(status_code=401, headers={"HX-Redirect": href})
    elif request.method in SAFE_METHODS:
        answer = RedirectResponse(href, 303)
    else:
        # A page and not a redirect: a form's answer may not lead to the provider's host.
        kept = "web/sign-in-kept.html" if browser else "web/sign-in-again.html"
        view = SignInView(title="Sign in to go on", href=href)
        answer = page(request, kept, view, status=401)
    if browser:
        set_cookie(answer, web, SIGNING_IN, browser)
    return answer


def _here(request: Request, *, by_script: bool) -> str:
    """The page that its reader is on."""
    web, url = web_of(request), request.url
    if by_script:
        shown = urlsplit(request.headers.get("hx-current-url", ""))
        own = f"{shown.scheme}://{shown.netloc}" == web.settings.origin
        path, asked = (shown.path, shown.query) if own else (web.home, "")
    elif request.method in SAFE_METHODS:
        path, asked = url.path, url.query
    else:
        path, asked = web.home, ""
    return safe_back(path + (f"?{asked}" if asked else ""), web.home)


async def _keep(request: Request, form: held.Form) -> tuple[str, str]:
    """Holds what was typed; gives its handle, and the secret for the browser's cookie."""
    runtime, handle = runtime_of(request), new_secret()
    browser = request.cookies.get(web_of(request).cookie(SIGNING_IN), "")
    browser = browser if is_secret(browser) else new_secret()
    until = runtime.clock.now() + held.FORM
    await held.hold(runtime.sessions, browser, handle, form.written(), until)
    return handle, browser


def problem_page(request: Request, problem: Problem) -> Response:
    title = _TITLES.get(problem.status, HTTPStatus(problem.status).phrase)
    view = ProblemView(
        title=title,
        says=problem.detail,
        code=problem.code,
        may_sign_in=problem.code.startswith("sign-in") or problem.code == "not-your-page",
    )
    headers = {k: v for k, v in problem.headers.items() if k.lower() == "retry-after"}
    return page(request, "web/problem.html", view, status=problem.status, headers=headers)


def _of_status(status: int) -> Problem:
    if status in {404, 405}:
        return _NOT_FOUND
    return Problem(status, f"http-{status}", "The request could not be served.")


def _of_bug(error: Exception) -> Problem:
    if is_transient(error):
        detail = "What this page needs is away at the moment. Nothing was changed. Try again."
        return Problem(503, "away", detail, headers={"Retry-After": "2"})
    detail = "Something went wrong on our side. Nothing you sent is shown here. Try again."
    return Problem(500, "internal", detail)


def page_for_unknown_addresses(app: FastAPI) -> None:
    """A person who mistypes an address gets a page; a program still gets problem+json."""
    as_json: Any = app.exception_handlers[HTTPException]

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for it alone
        person = "text/html" in request.headers.get("accept", "")
        if person and not request.url.path.startswith("/v1/"):
            return problem_page(request, _of_status(error.status_code))
        answer: Response = await as_json(request, error)
        return answer

    app.add_exception_handler(HTTPException, on_http)
