"""What the house has decided comes out again bit for bit, through a change of the packs as well."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from typer.testing import CliRunner, Result

from handrail.policy_cli import policy_app
from shared.settings import Settings
from tests.house import House
from tests.unit.policy.control.desk import LATER, LOCAL, new_desk

# The school of the demo's Luton, whose pack changes on the first of December.
LUTON = {"341": "821", "testshire": "luton", "Testshire": "Luton"}
NEGLECT = {"concern_types": ["neglect"], "immediate_danger": "no"}
BODIES: list[dict[str, Any]] = [
    {"children": [{"ref": "child-1", "facts": {"age_years": 1}}], "facts": NEGLECT},
    {"facts": {"concern_types": ["fgm"], "knowledge_basis": "told_by_the_child"},
     "reporter": {"role": "teacher", "does_teaching_work": True},
     "children": [{"ref": "child-1", "facts": {"age_years": 14}}]},
    {"facts": {"immediate_danger": "yes", "weapon": "yes"}},
    {"children": [{"ref": "child-1", "facts": {"age_years": 9}},
                  {"ref": "child-2", "facts": {"age_years": 1}}], "facts": NEGLECT},
]  # fmt: skip

USED = "SELECT DISTINCT jsonb_path_query(basis, '$[*].packs[*].version') #>> '{}' FROM case_file"
TAMPER = """
UPDATE case_file SET decision = jsonb_set(decision, '{actions,0,priority}', '"P4"')
WHERE id = (SELECT min(id::text)::uuid FROM case_file)
"""


def of_luton(text: str) -> str:
    for name, theirs in LUTON.items():
        text = text.replace(name, theirs)
    return text


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    desk = new_desk(tmp_path_factory.mktemp("control") / "packs")
    desk.release(of_luton(LOCAL), "luton")
    later = LATER.replace("2026-09-01", "2026-12-01").replace(
        "HEALTH, priority: P2", "HEALTH, priority: P1"
    )
    desk.release(of_luton(later), "luton")
    return desk.packs


@pytest.fixture
def settings_for(settings_for: Callable[..., Settings], packs: Path) -> Callable[..., Settings]:
    def make(service: str, kind: type[Settings] = Settings, **more: Any) -> Settings:
        return settings_for(service, kind, packs=packs, **more)

    return make


async def run(house: House, *words: str) -> Result:
    env = {"HANDRAIL_DATABASE_URL": house.database.dsn("escalation")}
    return await asyncio.to_thread(CliRunner().invoke, policy_app, list(words), env=env)


async def sql(house: House, statement: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(house.database.dsn("escalation"))
    try:
        rows: list[asyncpg.Record] = await connection.fetch(statement)
        return rows
    finally:
        await connection.close()


async def post_all(house: House, key: str) -> list[dict[str, Any]]:
    answers = [await house.post_concern(b, f"{key}-{i}") for i, b in enumerate(BODIES)]
    assert {answer.status_code for answer in answers} == {201}
    return [answer.json() for answer in answers]


def health(answer: dict[str, Any]) -> str:
    return next(str(a["priority"]) for a in answer["actions"] if a["route"] == "HEALTH")


async def amend(house: House, answer: dict[str, Any]) -> None:
    path = f"/v1/concerns/{answer['concerns'][0]['concern_id']}/amendments"
    headers = house.issuer.headers("mis", client="demo-mis", school="999002")
    told = {"facts": {"immediate_danger": "yes"}}
    assert (await house.client.post(path, json=told, headers=headers)).status_code == 200


async def decisions(house: House) -> int:
    rows = await sql(house, "SELECT coalesce(sum(jsonb_array_length(basis)), 0) FROM case_file")
    return int(rows[0][0])


async def counted(house: House, count: int) -> bool:
    return await decisions(house) == count


async def test_every_decision_comes_out_again_until_somebody_tampers_with_one(
    house: House, packs: Path, tmp_path: Path
) -> None:
    before = await post_all(house, "november")
    house.clock.set(datetime(2026, 12, 2, 10, 0, tzinfo=UTC))
    after = await post_all(house, "december")
    assert (health(before[0]), health(after[0])) == ("P2", "P1")
    await amend(house, before[0])
    await house.until(lambda: counted(house, 11))
    assert {"1", "2"} < {row[0] for row in await sql(house, USED)}

    told = await run(house, "replay", "--packs", str(packs))
    assert told.exit_code == 0, told.output
    assert "11 decisions of 10 cases: 10 cases exactly as decided\n" in told.output

    out = tmp_path / "facts.jsonl"
    assert "10 decisions written" in (await run(house, "facts", "export", str(out))).output
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert all(set(line) == {"facts", "received_at", "authorities"} for line in lines)
    words = ["--packs", str(packs), "--concerns", str(out), "--since", "2026-12-01"]
    diff = await run(house, "diff", "luton@1", "luton@2", *words)
    assert diff.exit_code == 0, diff.output
    assert "LOST: nothing" in diff.output
    assert "luton TST-NEG-01: HEALTH P1 by WD(1)" in diff.output
    assert "HEALTH: P2 becomes P1" in diff.output

    await sql(house, TAMPER)
    told = await run(house, "replay", "--packs", str(packs))
    assert told.exit_code == 1
    assert "its decision was changed after it was taken" in told.output
    assert "1 cases are not as they were decided" in told.output
