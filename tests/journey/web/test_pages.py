"""What every page carries, and how an error is said to a person."""

import re

import pytest

from shared.web import assets
from tests.journey.web.conftest import Desk


async def test_a_page_may_load_only_our_own_and_run_only_what_has_its_nonce(desk: Desk) -> None:
    page, other = await desk.sign_in(), await desk.get("/triage")
    policy = page.headers["content-security-policy"]
    nonce = re.search(r"'nonce-([^']+)'", policy)
    assert nonce
    assert policy == (
        f"default-src 'none'; script-src 'nonce-{nonce[1]}' 'strict-dynamic'; style-src 'self'; "
        "img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types htmx"
    )
    assert set(re.findall(r'nonce="([^"]+)"', page.text)) == {nonce[1]}
    assert nonce[1] not in other.text
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "same-origin"
    assert " style=" not in page.text
    assert not re.search(r"\son[a-z]+=", page.text)


async def test_what_a_page_loads_is_there_and_is_kept_for_ever(desk: Desk) -> None:
    page = await desk.sign_in()
    found = re.findall(r'(?:href|src)="(/escalation/static/[^"]+)"', page.text)
    assert len(found) == 4
    for path in found:
        answer = await desk.get(path)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        plain = await desk.get(path, **{"Accept-Encoding": "identity"})
        assert plain.content == answer.content
        assert "content-encoding" not in plain.headers


async def test_a_file_of_another_build_is_not_kept_and_no_other_file_is_given(desk: Desk) -> None:
    old = await desk.get("/escalation/static/old/app.css")
    assert (old.status_code, old.headers["cache-control"]) == (200, "no-store")
    for name in ("NOTICE", "..%2fview.py", "x"):
        assert (await desk.get(f"/escalation/static/{assets.digest()}/{name}")).status_code == 404


async def test_a_mistyped_address_is_a_page_for_a_person_and_a_problem_for_a_program(
    desk: Desk,
) -> None:
    person = await desk.get("/triage/no/such/page")
    assert person.status_code == 404
    assert "Page not found" in person.text
    program = await desk.get("/triage/no/such/page", Accept="application/json")
    assert program.headers["content-type"] == "application/problem+json"
    api = await desk.get("/v1/cases/no/such")
    assert api.headers["content-type"] == "application/problem+json"


async def test_an_error_on_a_page_says_what_to_do_and_nothing_that_was_sent(desk: Desk) -> None:
    await desk.sign_in()
    page = await desk.get("/triage/MASH/821?after=Amber-Test-Ash")
    assert page.status_code == 422
    assert "Use `after` only as it was given to you" in page.text
    assert "Amber" not in page.text


@pytest.mark.parametrize("error", [RuntimeError("Amber Test-Ash"), OSError("Amber Test-Ash")])
async def test_a_bug_on_a_page_tells_nothing_of_what_went_wrong(
    desk: Desk,
    error: Exception,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    await desk.sign_in()

    def fails(*_: object) -> object:
        raise error

    monkeypatch.setattr("escalation.web.queues.viewer_of", fails)
    page = await desk.get("/triage")
    assert page.status_code == (503 if isinstance(error, OSError) else 500)
    assert "Amber" not in page.text + capsys.readouterr().err
    assert "Signed in: Duty worker" in page.text
