"""Who may see notices and the directory, and what they see of them."""

from collections.abc import AsyncIterator
from uuid import uuid4

import httpx2
import pytest

from shared.sealing import account_ref
from tests.conftest import TestIssuer
from tests.journey.notify.conftest import DSL, LA, MASH, URN, Notify, Server, school, task, team

OTHER = "999003"
NEW = {"post": {"kind": "urn", "urn": URN, "post": "dsl", "email": DSL}}


@pytest.fixture
async def http(notify: Notify) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=notify.app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://notify") as client:
        yield client


async def test_a_notice_is_listed_without_any_address(
    notify: Notify, server: Server, http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    await notify.directory([team()])
    data = task(notify.clock.now())
    await notify.hears("task.opened", data["case_id"], data)
    await notify.sends()
    answer = await http.get("/v1/notices", headers=issuer.headers("operator"))
    (notice,) = answer.json()["notices"]
    assert (notice["state"], notice["recipient"]) == ("sent", "queue MASH 821")
    assert "@" not in answer.text


async def test_a_manager_sees_their_own_queue_only(
    notify: Notify, http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    for route, la in (("MASH", LA), ("MASH", "886"), ("LADO", LA)):
        data = task(notify.clock.now(), route=route, la=la)
        await notify.hears("task.opened", data["case_id"], data)

    async def seen(**grant: str) -> list[tuple[str, str]]:
        headers = issuer.headers("manager", **grant)
        notices = (await http.get("/v1/notices", headers=headers)).json()["notices"]
        return sorted((notice["route"], notice["la"]) for notice in notices)

    assert await seen(route="MASH", la=LA) == [("MASH", LA)]
    assert await seen(route="MASH") == [("MASH", LA), ("MASH", "886")]
    assert await seen(route="EST") == []


async def test_who_is_excluded_from_a_case_sees_no_notice_of_it(
    notify: Notify, http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    me = account_ref(notify.runtime.secret, "accused-person")
    data = task(notify.clock.now(), excluded_refs=[me])
    await notify.hears("task.opened", data["case_id"], data)

    async def count(account: str) -> int:
        headers = issuer.headers("manager", route="MASH", account=account)
        return len((await http.get("/v1/notices", headers=headers)).json()["notices"])

    assert (await count("accused-person"), await count("someone-else")) == (0, 1)


async def test_notices_are_paged_without_losing_any(
    notify: Notify, http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    for _ in range(5):
        data = task(notify.clock.now())
        await notify.hears("task.opened", data["case_id"], data)
    seen, after = [], None
    while True:
        query = {"limit": "2"} | ({"after": after} if after else {})
        page = (
            await http.get("/v1/notices", params=query, headers=issuer.headers("operator"))
        ).json()
        seen += [notice["id"] for notice in page["notices"]]
        after = page["next"]
        if after is None:
            break
    assert len(seen) == len(set(seen)) == 5
    assert seen == sorted(seen)


async def test_an_admin_adds_and_removes_a_post(
    http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    admin = issuer.headers("admin")
    added = await http.post("/v1/directory", json=NEW | {"account": "ann"}, headers=admin)
    assert (added.status_code, added.json()["personal"]) == (201, True)
    assert "ann" not in added.text.replace("channel", "")
    listed = (await http.get("/v1/directory", headers=admin)).json()["posts"]
    assert [post["id"] for post in listed] == [added.json()["id"]]
    assert (await http.delete(added.headers["location"], headers=admin)).status_code == 204
    assert (await http.delete(added.headers["location"], headers=admin)).status_code == 404


async def test_where_mail_went_meanwhile_is_on_record_and_who_sent_it_there(
    notify: Notify, http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    admin = issuer.headers("admin", account="ann")
    elsewhere = {"post": NEW["post"] | {"email": "elsewhere@other.example"}, "account": "bob"}
    added = await http.post("/v1/directory", json=elsewhere, headers=admin)
    assert (await http.delete(added.headers["location"], headers=admin)).status_code == 204
    changed, removed = await notify.told()
    assert (changed["type"], removed["type"]) == ("post.changed", "post.removed")
    secret = notify.runtime.secret
    for event in (changed, removed):
        assert event["post_id"] == added.json()["id"]
        assert (event["post"], event["urn"]) == ("dsl", URN)
        assert event["actor_ref"] == account_ref(secret, "ann")
        assert event["holder_ref"] == account_ref(secret, "bob")
        assert "@" not in str(event)


async def test_an_admin_of_one_school_sends_no_other_schools_notices_elsewhere(
    http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    other = issuer.headers("admin", school=OTHER)
    assert (await http.post("/v1/directory", json=NEW, headers=other)).status_code == 403
    added = await http.post("/v1/directory", json=NEW, headers=issuer.headers("admin"))
    assert (await http.get("/v1/directory", headers=other)).json()["posts"] == []
    assert (await http.delete(added.headers["location"], headers=other)).status_code == 403
    own = {"post": NEW["post"] | {"urn": OTHER}}
    assert (await http.post("/v1/directory", json=own, headers=other)).status_code == 201


async def test_a_lead_sees_the_posts_of_their_own_school_only(
    notify: Notify, http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    await notify.directory([*school(), team()])
    own = await http.get("/v1/directory", headers=issuer.headers("dsl", school=URN))
    other = await http.get("/v1/directory", headers=issuer.headers("dsl", school="999003"))
    assert len(own.json()["posts"]) == 4
    assert MASH not in own.text
    assert other.json()["posts"] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "urn", "urn": URN, "post": "dsl", "email": "a@b.example\r\nBcc: x@y.example"},
        {"kind": "urn", "urn": URN, "post": "queue", "email": DSL},
        {"kind": "team", "urn": URN, "route": "MASH", "post": "queue", "email": DSL},
        {"kind": "team", "post": "queue", "email": DSL},
        {"kind": "urn", "urn": "12", "post": "dsl", "email": DSL},
    ],
)
async def test_a_post_that_makes_no_sense_is_refused_without_quoting_it(
    http: httpx2.AsyncClient, issuer: TestIssuer, wrong: dict[str, str]
) -> None:
    answer = await http.post("/v1/directory", json={"post": wrong}, headers=issuer.headers("admin"))
    assert answer.status_code == 422
    assert "example" not in answer.text


@pytest.mark.parametrize(
    ("asked", "role", "status"),
    [
        (("GET", "/v1/notices"), None, 401),
        (("GET", "/v1/notices"), "auditor", 403),
        (("GET", "/v1/directory"), "operator", 403),
        (("POST", "/v1/directory"), "dsl", 403),
        (("DELETE", f"/v1/directory/{uuid4()}"), "dsl", 403),
    ],
)
async def test_what_a_caller_has_no_grant_for_is_refused(
    http: httpx2.AsyncClient,
    issuer: TestIssuer,
    asked: tuple[str, str],
    role: str | None,
    status: int,
) -> None:
    method, path = asked
    how = {"school": URN} if role == "dsl" else {}
    headers = issuer.headers(role, **how) if role else {}  # type: ignore[arg-type]
    answer = await http.request(
        method, path, headers=headers, json=NEW if method == "POST" else None
    )
    assert answer.status_code == status
