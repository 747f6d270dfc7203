"""What is signed only ever grows: after crashes, restores and forks, with keys that change."""

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from audit_log.checkpointer.keyfile import KeysUnusable
from audit_log.checkpointer.memory import MemoryDamaged, SignedMemory
from audit_log.checkpointer.run import EVERY_SECONDS, keep_signing
from audit_log.checkpointer.signing import Refusal
from audit_log.merkle import leaf_hash
from audit_log.trust.checkpoints import Checkpoint, parse_checkpoint
from audit_log.trust.notes import Note
from audit_log.trust.signatures import vouchers
from audit_log.trust.signers import sign_note
from handrail.log_keys import public_file, signing_file
from shared import telemetry
from shared.db import make_engine
from tests.journey.audit_log.trust.conftest import ORIGIN, Signed, bare, forge, newest


def size_of(note: Note) -> int:
    return parse_checkpoint(note.text).size


async def test_each_checkpoint_is_of_a_committed_head_and_extends_the_one_before(
    signed: Signed, as_anyone: httpx2.AsyncClient
) -> None:
    checkpointer = await signed.checkpointer()
    assert await checkpointer.round() is None
    assert (await as_anyone.get("/checkpoint")).status_code == 404
    for count in (1, 255, 1, 300):
        await signed.grow(count)
        head = await checkpointer.round()
        note = await newest(as_anyone)
        assert head == parse_checkpoint(note.text)
        assert signed.policy.judge(note).trusted
        assert await checkpointer.round() is None
    (row,) = await signed.log.rows("SELECT root FROM tree_head ORDER BY size DESC LIMIT 1")
    assert head == Checkpoint(ORIGIN, 557, row["root"])
    assert len(await signed.log.rows("SELECT 1 FROM checkpoint")) == 4


async def test_witnesses_cosign_and_the_first_that_is_away_comes_in_later(
    signed: Signed, as_anyone: httpx2.AsyncClient
) -> None:
    signed.needed = "all"
    await signed.add_witness("a")
    away = await signed.add_witness("b")
    address, away.url = away.url, "http://127.0.0.1:1"
    checkpointer = await signed.checkpointer()
    await signed.grow(3)
    await checkpointer.round()
    judged = signed.policy.judge(await newest(as_anyone))
    assert (set(judged.cosigned), judged.log is not None, judged.trusted) == ({"a"}, True, False)
    away.url = address
    restarted = await signed.checkpointer()
    assert await restarted.round() is None
    assert signed.policy.judge(await newest(as_anyone)).trusted
    await signed.grow(300)
    await restarted.round()
    assert signed.policy.judge(await newest(as_anyone)).trusted


async def test_a_database_put_back_to_yesterday_is_not_signed(signed: Signed) -> None:
    await signed.add_witness("a")
    checkpointer = await signed.checkpointer()
    for count in (5, 4):
        await signed.grow(count)
        await checkpointer.round()
    await forge(
        signed.database,
        *bare("checkpoint", "DELETE FROM checkpoint WHERE size > 5"),
        *bare("cosignature", "DELETE FROM cosignature WHERE size > 5"),
        *bare("tree_head", "DELETE FROM tree_head WHERE size > 5"),
        *bare("log_entry_0", "DELETE FROM log_entry_0 WHERE seq >= 5"),
        *bare("log_event", "DELETE FROM log_event WHERE seq >= 5"),
    )
    with pytest.raises(Refusal, match="log_rolled_back"):
        await (await signed.checkpointer()).round()
    # A new machine has no memory of its own; then the witness's is enough.
    with pytest.raises(Refusal, match="log_rolled_back"):
        await (await signed.checkpointer("of another machine")).round()
    await signed.grow(4)
    with pytest.raises(Refusal, match="log_forked"):
        await (await signed.checkpointer("of another machine")).round()


async def test_a_moved_database_waits_for_a_witness_to_answer(signed: Signed) -> None:
    witness = await signed.add_witness("a")
    await signed.grow(5)
    await (await signed.checkpointer()).round()
    await signed.grow(1)
    address, witness.url = witness.url, "http://127.0.0.1:1"
    moved = await signed.checkpointer("of another machine")
    with pytest.raises(Refusal, match="witnesses_silent"):
        await moved.round()
    witness.url = address
    assert await (await signed.checkpointer("of another machine")).round()


async def test_a_log_that_a_superuser_rewrote_is_not_signed(signed: Signed) -> None:
    checkpointer = await signed.checkpointer()
    await signed.grow(3)
    await checkpointer.round()
    other = leaf_hash(b"another").hex()
    await forge(
        signed.database,
        *bare("log_entry_0", f"UPDATE log_entry_0 SET leaf_hash = '\\x{other}' WHERE seq = 1"),
    )
    with pytest.raises(Refusal, match="log_tiles_differ"):
        await (await signed.checkpointer()).round()
    # What is added to it is true meanwhile, and signed; once a minute all of it is proved again.
    await signed.grow(2)
    assert await checkpointer.round()
    checkpointer.due = 0
    with pytest.raises(Refusal, match="log_tiles_differ"):
        await checkpointer.round()


async def test_a_head_that_its_tiles_do_not_make_is_not_signed(signed: Signed) -> None:
    await signed.grow(3)
    await forge(
        signed.database,
        *bare("tree_head", f"UPDATE tree_head SET root = '\\x{bytes(32).hex()}'"),
    )
    with pytest.raises(Refusal, match="log_tiles_differ"):
        await (await signed.checkpointer()).round()


