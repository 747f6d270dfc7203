"""A form acts only when our own page sent it, and what was typed outlives a sign-in."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from shared.clock import SetClock
from tests.journey.web.conftest import ORIGIN, Desk, hidden

NOTE = {"reason": "Invented: the aunt <b>rang</b> & will come.", "tick": ["a", "b"]}


def kept(desk: Desk) -> list[Any]:
    found: list[Any] = desk.app.state.kept
    return found


async def test_a_form_of_our_own_page_is_taken(desk: Desk) -> None:
    await desk.sign_in()
    done = await desk.post("/triage/notes", NOTE | {"csrf": await desk.token()})
    assert done.status_code == 200
    ((who, fields),) = kept(desk)
    assert who == "demo-worker-mash-821"
    assert fields == (("reason", NOTE["reason"]), ("tick", "a"), ("tick", "b"))


async def test_a_form_without_the_sessions_own_token_changes_nothing(
    desk: Desk, desks: Callable[[], Desk]
) -> None:
    await desk.sign_in()
    other = desks()
    await other.sign_in("demo-manager-mash-821")
    for token in ("", "x", "é", "0" * 64, await other.token()):
        refused = await desk.post("/triage/notes", NOTE | {"csrf": token})
        assert refused.status_code == 403, token
        assert "did not come from this page" in refused.text
    assert (await desk.post("/triage/notes", NOTE)).status_code == 403
    assert kept(desk) == []


async def test_another_sites_form_changes_nothing_even_with_the_token(desk: Desk) -> None:
    await desk.sign_in()
    form = NOTE | {"csrf": await desk.token()}
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        assert (await desk.post("/triage/notes", form, **headers)).status_code == 403, headers
    for headers in ({}, {"Sec-Fetch-Site": "none"}):
        says_nothing = await desk.client.post(ORIGIN + "/triage/notes", data=form, headers=headers)
        assert says_nothing.status_code == 403
    assert kept(desk) == []


async def test_a_browser_that_says_only_one_of_the_two_is_believed(desk: Desk) -> None:
    await desk.sign_in()
    form = NOTE | {"csrf": await desk.token()}
    for headers in (
        {"Origin": ORIGIN},
        {"Sec-Fetch-Site": "same-origin"},
        {"Origin": ORIGIN, "Sec-Fetch-Site": "none"},
    ):
        sent = await desk.client.post(ORIGIN + "/triage/notes", data=form, headers=headers)
        assert sent.status_code == 200, headers


async def test_what_is_no_form_or_too_long_a_form_is_refused(desk: Desk) -> None:
    await desk.sign_in()
    token = await desk.token()
    long = await desk.post("/triage/notes", {"csrf": token, "reason": "x" * 300_000})
    assert long.status_code == 413
    assert "x" * 100 not in long.text
    json = {"Origin": ORIGIN, "Content-Type": "application/json"}
    as_json = await desk.client.post(ORIGIN + "/triage/notes", content=b"{}", headers=json)
    assert as_json.status_code == 415
    many = await desk.post("/triage/notes", {"csrf": token} | {f"f{n}": "1" for n in range(300)})
    assert many.status_code == 400
    assert kept(desk) == []


async def late(desk: Desk, clock: SetClock, **headers: str) -> Any:
    """Signs in, opens a form, is away for too long, and sends it."""
    await desk.sign_in()
    form = NOTE | {"csrf": await desk.token()}
    clock.advance(timedelta(hours=2))
    return await desk.post("/triage/notes?la=821", form, **headers)


def sign_in_link(html: str) -> str:
    found = re.search(r'href="(/escalation/sign-in\?[^"]+)"', html)
    assert found, html
    return found[1].replace("&amp;", "&")


async def again(desk: Desk, answer: Any, account: str = "demo-worker-mash-821") -> Any:
    """From the page that says that the sign-in ran out to whatever follows the next sign-in."""
    start = await desk.get(sign_in_link(answer.text))
    back = await desk.get(await desk.choose(start.headers["location"], account))
    return await desk.get(back.headers["location"])


async def test_what_was_typed_comes_back_after_the_next_sign_in_and_is_sent_once(
    desk: Desk, clock: SetClock
) -> None:
    answer = await late(desk, clock)
    assert answer.status_code == 401
    assert "What you typed is kept" in answer.text
    page = await again(desk, answer)
    assert page.status_code == 200
    assert "Invented: the aunt &lt;b&gt;rang&lt;/b&gt; &amp; will come." in page.text
    assert "aunt" not in str(page.url)
    assert 'action="/triage/notes?la=821"' in page.text
    assert kept(desk) == []
    fields = hidden(page.text) | {"tick": ["a", "b"]}
    assert (await desk.post("/triage/notes", fields)).status_code == 200
    assert len(kept(desk)) == 1


async def test_what_was_typed_into_a_form_that_a_script_sent_is_kept_too(
    desk: Desk, clock: SetClock
) -> None:
    answer = await late(desk, clock, **{"HX-Request": "true"})
    assert answer.status_code == 401
    start = await desk.get(answer.headers["hx-redirect"])
    back = await desk.get(await desk.choose(start.headers["location"]))
    assert "aunt" in (await desk.get(back.headers["location"])).text


async def test_what_one_person_typed_is_never_shown_to_another(desk: Desk, clock: SetClock) -> None:
    answer = await late(desk, clock)
    page = await again(desk, answer, "demo-manager-mash-821")
    assert str(page.url) == f"{ORIGIN}/triage"
    assert "aunt" not in page.text


async def test_what_was_typed_lies_sealed_and_not_for_ever(desk: Desk, clock: SetClock) -> None:
    answer = await late(desk, clock)
    async with desk.app.state.runtime.sessions() as session:
        rows = (await session.execute(text("SELECT sealed FROM web_held"))).scalars().all()
    assert rows
    assert not any(b"aunt" in bytes(row) for row in rows)
    clock.advance(timedelta(minutes=61))
    assert str((await again(desk, answer)).url) == f"{ORIGIN}/triage"


async def test_a_forged_form_is_not_kept_for_anybody(desk: Desk, clock: SetClock) -> None:
    await desk.sign_in()
    clock.advance(timedelta(hours=2))
    answer = await desk.post("/triage/notes", NOTE | {"csrf": "forged"})
    assert answer.status_code == 401
    assert "is kept" not in answer.text
    assert "form=" not in sign_in_link(answer.text)


async def test_after_a_sign_out_nothing_that_was_held_can_be_had(
    desk: Desk, clock: SetClock
) -> None:
    page = await again(desk, await late(desk, clock))
    waiting = str(page.url).removeprefix(ORIGIN)
    await desk.post("/escalation/sign-out", {"csrf": hidden(page.text)["csrf"]})
    await desk.sign_in()
    gone = await desk.get(waiting)
    assert gone.status_code == 404
    assert "is gone" in gone.text


async def test_a_script_or_a_stream_without_a_session_gets_401_and_no_redirect(desk: Desk) -> None:
    for shown, back in (
        (f"{ORIGIN}/triage/MASH/821?after=x", "%2Ftriage%2FMASH%2F821%3Fafter%3Dx"),
        ("https://evil.example/triage", "%2Ftriage"),
    ):
        headers = {"HX-Request": "true", "HX-Current-URL": shown}
        by_htmx = await desk.get("/triage", **headers)
        assert by_htmx.status_code == 401
        assert by_htmx.headers["hx-redirect"] == f"/escalation/sign-in?back={back}"
    stream = await desk.get("/triage/live-for-tests")
    assert stream.status_code == 401
    assert stream.headers["content-type"] == "application/problem+json"
