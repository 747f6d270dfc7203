"""The pages of the log: what an auditor finds and reads there, and what an operator does not."""

import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from audit_log.app import create_app
from audit_log.sequencer import Sequencer
from audit_log.settings import AuditSettings
from audit_log.trust.policy import parse_policy
from audit_log.verifying.exports import audit_export
from handrail.issuer import client_secret
from handrail.issuer_people import PEOPLE_CLIENT
from handrail.log_keys import make_log_keys, policy_file
from shared.clock import SetClock
from shared.settings import Settings
from tests.conftest import Database, TestIssuer
from tests.journey.audit_log.conftest import Log
from tests.journey.audit_log.test_search import filled, outbox
from tests.journey.audit_log.trust.conftest import Signed
from tests.journey.web.conftest import DUTY, ORIGIN, Desk, Provider

AUDITOR, OPERATOR = "demo-auditor", "demo-operator"


@pytest.fixture
def app(
    provider: Provider,
    settings_for: Callable[..., Settings],
    clock: SetClock,
    issuer: TestIssuer,
    tmp_path: Path,
) -> FastAPI:
    make_log_keys(tmp_path / "keys", "log.example/handrail")
    provider.people.callbacks = frozenset({f"{ORIGIN}/audit-log/sign-in/callback"})
    settings = settings_for(
        "audit-log",
        AuditSettings,
        oidc_issuer=provider.issuer,
        oidc_client_id=PEOPLE_CLIENT,
        oidc_client_secret=SecretStr(client_secret(provider.directory, PEOPLE_CLIENT)),
        log_policy=policy_file(tmp_path / "keys"),
    )
    assert isinstance(settings, AuditSettings)
    return create_app(settings, clock, issuer.keys)


@pytest.fixture
async def log(app: FastAPI, clock: SetClock) -> AsyncIterator[Log]:
    runtime = app.state.runtime
    dsn = runtime.settings.database_url.get_secret_value()
    sequencer = Sequencer(dsn, runtime.sessions, runtime.sealer, clock)
    yield Log(runtime, clock, app, sequencer)
    await sequencer.close()
    await app.state.reader.dispose()


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


@pytest.fixture
async def found(
    log: Log, desk: Desk, database: Database, clock: SetClock, tmp_path: Path
) -> tuple[Desk, Any]:
    """An auditor signed in before a signed log; with the id of its first concern."""
    luton, _ = await filled(log)
    async with AsyncExitStack() as stack:
        signed = Signed(log, database, tmp_path, clock, stack=stack)
        await (await signed.checkpointer()).round()
    await desk.sign_in(AUDITOR, "/audit")
    return desk, luton


async def test_every_link_of_the_log_leads_somewhere_without_javascript(
    found: tuple[Desk, Any],
) -> None:
    desk, luton = found
    seen: set[str] = set()
    to_read = ["/audit", f"/audit/entries?concern={luton}"]
    while to_read:
        path = to_read.pop()
        if path in seen:
            continue
        seen.add(path)
        answer = await desk.get(path)
        assert answer.status_code == 200, path
        assert " style=" not in answer.text
        if answer.headers["content-type"].startswith("text/html"):
            links = re.findall(r'href="(/(?:audit|checkpoint)[^"#]*)"', answer.text)
            to_read += [unescape(link) for link in links if "static" not in link]
    kinds = {re.sub(r"[0-9a-f-]{36}|\d+", "N", path.split("?")[0]) for path in seen}
    assert kinds >= {
        "/audit", "/audit/entries", "/audit/entries/N", "/audit/entries/N/proof", "/audit/state",
        "/audit/cases/N", "/audit/checkpoints/N", "/audit/export.jsonl", "/audit/export.csv",
        "/checkpoint",
    }  # fmt: skip


async def test_an_entrys_page_says_what_was_verified_and_what_was_not(
    found: tuple[Desk, Any],
) -> None:
    desk, _ = found
    said = words((await desk.get("/audit/entries/1")).text)
    assert "Verified against checkpoint 11 of log.example/handrail" in said
    assert "lead by a proof of 4 hashes to the root of checkpoint 11" in said
    assert "The signature of log.example/handrail under checkpoint 11 holds." in said
    assert "That anyone outside has seen the same log: no witness cosigned it." in said
    assert "This page was made by the service that you audit." in said
    assert "School 999002 raised a concern: physical." in said


async def test_a_changed_entry_is_shown_as_wrong(
    found: tuple[Desk, Any], database: Database
) -> None:
    desk, luton = found
    connection = await asyncpg.connect(database.superuser)
    await connection.execute("SET event_triggers = off")
    await connection.execute("ALTER TABLE audit_log.log_entry_0 DISABLE TRIGGER ALL")
    await connection.execute(
        "UPDATE audit_log.log_entry_0 SET payload = replace(encode(payload, 'escape'), "
        "'\"P1\"', '\"P3\"')::bytea WHERE seq = 2"
    )
    await connection.close()
    said = words((await desk.get("/audit/entries/2")).text)
    assert "Something is wrong. Do not rely on this entry." in said
    assert "do not lead to the root of checkpoint 11" in said
    story = words((await desk.get(f"/audit/cases/{luton}")).text)
    assert "1 of these entries are not what checkpoint 11 says" in story
    assert (await desk.get("/audit/entries/1")).text.count("Something is wrong") == 0


