"""Serves the one address that everybody waits for without the framework's layers in between."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from intake.routes import RAISERS, post_concern
from shared.errors import Problem, problem_response

PATH: Final = "/v1/concerns"


class Straight:
    """`POST /v1/concerns` by its declared route's own function and authority, and nothing else.

    Matching, dependencies and exit stacks were a seventh of its time. The route stays declared: its
    documentation is there, a guard reads its authority there, and every request that is not plainly
    this one goes there.
    """

    def __init__(self, app: ASGIApp, problem_members: Mapping[str, Any]) -> None:
        self._app, self._problem_members = app, problem_members

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive, send)
        try:
            response = await post_concern(request, await RAISERS(request))
        except Problem as problem:
            response = problem_response(problem, self._problem_members)
        await response(scope, receive, send)
