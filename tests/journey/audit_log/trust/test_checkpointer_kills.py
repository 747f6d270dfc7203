"""The checkpointer's own process dies as by kill -9 at each step, and the log has one history."""

import asyncio
import os
import sys
from pathlib import Path

import httpx2

from audit_log.merkle import verify_consistency
from audit_log.published import prove
from audit_log.trust.checkpoints import parse_checkpoint
from audit_log.trust.notes import parse_note
from audit_log.trust.treehash import consistency_spans
from handrail.log_keys import policy_file, signing_file
from tests.journey.audit_log.trust.conftest import Signed, newest

STEPS = ("after-memory", "before-commit", "after-commit")


async def start(signed: Signed, step: str) -> asyncio.subprocess.Process:
    keys = signed.place / "keys"
    settings = {
        "HANDRAIL_DATABASE_URL": signed.database.log_role("checkpointer"),
        "HANDRAIL_LOG_KEYS": str(signing_file(keys)),
        "HANDRAIL_LOG_POLICY": str(policy_file(keys)),
        "HANDRAIL_LOG_MEMORY": str(signed.place / "signed"),
        "HANDRAIL_FAILPOINT": f"checkpointer.{step}:exit" if step else "",
    }
    handrail = str(Path(sys.executable).with_name("handrail"))
    return await asyncio.create_subprocess_exec(
        handrail, "serve", "checkpointer", "--port", "0",
        env=os.environ | settings, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip


async def test_killed_at_each_step_it_signs_one_history(
    signed: Signed, as_anyone: httpx2.AsyncClient
) -> None:
    for step in STEPS:
        await signed.grow(3)
        process = await start(signed, step)
        assert await asyncio.wait_for(process.wait(), 60) == 9, step
    await signed.grow(1)
    process = await start(signed, "")
    while "\n10\n" not in (await as_anyone.get("/checkpoint")).text:  # noqa: ASYNC110 - over HTTP
        await asyncio.sleep(0.05)
    process.terminate()
    assert await asyncio.wait_for(process.wait(), 30) == 0
    notes = [parse_note(row["note"].encode()) for row in await signed.log.rows(
        "SELECT note FROM checkpoint ORDER BY size"
    )]  # fmt: skip
    assert bytes(notes[-1]) == bytes(await newest(as_anyone))
    trees = [parse_checkpoint(note.text) for note in notes]
    # The first was remembered at the first kill, and published before anything newer.
    assert [tree.size for tree in trees] == [3, 10]
    async with (await signed.checkpointer()).signing.sessions() as session:
        proof = await prove(session, consistency_spans(3, 10), 10)
    assert verify_consistency(3, 10, trees[0].root, trees[1].root, proof)
