"""A route lets in whom it names; what it asks can be read off the route."""

from typing import Annotated, Any

import httpx2
import pytest
from fastapi import APIRouter, Depends, FastAPI

from shared.auth import (
    Authority,
    FixedKeys,
    Principal,
    Public,
    RemoteKeys,
    Verifier,
    authorities,
    install_verifier,
    public,
    requires,
)
from shared.clock import SetClock
from shared.errors import install_problem_handlers
from tests.unit.auth.tokens import AUDIENCE, ISSUER, JWKS, NOW, token

Staff = Annotated[Principal, Depends(requires("worker", "manager"))]
Supplier = Annotated[Principal, Depends(requires("mis", scope="concerns:write"))]

WORKER: dict[str, Any] = {
    "sub": "a-person",
    "client_id": "pages",
    "grants": [{"role": "worker", "route": "MASH", "la": "886"}],
}


def app(keys: FixedKeys | RemoteKeys | None = None) -> FastAPI:
    made = FastAPI()
    router = APIRouter(prefix="/v1")

    @router.get("/queue")
    async def queue(who: Staff) -> dict[str, Any]:
        return {"subject": who.subject, "kind": who.kind}

    @router.post("/concerns")
    async def concerns(who: Supplier) -> dict[str, str]:
        return {"client": who.client}

    @router.get("/livez", dependencies=[Depends(public())])
    async def livez() -> None:
        return None

    @router.get("/forgotten")
    async def forgotten() -> None:
        return None

    made.include_router(router)
    install_problem_handlers(made, {"emergency": "999"})
    settings: dict[str, Any] = {"issuer": ISSUER, "audience": AUDIENCE, "algorithm": "ES256"}
    verifier = Verifier(keys or FixedKeys(JWKS, "ES256"), clock=SetClock(NOW), **settings)
    install_verifier(made, verifier)
    return made


async def ask(path: str, *given: str, method: str = "GET", made: FastAPI | None = None) -> Any:
    transport = httpx2.ASGITransport(made or app())
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        headers = [("Authorization", value) for value in given]
        return await client.request(method, path, headers=headers)


async def test_a_worker_passes_and_is_known_by_the_token() -> None:
    answer = await ask("/v1/queue", f"Bearer {token(**WORKER)}")
    assert answer.json() == {"subject": "a-person", "kind": "person"}


async def test_the_scheme_is_read_in_any_case() -> None:
    assert (await ask("/v1/queue", f"bearer {token(**WORKER)}")).status_code == 200


@pytest.mark.parametrize(
    "given",
    [
        (),
        ("",),
        ("Bearer",),
        ("Bearer  ",),
        ("Basic ZGVtbzpkZW1v",),
        ("Bearer not.a.token",),
        (token(**WORKER),),
        (f"Bearer {token(**WORKER)}", f"Bearer {token(**WORKER)}"),
    ],
)
async def test_who_is_not_known_is_challenged_and_still_told_the_emergency_number(
    given: tuple[str, ...],
) -> None:
    answer = await ask("/v1/queue", *given)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith('Bearer realm="handrail"')
    assert answer.json()["emergency"] == "999"


async def test_a_mis_client_cannot_see_a_queue() -> None:
    answer = await ask("/v1/queue", f"Bearer {token()}")
    assert answer.status_code == 403
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]


async def test_a_role_without_the_scope_is_not_enough() -> None:
    refused = await ask("/v1/concerns", f"Bearer {token()}", method="POST")
    passed = await ask("/v1/concerns", f"Bearer {token(scope='concerns:write')}", method="POST")
    assert (refused.status_code, passed.status_code) == (403, 200)


async def test_no_refusal_repeats_what_was_sent() -> None:
    answer = await ask("/v1/queue", "Bearer shown-nowhere")
    assert "shown-nowhere" not in answer.text + str(answer.headers)


async def test_without_the_issuers_keys_the_answer_is_try_again_not_go_away() -> None:
    keys = RemoteKeys("http://127.0.0.1:9/jwks", "ES256", SetClock(NOW))
    answer = await ask("/v1/queue", f"Bearer {token(**WORKER)}", made=app(keys))
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0


def test_every_route_tells_what_it_asks_and_a_forgotten_one_stands_out() -> None:
    whole = FastAPI(openapi_url=None)
    whole.include_router(_inner(), prefix="/shut", dependencies=[Depends(requires("dpo"))])
    whole.mount("/service", app())
    asked = {declared.path: declared.asks for declared in authorities(whole)}
    (queue,), (concerns,) = asked["/service/v1/queue"], asked["/service/v1/concerns"]
    assert isinstance(queue, Authority)
    assert isinstance(concerns, Authority)
    assert queue.roles == ("worker", "manager")
    assert (concerns.roles, concerns.scope) == (("mis",), "concerns:write")
    assert isinstance(asked["/service/v1/livez"][0], Public)
    assert [type(one) for one in asked["/shut/inner"]] == [Authority]
    assert [path for path, asks in asked.items() if not asks and "doc" not in path] == [
        "/service/openapi.json",
        "/service/v1/forgotten",
    ]


def _inner() -> APIRouter:
    router = APIRouter()

    @router.get("/inner")
    async def inner() -> None:
        return None

    return router


def test_the_interface_description_says_where_a_token_is_needed() -> None:
    paths = app().openapi()["paths"]
    assert paths["/v1/queue"]["get"]["security"] == [{"token": []}]
    assert "security" not in paths["/v1/livez"]["get"]
