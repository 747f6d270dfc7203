"""The witness over HTTP, as the tlog-witness protocol has it. It knows nothing of Handrail."""

import asyncio
import re
from collections.abc import Iterable, Mapping
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from audit_log.trust.notes import Signature
from audit_log.trust.plain import Malformed
from audit_log.trust.signers import Signer
from audit_log.trust.vkeys import VerifierKey
from audit_log.trust.witnessing import SIZE_TYPE, Refused, logs_of, origin_hash, parse_request
from audit_log.witness.memory import Memory
from shared.clock import Clock

# A checkpoint with dozens of signatures and the longest proof is far smaller.
MAX_BODY: Final = 256 * 1024
_HASH: Final = re.compile(r"[0-9a-f]{64}")


def witness_app(
    memory: Memory, signers: tuple[Signer, ...], logs: Iterable[VerifierKey], clock: Clock
) -> Starlette:
    """signers: the witness's keys, each of which cosigns. logs: whose checkpoints it watches."""
    known = logs_of(logs)
    by_hash: Mapping[str, str] = {origin_hash(origin): origin for origin in known}

    def cosign(text: str) -> tuple[Signature, ...]:
        now = int(clock.now().timestamp())
        return tuple(one.sign(text, now) for one in signers)

    async def add_checkpoint(request: Request) -> Response:
        try:
            asked = parse_request(await _body(request))
            # In a thread: the disk's answer must not keep other logs waiting.
            signatures = await asyncio.to_thread(memory.add, asked, known, cosign)
        except Malformed as error:
            return PlainTextResponse(f"{error}\n", 400)
        except Refused as refused:
            if refused.latest is not None:
                headers = {"Content-Type": SIZE_TYPE}  # and nothing after it
                return Response(f"{refused.latest}\n", refused.status, headers)
            return PlainTextResponse(f"{refused.why}\n", refused.status)
        return PlainTextResponse("".join(map(str, signatures)))

    async def latest(request: Request) -> Response:
        which = request.path_params["origin"]
        origin = by_hash.get(which) if _HASH.fullmatch(which) else None
        note = await asyncio.to_thread(memory.latest, origin) if origin else None
        if note is None:
            return PlainTextResponse("no checkpoint of that log was cosigned here\n", 404)
        headers = {"Cache-Control": "max-age=1"}
        return Response(bytes(note), headers=headers, media_type="text/plain; charset=utf-8")

    return Starlette(
        routes=[
            Route("/add-checkpoint", add_checkpoint, methods=["POST"]),
            Route("/{origin}/checkpoint", latest, methods=["GET"]),
        ]
    )


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_BODY:
            raise Malformed("the request is too long")
    return body
