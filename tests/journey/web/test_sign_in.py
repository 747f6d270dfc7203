"""Signing in through the provider, coming back, going away, and what an attacker tries."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from fastapi import Request
from sqlalchemy import text

from shared.clock import SetClock
from shared.web import still_signed_in
from tests.journey.web.conftest import DUTY, ORIGIN, Desk, Provider, query

CALLBACK = "/escalation/sign-in/callback"


async def test_a_person_signs_in_and_comes_back_to_where_they_were(desk: Desk) -> None:
    page = await desk.sign_in(path="/triage/MASH/821")
    assert page.status_code == 200
    assert str(page.url) == f"{ORIGIN}/triage/MASH/821"
    assert "Signed in: Duty worker, Luton hub" in page.text


async def test_the_provider_is_told_a_hash_of_the_verifier_and_never_the_verifier(
    desk: Desk,
) -> None:
    asked = query(await desk.begin())
    assert asked["code_challenge_method"] == "S256"
    assert "code_verifier" not in asked
    assert asked["redirect_uri"] == ORIGIN + CALLBACK
    assert len(asked["state"]) == len(asked["nonce"]) == 43


async def test_a_session_grants_what_the_token_grants_and_no_more(desk: Desk) -> None:
    assert (await desk.sign_in()).status_code == 200
    assert (await desk.get("/triage/MASH/886")).status_code == 403
    assert (await desk.get("/triage/LADO/821")).status_code == 403


async def test_someone_without_the_role_is_told_so_on_a_page(desk: Desk) -> None:
    page = await desk.sign_in("demo-dsl-999002")
    assert page.status_code == 403
    assert "Your role does not cover this page." in page.text
    assert "Sign out" in page.text


async def test_a_session_opens_no_api_and_a_token_opens_no_page(desk: Desk) -> None:
    await desk.sign_in()
    assert (await desk.get("/v1/queues/MASH?la=821")).status_code == 401
    desk.client.cookies.clear()
    bearer = {"Authorization": "Bearer x"}
    assert (await desk.get("/triage", **bearer)).status_code == 303


async def test_another_states_answer_signs_nobody_in(desk: Desk) -> None:
    answer = query(await desk.choose(await desk.begin()))
    for state in ("", "x" * 43, "é"):
        page = await desk.client.get(ORIGIN + CALLBACK, params=answer | {"state": state})
        assert page.status_code == 400
    assert desk.cookie is None


async def test_an_answer_belongs_to_the_browser_that_asked(desks: Callable[[], Desk]) -> None:
    mine, other = desks(), desks()
    stolen = await mine.choose(await mine.begin())
    await other.begin()
    assert (await other.get(stolen)).status_code == 400
    assert other.cookie is None
    assert (await mine.get(stolen)).status_code == 303


async def test_an_answer_is_used_once(desk: Desk) -> None:
    answer = await desk.choose(await desk.begin())
    assert (await desk.get(answer)).status_code == 303
    assert (await desk.get(answer)).status_code == 400


async def test_a_code_of_another_sign_in_is_refused(desk: Desk) -> None:
    first = query(await desk.choose(await desk.begin()))
    second = query(await desk.choose(await desk.begin(), "demo-manager-mash-821"))
    mixed = await desk.client.get(ORIGIN + CALLBACK, params=second | {"code": first["code"]})
    assert mixed.status_code == 403
    assert desk.cookie is None


async def test_another_providers_answer_is_refused(desk: Desk) -> None:
    for issuer in ({"iss": "https://evil.example"}, {}):
        answer = query(await desk.choose(await desk.begin()))
        del answer["iss"]
        page = await desk.client.get(ORIGIN + CALLBACK, params=answer | issuer)
        assert page.status_code == 403


NOT_QUITE_RIGHT: tuple[dict[str, object], ...] = (
    {"nonce": "of another sign-in"},
    {"nonce": None},
    {"iss": "https://evil.example"},
    {"aud": "another client"},
    {"aud": ["demo-pages", "another client"]},
    {"azp": "another client"},
    {"exp": 1},
    {"kind": "client"},
    {"grants": [{"role": "worker"}]},
    {"grants": "worker"},
    {"sub": ""},
)


async def test_an_id_token_that_is_not_quite_right_signs_nobody_in(
    desk: Desk, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    true_claims = provider.people.id_claims
    for said in NOT_QUITE_RIGHT:
        with monkeypatch.context() as lying:
            lying.setattr(provider.people, "id_claims", lambda held: true_claims(held) | said)  # noqa: B023
            page = await desk.get(await desk.choose(await desk.begin()))
        assert page.status_code == 403, said
        assert "did not confirm who you are" in page.text
        assert desk.cookie is None


async def test_a_refusal_of_the_provider_is_a_page(desk: Desk) -> None:
    page = await desk.get(await desk.choose(await desk.begin(), "nobody"))
    assert page.status_code == 403
    assert "Sign in" in page.text


async def test_a_provider_that_is_away_is_a_page_that_says_so(desk: Desk) -> None:
    desk.app.state.web.provider._settings = desk.app.state.web.settings.model_copy(
        update={"oidc_issuer": "http://127.0.0.1:1"}
    )
    page = await desk.get("/escalation/sign-in")
    assert page.status_code == 503
    assert page.headers["retry-after"] == "30"


async def test_a_sign_in_that_takes_too_long_is_begun_again(desk: Desk, clock: SetClock) -> None:
    authorize = await desk.begin()
    clock.advance(timedelta(minutes=31))
    assert (await desk.get(await desk.choose(authorize))).status_code == 400


ELSEWHERE = (
    "https://evil.example/",
    "//evil.example",
    "/\\evil.example",
    "/\t/evil.example",
    "/triage//evil",
    "javascript:alert(1)",
    "/escalation/sign-out",
    "/escalation/sign-in?back=/triage",
    "/" + "a" * 3000,
    "",
)


async def test_a_sign_in_leads_to_our_own_pages_alone(desk: Desk) -> None:
    for back in ELSEWHERE:
        asked = await desk.client.get(ORIGIN + "/escalation/sign-in", params={"back": back})
        done = await desk.get(await desk.choose(asked.headers["location"]))
        assert done.headers["location"] == "/triage", back


async def test_a_session_id_that_was_planted_is_never_taken_up(desk: Desk) -> None:
    planted = "A" * 43
    desk.client.cookies.set("handrail-escalation", planted, domain="127.0.0.1")
    await desk.begin()
    back = await desk.get(await desk.choose(await desk.begin()))
    assert f"handrail-escalation={planted}" not in back.headers["set-cookie"]
    desk.client.cookies.clear()
    desk.client.cookies.set("handrail-escalation", planted, domain="127.0.0.1")
    assert (await desk.get("/triage")).status_code == 303


async def test_a_second_sign_in_ends_the_first(desk: Desk) -> None:
    await desk.sign_in()
    first = desk.cookie
    again = await desk.get("/escalation/sign-in")
    await desk.get(await desk.choose(again.headers["location"]))
    assert desk.cookie != first
    desk.client.cookies.set("handrail-escalation", str(first), domain="127.0.0.1")
    assert (await desk.get("/triage")).status_code == 303


async def test_a_sign_out_ends_the_session_for_whoever_holds_the_cookie(
    desk: Desk, desks: Callable[[], Desk]
) -> None:
    await desk.sign_in()
    thief = desks()
    thief.client.cookies.set("handrail-escalation", str(desk.cookie), domain="127.0.0.1")
    assert (await thief.get("/triage")).status_code == 200
    out = await desk.post("/escalation/sign-out", {"csrf": await desk.token()})
    assert out.headers["location"] == "/escalation/signed-out"
    assert (await desk.get("/escalation/signed-out")).status_code == 200
    assert desk.cookie is None
    assert (await thief.get("/triage")).status_code == 303


async def test_a_sign_out_passes_by_each_service_that_the_browser_is_signed_in_to(
    desk: Desk, desks: Callable[[], Desk]
) -> None:
    desk.client.cookies.set("handrail-audit-log", "B" * 43, domain="127.0.0.1")
    at_first = await desk.get("/escalation/signed-out")
    assert at_first.headers["location"] == "/audit-log/signed-out"
    await desk.sign_in()
    thief = desks()
    thief.client.cookies.set("handrail-escalation", str(desk.cookie), domain="127.0.0.1")
    await desk.get("/escalation/signed-out", **{"Sec-Fetch-Site": "same-origin"})
    assert (await thief.get("/triage")).status_code == 303


async def test_another_sites_link_signs_nobody_out(desk: Desk) -> None:
    await desk.sign_in()
    for site in ("cross-site", "none"):
        answer = await desk.get("/escalation/signed-out", **{"Sec-Fetch-Site": site})
        assert answer.headers["location"] == "/triage"
    assert (await desk.get("/triage")).status_code == 200


async def test_a_session_ends_when_nobody_uses_it_and_after_a_day_of_work(
    desk: Desk, clock: SetClock
) -> None:
    await desk.sign_in()
    for _ in range(15):
        clock.advance(timedelta(minutes=45))
        assert (await desk.get("/triage")).status_code == 200
    clock.advance(timedelta(minutes=61))
    assert (await desk.get("/triage")).status_code == 303
    await desk.sign_in()
    for _ in range(16):
        clock.advance(timedelta(minutes=45))
        last = (await desk.get("/triage")).status_code
    assert last == 303


async def test_an_open_stream_keeps_nobody_signed_in(desk: Desk, clock: SetClock) -> None:
    await desk.sign_in()
    request = Request(
        {
            "type": "http",
            "app": desk.app,
            "headers": [(b"cookie", f"handrail-escalation={desk.cookie}".encode())],
        }
    )
    for _ in range(4):
        assert await still_signed_in(request)
        clock.advance(timedelta(minutes=15))
    assert not await still_signed_in(request)
    assert (await desk.get("/triage/live-for-tests")).status_code == 401


async def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(desk: Desk) -> None:
    back = await desk.get(await desk.choose(await desk.begin()))
    cookie = back.headers.get_list("set-cookie")[-1]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie
    assert "Max-Age" not in cookie


async def test_the_tables_tell_neither_who_is_signed_in_nor_their_cookie(desk: Desk) -> None:
    await desk.sign_in()
    async with desk.app.state.runtime.sessions() as session:
        rows = (await session.execute(text("SELECT w::text FROM web_session w"))).scalars()
        kept = "".join(bytes.fromhex(part).decode("latin-1") for row in rows for part in hexes(row))
    assert DUTY not in kept
    assert str(desk.cookie) not in kept


def hexes(row: str) -> list[str]:
    return [part.strip('"\\x') for part in row.strip("()").split(",") if "\\x" in part]


async def test_at_another_name_of_the_host_the_sign_in_begins_at_the_right_one(desk: Desk) -> None:
    wrong = await desk.client.get(
        ORIGIN + "/escalation/sign-in?back=/triage/MASH/821", headers={"Host": "evil.example"}
    )
    there = f"{ORIGIN}/escalation/sign-in?back=%2Ftriage%2FMASH%2F821&moved=1"
    assert wrong.headers["location"] == there
    assert "set-cookie" not in wrong.headers
    behind_a_proxy = await desk.client.get(
        ORIGIN + "/escalation/sign-in?moved=1", headers={"Host": "inside:8000"}
    )
    assert behind_a_proxy.headers["location"].startswith(desk.provider.issuer)


async def test_who_only_asks_to_sign_in_leaves_no_row_and_no_heap_of_cookies(desk: Desk) -> None:
    for _ in range(20):
        await desk.begin()
    async with desk.app.state.runtime.sessions() as session:
        assert (await session.execute(text("SELECT count(*) FROM web_held"))).scalar_one() == 0
    waiting = [name for name in desk.client.cookies if "sign-in." in name]
    assert len(waiting) <= 7


async def test_several_tabs_sign_in_at_once(desk: Desk) -> None:
    tabs = [await desk.choose(await desk.begin()) for _ in range(3)]
    for back in tabs:
        assert (await desk.get(back)).status_code == 303


async def test_what_waits_in_the_browser_is_no_text_and_nobody_elses(desk: Desk) -> None:
    authorize = await desk.begin()
    [(name, kept)] = [(n, v) for n, v in desk.client.cookies.items() if "sign-in." in n]
    assert query(authorize)["state"] not in kept
    back = await desk.choose(authorize)
    desk.client.cookies.set(name, kept[:-4] + "AAA=", domain="127.0.0.1")
    assert (await desk.get(back)).status_code == 400
