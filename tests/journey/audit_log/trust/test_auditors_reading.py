"""Who may read what: told to the log first or not shown, and each authority its own entries."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx2
import pytest
from joserfc import jwt
from typer.testing import CliRunner

from audit_log.trust.prooffiles import parse_proof_file
from handrail.audit_cli import audit_app
from handrail.issuer import DEMO_ALGORITHM, signing_key
from shared.auth import Role
from shared.sealing import account_ref
from tests.conftest import Database, TestIssuer
from tests.journey.audit_log.conftest import Log, example
from tests.journey.audit_log.test_search import filled, found, outbox
from tests.journey.audit_log.trust.conftest import Signed

READS = (
    "/v1/log/entries",
    "/v1/log/entries/1",
    "/v1/log/by-event/{event}",
    "/v1/log/cases/{concern}/story",
    "/v1/log/export.jsonl",
    "/v1/log/export.csv",
    "/v1/log/proof/entry/1.tlog-proof",
    "/v1/log/proof/event/{event}.tlog-proof",
    "/tile/entries/000.p/11",
)


async def test_what_cannot_be_recorded_is_not_shown(
    signed: Signed, log: Log, http: httpx2.AsyncClient, issuer: TestIssuer, database: Database
) -> None:
    luton, _ = await filled(log)
    await (await signed.checkpointer()).round()
    event = (await log.entries())[1]["event_id"]
    paths = [path.format(concern=luton, event=event) for path in READS]
    for number, path in enumerate(paths, start=1):
        opened = await http.get(path, headers=issuer.headers("auditor"))
        assert opened.status_code == 200, opened.text
        assert "concern.raised" in opened.text or "tlog-proof" in path
        assert len(await outbox(log)) == number, path
    log.clock.advance(timedelta(hours=1))
    connection = await asyncpg.connect(database.superuser)
    await connection.execute("REVOKE INSERT ON audit_log.outbox FROM audit_log")
    await connection.close()
    for path in paths:
        closed = await http.get(path, headers=issuer.headers("auditor"))
        assert closed.status_code == 503, (path, closed.text)
        assert "concern.raised" not in closed.text
        assert closed.json()["type"].endswith("log-closed")


async def test_nobody_but_an_auditor_reads_entries(
    log: Log, http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    roles: tuple[Role, ...] = ("admin", "operator", "dpo", "mis")
    refused = [issuer.headers(role) for role in roles]
    refused.append(issuer.headers("auditor", school="999002"))
    for each in READS:
        path = each.format(concern=uuid4(), event=uuid4())
        assert (await http.get(path)).status_code == 401
        for headers in refused:
            assert (await http.get(path, headers=headers)).status_code == 403, path
    assert await outbox(log) == []


async def test_an_authoritys_auditor_has_its_entries_and_no_others(
    signed: Signed, log: Log, http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    _, kent = await filled(log)
    await (await signed.checkpointer()).round()
    event = (await log.entries())[3]["event_id"]
    for path, own, other in (
        ("/v1/log/entries/3", 200, 404),
        (f"/v1/log/by-event/{event}", 200, 404),
        (f"/v1/log/cases/{kent}/story", 200, 404),
        (f"/v1/log/proof/event/{event}.tlog-proof", 200, 404),
        ("/tile/entries/000.p/11", 403, 403),
    ):
        for la, status in (("886", own), ("821", other), ("926", other)):
            answer = await http.get(path, headers=issuer.headers("auditor", la=la))
            assert answer.status_code == status, (path, la, answer.text)
            assert status == 200 or str(kent) not in answer.text


async def test_an_authoritys_search_export_and_proof_hold_its_entries_alone(
    signed: Signed, log: Log, http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    luton, kent = await filled(log)
    await (await signed.checkpointer()).round()
    by_authority = {"821": [0, 1, 2, 4, 5, 8, 9, 10], "886": [3, 6], "926": []}
    for la, right in by_authority.items():
        headers = issuer.headers("auditor", la=la)
        assert await found(http, headers) == right
        assert await found(http, headers, la="886") == [seq for seq in right if seq in (3, 6)]
        exported = await http.get("/v1/log/export.jsonl", headers=headers)
        assert [json.loads(line)["seq"] for line in exported.text.splitlines()] == right
        assert exported.headers["handrail-entries"] == str(len(right))
    headers = issuer.headers("auditor", la="886")
    mine, theirs = [
        parse_proof_file(
            (await http.get(f"/v1/log/proof/entry/{seq}.tlog-proof", headers=headers)).content
        )
        for seq in (3, 1)
    ]
    assert mine.extra is not None
    assert mine.holds(mine.extra)
    assert str(kent).encode() in mine.extra
    assert theirs.extra is None
    assert str(luton) not in (await http.get("/v1/log/entries", headers=headers)).text


async def test_what_another_authority_serves_in_a_shared_case_stays_its_own(
    log: Log, http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    """The school is in Luton and the child lives in Kent: each sees the case, and its own tasks."""
    subject, task = uuid4(), str(uuid4())
    raised = example("concern.raised", home_la="886", school_la="821")
    await log.hears(
        log.record("notice.sent", example("notice.sent", task_id=task), subject=subject),
        log.record("concern.raised", raised, subject=subject),
        log.record("task.opened", example("task.opened", task_id=task, la="886"), subject=subject),
        log.record("task.opened", example("task.opened", task_id=str(uuid4()), la="821"),
                   subject=subject),
        log.record("task.acknowledged", example("task.acknowledged", task_id=task),
                   subject=subject),
    )  # fmt: skip
    assert await found(http, issuer.headers("auditor", la="886")) == [0, 1, 2, 4]
    assert await found(http, issuer.headers("auditor", la="821")) == [1, 3]


async def test_asking_about_another_authoritys_case_does_not_make_it_ones_own(
    log: Log, http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    _, kent = await filled(log)
    headers = issuer.headers("auditor", la="821")
    assert await found(http, headers, concern=str(kent), la="821") == []
    event = (await outbox(log))[0]
    data = {name: event[name] for name in example("log.searched")}
    await log.hears(log.record("log.searched", data, subject=kent, producer="audit-log"))
    assert await found(http, headers, concern=str(kent)) == []
    assert await found(http, issuer.headers("auditor", la="886"), concern=str(kent)) == [3, 6, 11]


def head_and_auditor(issuer: TestIssuer) -> dict[str, str]:
    """One account with two grants, which the demo's issuer does not give."""
    key = signing_key(issuer.directory)
    claims = jwt.decode(issuer.token("auditor", account="head-and-auditor"), key).claims
    claims["grants"].append({"role": "head", "route": None, "la": None, "urn": "999002"})
    token = jwt.encode({"alg": DEMO_ALGORITHM, "typ": "at+jwt", "kid": key.kid}, claims, key)
    return {"Authorization": f"Bearer {token}"}


