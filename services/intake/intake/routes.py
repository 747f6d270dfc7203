"""The addresses at which schools' systems raise concerns."""

import json
import re
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, Request, Response

from intake.accepting import Asked, Reply, accept
from intake.bodies import read_body
from intake.desk import Desk, desk_of
from intake.reading import Unreadable
from intake.reading.issues import Issues
from intake.reading.parse import read_json
from shared.auth import Principal, requires
from shared.errors import Problem, problem_response

router = APIRouter(prefix="/v1")

RAISERS: Final = requires("mis", "reporter", "dsl", "deputy_dsl", "head", "chair")
Raiser = Annotated[Principal, Depends(RAISERS)]
MOST_IN_A_BATCH: Final = 100
_LONGEST_KEY: Final = 255
_TRACE = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_STRICT = re.compile(r"(?:^|,)\s*handling\s*=\s*\"?strict\"?\s*(?:,|;|$)", re.IGNORECASE)
JSON_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object"}}},
        "description": "A concern; see the guide for vendors. No member is obligatory.",
    },
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "schema": {"type": "string", "maxLength": _LONGEST_KEY},
        },
        {"name": "Prefer", "in": "header", "schema": {"type": "string"}},
    ],
}


@router.post("/concerns", status_code=201, openapi_extra=JSON_BODY)
async def post_concern(request: Request, who: Raiser) -> Response:
    """Takes a concern in and answers with what must be done about it now."""
    desk = desk_of(request)
    desk.limiter.spend(who.client)
    body, dropped = await read_body(request)
    asked = Asked(
        who, body, dropped, idempotency_key(request), _strict(request), traceparent(request)
    )
    return responded(await accept(desk, asked))


@router.post("/concerns/batch", openapi_extra=JSON_BODY)
async def post_batch(request: Request, who: Raiser) -> Response:
    """Several concerns, each taken or refused alone; the answer has one result for each."""
    desk = desk_of(request)
    body, dropped = await read_body(request)
    items = _items(body)
    # One after the other, so that one caller's batch leaves the lanes free for others.
    results = [await _one_of_many(desk, request, who, item, dropped) for item in items]
    return Response(orjson.dumps({"results": results}), media_type="application/json")


async def _one_of_many(
    desk: Desk, request: Request, who: Principal, item: Any, dropped: int
) -> dict[str, Any]:
    key = None
    if isinstance(item, dict):
        given = item.pop("idempotency_key", None)
        key = given if isinstance(given, str) and 0 < len(given) <= _LONGEST_KEY else None
    body = item if isinstance(item, dict) else json.dumps(item).encode()
    try:
        desk.limiter.spend(who.client)
        reply = await accept(desk, Asked(who, body, dropped, key, False, traceparent(request)))
    except Problem as problem:
        refusal = problem_response(problem, request.app.state.problem_members)
        return {"status": problem.status, "problem": orjson.Fragment(bytes(refusal.body))}
    return {"status": reply.status, "answer": orjson.Fragment(reply.body)}


def _items(body: bytes) -> list[Any]:
    try:
        given = read_json(body, Issues())
    except Unreadable:
        detail = "The body is not readable JSON. Nothing was stored: send it again, or telephone."
        raise Problem(400, "unreadable", detail) from None
    items = given.get("concerns") if isinstance(given, dict) else given
    if not isinstance(items, list) or not 0 < len(items) <= MOST_IN_A_BATCH:
        detail = f"A batch is a list, or `concerns` with a list, of 1 to {MOST_IN_A_BATCH}."
        raise Problem(400, "not-a-batch", detail)
    return items


def responded(reply: Reply) -> Response:
    return Response(reply.body, reply.status, dict(reply.headers), "application/json")


def traceparent(request: Request) -> str | None:
    """Only in the one form that can hold nothing else."""
    given = request.headers.get("traceparent", "")
    return given if _TRACE.fullmatch(given) else None


def idempotency_key(request: Request) -> str | None:
    """A key that cannot be one counts as missing, which is reported and refuses nothing."""
    key = request.headers.get("idempotency-key", "").strip()
    return key if 0 < len(key) <= _LONGEST_KEY else None


def _strict(request: Request) -> bool:
    return any(_STRICT.search(prefer) for prefer in request.headers.getlist("prefer"))
