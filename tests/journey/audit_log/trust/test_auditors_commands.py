"""An auditor mirrors, verifies, exports and follows the log with commands that need no service."""

import asyncio
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from typer.testing import CliRunner

from audit_log.trust.tilepaths import Tile
from handrail.audit_cli import audit_app
from tests.conftest import TestIssuer
from tests.journey.audit_log.trust.conftest import Signed, bare, forge


@dataclass
class Auditor:
    """Runs `handrail audit …` with the auditor's policy file and token."""

    signed: Signed
    address: str
    token: str
    place: Path

    async def __call__(self, *words: str, token: bool = True) -> tuple[int, str]:
        policy = self.place / "log.policy"
        policy.write_text(self.signed.policy_text)
        named = () if words[0] in ("export", "drill") else ("--policy", str(policy))
        said = await asyncio.to_thread(
            CliRunner().invoke,
            audit_app,
            [*words, *named],
            env={"HANDRAIL_TOKEN": self.token if token else ""},
        )
        return said.exit_code, said.output


@pytest.fixture
def auditor(signed: Signed, address: str, issuer: TestIssuer, tmp_path: Path) -> Auditor:
    return Auditor(signed, address, issuer.token("auditor"), tmp_path)


async def test_a_mirror_goes_on_where_it_was_left_and_verifies_offline(
    signed: Signed, auditor: Auditor
) -> None:
    await signed.add_witness("a")
    checkpointer = await signed.checkpointer()
    await signed.grow(300)
    await checkpointer.round()
    copy = auditor.place / "mirror"
    code, said = await auditor("mirror", auditor.address, str(copy))
    assert code == 0, said
    await signed.grow(250)
    await checkpointer.round()
    (copy / "tile" / Tile(-1, 0).path()).unlink()
    code, said = await auditor("mirror", auditor.address, str(copy))
    assert code == 0, said
    assert not (copy / "tile" / "entries" / "001.p" / "44").exists()
    assert sorted(one.name for one in (copy / "checkpoints").iterdir()) == ["300", "550"]
    code, said = await auditor("verify", str(copy), "--completeness", "--json", token=False)
    verdict = json.loads(said)
    assert (code, verdict["verified"], verdict["entries"]) == (0, True, 550)
    since = ("--since", str(copy / "checkpoints" / "300"))
    code, said = await auditor("verify", auditor.address, *since, "--kept", str(copy))
    assert code == 0, said
    code, said = await auditor("drill", "--dir", str(copy))
    assert code == 0, said


async def test_anyone_may_verify_the_hashes_and_is_told_that_entries_were_not_seen(
    signed: Signed, auditor: Auditor
) -> None:
    await signed.grow(5)
    await (await signed.checkpointer()).round()
    code, said = await auditor("verify", auditor.address, token=False)
    assert (code, "no entry was looked at" in said) == (0, True)


async def test_a_rewritten_entry_is_named_by_whoever_kept_a_mirror(
    signed: Signed, auditor: Auditor
) -> None:
    await signed.grow(20)
    await (await signed.checkpointer()).round()
    copy = str(auditor.place / "mirror")
    await auditor("mirror", auditor.address, copy)
    change = "UPDATE log_entry_0 SET payload = payload || ' ' WHERE seq = 7"
    await forge(signed.database, *bare("log_entry_0", change))
    code, said = await auditor("verify", auditor.address, "--kept", copy)
    assert (code, "entry 7:" in said) == (1, True)
    code, said = await auditor("verify", copy)
    assert code == 0, said


@pytest.mark.parametrize("suffix", ["jsonl", "csv"])
async def test_an_export_is_resumed_and_verifies_by_itself(
    signed: Signed, auditor: Auditor, suffix: str
) -> None:
    checkpointer = await signed.checkpointer()
    await signed.grow(300)
    await checkpointer.round()
    file = auditor.place / f"export.{suffix}"
    code, said = await auditor("export", auditor.address, str(file))
    assert (code, said.split(" ")[0]) == (0, "300")
    file.write_text(file.read_text()[:-50_000])
    await signed.grow(1)
    await checkpointer.round()
    code, said = await auditor("export", auditor.address, str(file))
    assert code == 0, said
    assert 0 < int(said.split(" ")[0]) < 300
    code, said = await auditor("verify", str(file), "--completeness", "--json")
    assert (code, json.loads(said)["entries"]) == (0, 300), said
    file.write_text(file.read_text().replace("task.opened", "task.closed", 3))
    assert (await auditor("verify", str(file)))[0] == 1


async def test_a_monitor_reports_a_dropped_event_and_ends(signed: Signed, auditor: Auditor) -> None:
    checkpointer = await signed.checkpointer()
    await signed.grow(3)
    signed.log.counts["intake/lane-0"] += 1  # one that the log never heard of
    await signed.grow(3)
    await checkpointer.round()
    copy = str(auditor.place / "followed")
    code, said = await auditor("monitor", auditor.address, copy, "--once")
    assert (code, "it may still be on its way" in said) == (0, True)
    hurried = ("--patience", "0.2", "--every", "0.3")
    code, said = await auditor("monitor", auditor.address, copy, *hurried)
    assert code == 1
    assert "entries 2 to 3: intake/lane-0 counted number 4" in said


async def test_a_proof_file_verifies_by_itself(
    signed: Signed, auditor: Auditor, as_auditor: httpx2.AsyncClient
) -> None:
    await signed.add_witness("a")
    await signed.grow(9)
    await (await signed.checkpointer()).round()
    file = auditor.place / "4.tlog-proof"
    data = (await as_auditor.get("/v1/log/proof/entry/4.tlog-proof")).content
    file.write_bytes(data)
    code, said = await auditor("verify", str(file), token=False)
    assert code == 0, said
    file.write_bytes(data.replace(b"index 4", b"index 5"))
    assert (await auditor("verify", str(file), token=False))[0] == 1
    file.write_bytes(data[:100])
    assert (await auditor("verify", str(file), token=False))[0] == 2


async def test_what_cannot_be_read_is_one_sentence(auditor: Auditor, signed: Signed) -> None:
    for words in (
        ("verify", "http://127.0.0.1:1"),
        ("verify", "/nowhere"),
        ("verify", auditor.address),
    ):
        code, said = await auditor(*words)
        assert code == 2
        assert said.count("\n") == 1, said


def test_verifying_loads_nothing_of_the_service() -> None:
    program = """
import sys, handrail.audit_cli
heavy = {"fastapi", "starlette", "uvicorn", "pydantic", "sqlalchemy", "sqlmodel", "asyncpg", "jose"}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