async def excluding(log: Log, **how: Any) -> tuple[UUID, UUID, UUID]:
    """Two concerns of one incident, the first with the exclusion, and one of another incident."""
    first, second, other, incident = uuid4(), uuid4(), uuid4(), str(uuid4())
    raised = example("concern.raised", incident_id=incident, reporter_ref=None)
    apart = example("concern.raised", incident_id=str(uuid4()), reporter_ref=None)
    linked = example("case.linked", other_id=str(first))
    await log.hears(
        log.record("concern.raised", raised | how, subject=first),
        log.record("concern.raised", raised, subject=second),
        log.record("concern.raised", apart, subject=other),
        log.record("case.linked", linked, subject=other),
        log.record("notice.sent", subject=first),
    )
    return first, second, other


@pytest.mark.parametrize("how", ["account", "staff", "post"])
async def test_who_is_kept_out_of_a_case_sees_nothing_of_it_as_an_auditor(
    signed: Signed, log: Log, http: httpx2.AsyncClient, issuer: TestIssuer, how: str
) -> None:
    accused = account_ref(log.runtime.secret, "head-and-auditor")
    exclusions: dict[str, dict[str, Any]] = {
        "account": {"excluded_refs": [accused]},
        "staff": {"exclude_school_staff": True},
        "post": {"excluded_roles": ["head"]},
    }
    first, second, _ = await excluding(log, **exclusions[how])
    await (await signed.checkpointer()).round()
    headers = head_and_auditor(issuer)
    assert await found(http, headers) == [2]
    for path in (
        "/v1/log/entries/0", f"/v1/log/cases/{first}/story", f"/v1/log/cases/{second}/story",
    ):  # fmt: skip
        assert (await http.get(path, headers=headers)).status_code == 404
    assert (await http.get("/tile/entries/000.p/5", headers=headers)).status_code == 403
    assert (await http.get("/v1/log/export.csv", headers=headers)).text.count("concern.raised") == 2
    assert await found(http, issuer.headers("auditor", account="another")) == [0, 1, 2, 3, 4]