async def test_a_witness_that_saw_another_history_stops_the_signing(signed: Signed) -> None:
    await signed.add_witness("a")
    checkpointer = await signed.checkpointer()
    await signed.grow(3)
    keys = checkpointer.signing.keys.signers()
    lie = sign_note(str(Checkpoint(ORIGIN, 9, bytes(32))), keys, 1)
    async with httpx2.AsyncClient(base_url=signed.witnesses[0].url) as client:
        answer = await client.post("/add-checkpoint", content=b"old 0\n\n" + bytes(lie))
    assert answer.status_code == 200
    with pytest.raises(Refusal, match="log_rolled_back"):
        await checkpointer.round()


async def test_a_new_key_signs_beside_the_old_one_until_that_is_retired(
    signed: Signed, as_anyone: httpx2.AsyncClient
) -> None:
    checkpointer = await signed.checkpointer()
    old = signed.keys
    place = ["--dir", str(signed.place / "keys")]

    def keys(*words: str) -> None:
        command = [str(Path(sys.executable).with_name("handrail")), "keys", "log", *words]
        subprocess.run(command, check=True, capture_output=True)

    keys("rotate", *place)
    await signed.grow(1)
    await checkpointer.round()
    note = await newest(as_anyone)
    both = signed.keys
    assert len(both) == 3
    assert [one.key for one in vouchers(note, both)] == both
    keys("retire", *place, "--kid", old[0].key_id.hex())
    await signed.grow(1)
    await checkpointer.round()
    note = await newest(as_anyone)
    assert {one.key for one in vouchers(note, both)} == set(both) - {old[0]}
    known = public_file(signed.place / "keys").read_text().split()
    assert known == [str(key) for key in both]


async def test_however_fast_the_log_grows_it_is_signed_at_most_every_second(
    signed: Signed,
) -> None:
    checkpointer = await signed.checkpointer()
    started = time.monotonic()
    signing = asyncio.create_task(keep_signing(checkpointer))
    while len(await signed.log.rows("SELECT size FROM checkpoint")) < 2:
        await signed.grow(1)
    signing.cancel()
    await asyncio.wait([signing])
    rows = await signed.log.rows("SELECT size FROM checkpoint")
    assert len(rows) <= 1 + (time.monotonic() - started) / EVERY_SECONDS
    assert len(rows) < max(row["size"] for row in rows)


async def test_a_damaged_memory_or_key_file_stops_the_signing(signed: Signed) -> None:
    checkpointer = await signed.checkpointer()
    await signed.grow(1)
    (signed.place / "signed").write_text("what is this")
    with pytest.raises(MemoryDamaged):
        await checkpointer.round()
    (signed.place / "signed").unlink()
    signing_file(signed.place / "keys").write_text("not a key")
    with pytest.raises(KeysUnusable, match="no signing key"):
        await checkpointer.round()


async def test_the_checkpointers_role_reads_hashes_and_nothing_of_the_entries(
    signed: Signed,
) -> None:
    await signed.grow(1)
    engine = make_engine(signed.database.log_role("checkpointer"), "checkpointer", 1)
    for statement in (
        "SELECT payload FROM log_entry",
        "INSERT INTO tree_head (size, root, range, at) VALUES (9, '', '', now())",
        "UPDATE checkpoint SET note = ''",
        "DELETE FROM checkpoint",
    ):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with engine.begin() as connection:
                await connection.execute(text(statement))
    await engine.dispose()


async def test_a_refusal_alarms_once_and_ends_with_its_reason(signed: Signed) -> None:
    checkpointer = await signed.checkpointer()
    await signed.grow(1)
    memory, read = signed.place / "signed", telemetry.REGISTRY.get_sample_value
    memory.write_text("what is this")
    alarms = "handrail_operator_alarms_total", {"code": "log_memory_damaged"}
    before = read(*alarms) or 0
    with pytest.MonkeyPatch.context() as hurried:
        hurried.setattr("audit_log.checkpointer.run.EVERY_SECONDS", 0.01)
        task = asyncio.create_task(keep_signing(checkpointer))
        while not read("handrail_checkpoint_refused"):  # noqa: ASYNC110 - a gauge has no event
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert (read(*alarms) or 0) - before == 1
        memory.unlink()
        while read("handrail_checkpoint_refused"):  # noqa: ASYNC110 - a gauge has no event
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
    assert len(await signed.log.rows("SELECT 1 FROM checkpoint")) == 1


def test_the_memory_survives_a_write_that_was_torn(tmp_path: Path) -> None:
    heads = [Checkpoint(ORIGIN, size, bytes([size]) * 32) for size in range(1, 5)]
    for count in range(2, 5):
        file = tmp_path / str(count)
        memory = SignedMemory(file)
        for head in heads[:count]:
            memory.write(head)
        assert SignedMemory(file).read() == heads[count - 1]
        whole, torn = file.read_bytes(), (count - 1) % 2 * 1024 + 40
        file.write_bytes(whole[:torn] + b"torn" + whole[torn + 4 :])
        assert SignedMemory(file).read() == heads[count - 2]


async def test_what_was_signed_is_measured(signed: Signed) -> None:
    signed.needed = "all"
    await signed.add_witness("a")
    checkpointer = await signed.checkpointer()
    await signed.grow(4)
    await checkpointer.round()
    read = telemetry.REGISTRY.get_sample_value
    names = ("size", "cosignatures", "quorum")
    assert [read(f"handrail_checkpoint_{name}") for name in names] == [4, 1, 1]
