"""Problem details (RFC 9457) for every error, with nothing of what was submitted in them."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from shared.db import is_transient

log = structlog.get_logger(__name__)


class Problem(Exception):
    """An error with a status, a stable code and a sentence that says what, where and what to do.

    `detail` is written by us and never holds a submitted value. `extra` adds members to the
    answer; `headers` are sent along (`WWW-Authenticate`, `Retry-After`).
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})
        self.extra = extra


def problem_response(problem: Problem, always: Mapping[str, Any]) -> JSONResponse:
    body = {
        "type": f"/problems/{problem.code}",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "code": problem.code,
        "detail": problem.detail,
        **always,
        **problem.extra,
    }
    return JSONResponse(
        body, problem.status, headers=problem.headers, media_type="application/problem+json"
    )


def _pointer(item: Mapping[str, Any]) -> str:
    # The name of a member that we do not know is as much the sender's as its value.
    place = item["loc"][:-1] if item["type"] == "extra_forbidden" else item["loc"]
    return "/" + "/".join(str(part) for part in place)


def _validation_problem(error: RequestValidationError) -> Problem:
    # Pydantic's own text can hold the value it refused, so only the place and the kind are told.
    issues = [{"pointer": _pointer(item), "issue": item["type"]} for item in error.errors()]
    detail = "The request is not of the documented form; each place that is wrong is listed."
    return Problem(422, "not-valid", detail, issues=issues)


_BY_STATUS = {
    404: ("not-found", "There is nothing at this address, or you may not know of it."),
    405: ("method-not-allowed", "This address does not take that method; see the documentation."),
}


def install_problem_handlers(app: FastAPI, always: Mapping[str, Any] | None = None) -> None:
    """Turns every error of the app into problem+json; `always` is added to each one."""
    members = dict(always or {})

    async def on_problem(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Problem)  # noqa: S101 - registered for Problem alone
        return problem_response(error, members)

    async def on_validation(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it alone
        return problem_response(_validation_problem(error), members)

    async def on_http(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for it alone
        fallback = (f"http-{error.status_code}", "The request could not be served.")
        code, detail = _BY_STATUS.get(error.status_code, fallback)
        return problem_response(
            Problem(error.status_code, code, detail, headers=error.headers), members
        )

    async def on_bug(request: Request, error: Exception) -> JSONResponse:
        # The text of an unexpected exception may hold what was submitted: only its type is logged.
        route = request.scope.get("route")
        path = getattr(route, "path", "unmatched")
        log.error("request failed", error=type(error).__name__, route=path)
        if is_transient(error):
            detail = "What this needs is away at the moment. Nothing was changed; try again."
            away = Problem(503, "away", detail, headers={"Retry-After": "2"})
            return problem_response(away, members)
        detail = "Something went wrong on our side. Nothing you sent is shown here. Try again."
        return problem_response(Problem(500, "internal", detail), members)

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(Exception, on_bug)