async def test_whole_bundles_are_told_once_an_hour(
    signed: Signed, log: Log, http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    await filled(log)
    await (await signed.checkpointer()).round()
    for _ in range(3):
        await http.get("/tile/entries/000.p/11", headers=issuer.headers("auditor"))
    assert [event["what"] for event in await outbox(log)] == ["bundles"]
    log.clock.advance(timedelta(hours=1))
    await http.get("/tile/entries/000.p/11", headers=issuer.headers("auditor"))
    assert [event["what"] for event in await outbox(log)] == ["bundles", "bundles"]


async def run(*words: str, token: str = "") -> tuple[int, str]:
    said = await asyncio.to_thread(
        CliRunner().invoke, audit_app, list(words), env={"HANDRAIL_TOKEN": token}
    )
    return said.exit_code, said.output


@pytest.mark.parametrize("form", ["jsonl", "csv"])
async def test_an_authoritys_export_is_resumed_verifies_offline_and_a_change_in_it_is_found(  # noqa: PLR0917 - fixtures
    signed: Signed, log: Log, address: str, issuer: TestIssuer, tmp_path: Path, form: str
) -> None:
    await filled(log)
    await (await signed.checkpointer()).round()
    file, policy = tmp_path / f"luton.{form}", tmp_path / "log.policy"
    policy.write_text(signed.policy_text)
    token = issuer.token("auditor", la="821")
    export = ("export", address, str(file), "--where", "service=escalation")
    code, said = await run(*export, token=token)
    assert (code, said.startswith("6 entries written")) == (0, True), said
    whole = file.read_text()
    file.write_text("".join(whole.splitlines(keepends=True)[:3]) + "half a line")
    code, said = await run(*export, token=token)
    assert code == 0, said
    assert file.read_text() == whole
    verify = ("verify", str(file), "--policy", str(policy))
    code, said = await run(*verify)
    assert (code, "VERIFIED" in said) == (0, True), said
    quote = {"jsonl": '\\"', "csv": '""'}[form]  # P1 alone may be in some hash too
    assert f"{quote}P1{quote}" in whole
    file.write_text(whole.replace(f"{quote}P1{quote}", f"{quote}P3{quote}", 1))
    code, said = await run(*verify)
    assert code == 1
    assert "entry 2: it was changed" in said


async def test_the_services_own_export_is_the_commands_byte_for_byte(  # noqa: PLR0917 - fixtures
    signed: Signed, log: Log, address: str, http: httpx2.AsyncClient, issuer: TestIssuer,
    tmp_path: Path,
) -> None:  # fmt: skip
    await filled(log)
    await (await signed.checkpointer()).round()
    for form in ("jsonl", "csv"):
        file = tmp_path / f"log.{form}"
        code, said = await run("export", address, str(file), token=issuer.token("auditor"))
        assert code == 0, said
        path = f"/v1/log/export.{form}?size=11"
        first = await http.get(path, headers=issuer.headers("auditor"))
        assert first.content == file.read_bytes()
        rest = await http.get(f"{path}&after=7", headers=issuer.headers("auditor"))
        assert first.text.endswith(rest.text)
        assert (first.headers["handrail-entries"], rest.headers["handrail-entries"]) == ("11", "3")