async def test_a_story_is_told_in_order_and_in_plain_words(found: tuple[Desk, Any]) -> None:
    desk, luton = found
    said = words((await desk.get(f"/audit/cases/{luton}")).text)
    steps = (
        "School 999002 raised a concern: physical.", "It was decided: priority P1",
        "The MASH team is to see to it", "Told: the DSL, by email.", "The deadline passed",
    )  # fmt: skip
    places = [said.index(step) for step in steps]
    assert places == sorted(places)
    assert "Rules: NAT-GEN-04" in said
    assert "were proved just now to be in checkpoint 11" in said


async def test_the_state_shows_the_signatures_and_what_is_unaccounted_for(
    found: tuple[Desk, Any], log: Log
) -> None:
    desk, _ = found
    kent = uuid4()
    await log.hears(log.record("concern.raised", subject=kent, sequence=99))
    log.clock.advance(timedelta(minutes=90))
    await desk.sign_in(AUDITOR, "/audit/state")
    said = words((await desk.get("/audit/state")).text)
    assert "Of 11 entries; 1 are not signed yet." in said
    assert "Signed by log.example/handrail (checked)." in said
    assert re.search(rf"{kent} Waiting 1 hour .* the operator of escalation", said)
    assert re.search(r"intake/lane-0: \d+ to 98 Waiting 1 hour", said)


async def test_an_operator_sees_the_state_and_no_entry(found: tuple[Desk, Any], log: Log) -> None:
    desk, luton = found
    desk.client.cookies.clear()
    before = len(await outbox(log))
    landed = await desk.sign_in(OPERATOR, "/audit/state")
    assert "State of the log" in landed.text
    assert (await desk.get("/audit")).headers["location"] == "/audit/state"
    assert "/audit/entries" not in landed.text
    for path in (
        "/audit/entries", "/audit/entries/1", "/audit/entries/1/proof", f"/audit/cases/{luton}",
        "/audit/export.csv", "/audit/checkpoints/11",
    ):  # fmt: skip
        assert (await desk.get(path)).status_code == 403, path
    assert len(await outbox(log)) == before


async def test_a_worker_sees_no_page_of_the_log(found: tuple[Desk, Any]) -> None:
    desk, luton = found
    desk.client.cookies.clear()
    back = await desk.get(await desk.choose(await desk.begin("/audit"), DUTY))
    assert back.status_code == 303
    for path in ("/audit", "/audit/state", "/audit/entries", f"/audit/cases/{luton}"):
        assert (await desk.get(path)).status_code == 403, path


async def test_a_page_that_cannot_be_recorded_is_not_shown(
    found: tuple[Desk, Any], database: Database
) -> None:
    desk, luton = found
    connection = await asyncpg.connect(database.superuser)
    await connection.execute("REVOKE INSERT ON audit_log.outbox FROM audit_log")
    await connection.close()
    for path in (
        f"/audit/entries?concern={luton}", "/audit/entries/1", "/audit/entries/1/proof",
        f"/audit/cases/{luton}", "/audit/export.jsonl",
    ):  # fmt: skip
        answer = await desk.get(path)
        assert answer.status_code == 503, path
        assert "raised a concern" not in answer.text
        assert "cannot be recorded now, so nothing is shown" in answer.text


async def test_each_page_is_told_to_the_log(found: tuple[Desk, Any], log: Log) -> None:
    desk, luton = found
    await desk.get("/audit/entries")  # the form alone asks for nothing
    await desk.get(f"/audit/entries?concern={luton}&happened_from=23/11/2026")
    await desk.get("/audit/entries/1")
    await desk.get(f"/audit/cases/{luton}")
    await desk.get(f"/audit/export.csv?concern={luton}")
    told = [(row["type"], row["what"], row["found"]) for row in await outbox(log)]
    assert told == [
        ("log.searched", "search", 8), ("log.read", "entry", 1), ("log.read", "story", 8),
        ("log.searched", "export", 8),
    ]  # fmt: skip


async def test_what_is_typed_wrongly_is_said_beside_its_field(found: tuple[Desk, Any]) -> None:
    desk, _ = found
    path = "/audit/entries?school=12&concern=%3Cb%3Eme&happened_from=soon&type=task.opened"
    answer = await desk.get(path)
    assert answer.status_code == 422
    for advice in (
        "Enter a URN of six digits", "Enter the whole id of a concern",
        "Happened from: enter a day, for example 24/11/2026",
    ):  # fmt: skip
        assert advice in answer.text
    assert "<b>me" not in answer.text
    assert '<option value="task.opened" selected' in answer.text


async def test_a_file_taken_from_a_page_verifies_offline_and_a_changed_one_does_not(
    found: tuple[Desk, Any], tmp_path: Path
) -> None:
    desk, luton = found
    listed = await desk.get(f"/audit/entries?concern={luton}")
    policy = parse_policy(policy_file(tmp_path / "keys").read_bytes())
    for form in ("jsonl", "csv"):
        (link,) = re.findall(rf'href="(/audit/export\.{form}[^"]*)"', listed.text)
        (beside,) = re.findall(rf'href="(/audit/checkpoints/[^"]*{form})"', listed.text)
        taken, note = await desk.get(unescape(link)), await desk.get(unescape(beside))
        file = tmp_path / f"log-11.{form}"
        file.write_bytes(taken.content)
        named = re.findall(r'filename="([^"]*)"', note.headers["content-disposition"])
        (tmp_path / named[0]).write_bytes(note.content)
        report = audit_export(file, policy, completeness=False)
        assert (report.exit_code, report.entries) == (0, 8), report.findings
        file.write_text(taken.text.replace("P1", "P3", 1))
        report = audit_export(file, policy, completeness=False)
        assert report.exit_code == 1
        assert json.dumps(report.as_json()["findings"][0]["first"]).isdigit()
