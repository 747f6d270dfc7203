"""Every record becomes one entry, in an order that nobody can change, and none is skipped."""

import asyncio
import json
from dataclasses import replace
from uuid import UUID, uuid4

import asyncpg
import pytest

from audit_log.merkle import (
    consistency_proof,
    inclusion_proof,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from audit_log.verify import verify
from shared.bus import failpoint
from tests.conftest import Database
from tests.journey.audit_log.conftest import Log, example

SECRET = "Marked-Name-7431"


async def head(log: Log) -> tuple[int, bytes]:
    (row,) = await log.rows("SELECT size, root FROM tree_head ORDER BY size DESC LIMIT 1")
    return row["size"], row["root"]


async def is_sound(log: Log) -> bool:
    entries = [(entry["seq"], entry["payload"]) for entry in await log.entries()]
    return verify(entries, *await head(log)).sound


async def test_every_event_becomes_one_entry_in_a_gapless_order(log: Log) -> None:
    for count in (1, 5, 2):
        await log.hears(*(log.record("task.opened") for _ in range(count)))
    entries = await log.entries()
    assert [entry["seq"] for entry in entries] == list(range(8))
    sizes = await log.rows("SELECT size FROM tree_head ORDER BY size")
    assert [row["size"] for row in sizes] == [1, 6, 8]
    assert await is_sound(log)


async def test_a_second_delivery_adds_nothing(log: Log) -> None:
    raised, task = log.record("concern.raised"), log.record("task.opened")
    assert await log.hears(raised, raised) == 1
    assert await log.hears(raised) == 0
    assert await log.hears(task, log.placed(task)) == 1
    assert len(await log.entries()) == 2


async def test_nothing_that_was_sealed_is_in_the_log(log: Log, database: Database) -> None:
    data = example(
        "concern.raised", sealed_details=SECRET, sealed_contacts=SECRET, match_keys=[SECRET]
    )
    await log.hears(log.record("concern.raised", data))
    await log.hears(log.record("case.renamed", {"child": SECRET}))
    await log.hears(log.record("task.opened", {"child": SECRET}))
    for table in ("log_entry", "commitment", "dead_letter", "outbox"):
        assert SECRET not in str(await log.rows(f"SELECT * FROM {table}"))
        hexed = SECRET.encode().hex()
        found = await log.rows(f"SELECT t::text LIKE '%{hexed}%' AS found FROM {table} AS t")
        assert not any(row["found"] for row in found)


async def test_the_same_id_with_other_bytes_is_a_conflict_in_the_log(log: Log) -> None:
    first = log.record("task.opened")
    forged = log.placed(replace(first, value=json.dumps(example("task.opened", la="886")).encode()))
    await log.hears(first)
    assert await log.hears(forged) == 1
    assert await log.hears(forged) == 0
    original, conflict = await log.entries()
    assert (original["type"], conflict["type"]) == ("task.opened", "audit.conflict")
    assert conflict["entry"]["first_seq"] == 0
    assert conflict["producer_sequence"] is None
    (letter,) = await log.rows("SELECT reason FROM dead_letter")
    assert letter["reason"] == "conflict"


async def test_other_sealed_bytes_under_a_known_id_are_a_conflict_too(log: Log) -> None:
    first = log.record("concern.raised", example("concern.raised"))
    changed = example("concern.raised", sealed_details="another")
    await log.hears(first, log.placed(replace(first, value=json.dumps(changed).encode())))
    assert [entry["type"] for entry in await log.entries()] == ["concern.raised", "audit.conflict"]


async def test_what_cannot_be_read_is_an_entry_and_a_dead_letter(log: Log) -> None:
    broken = log.placed(replace(log.record("task.opened"), headers=(), value=SECRET.encode()))
    assert await log.hears(broken, log.record("task.opened")) == 2
    assert await log.hears(broken) == 0
    unreadable, _ = await log.entries()
    assert unreadable["type"] == "audit.unreadable"
    assert unreadable["entry"]["reason"] == "header-missing"
    (letter,) = await log.rows("SELECT raw, length FROM dead_letter")
    assert letter["length"] == len(SECRET)
    assert letter["raw"].count(".") == 4  # a compact JWE
    told = await log.rows("SELECT type FROM outbox")
    assert told == [{"type": "dead_letter.recorded"}]


async def test_an_unknown_type_is_logged_and_put_before_a_person(log: Log) -> None:
    await log.hears(log.record("case.renamed", {"to": SECRET}))
    (entry,) = await log.entries()
    assert (entry["type"], entry["entry"]["undisclosed"]) == ("case.renamed", "unknown-type")
    (letter,) = await log.rows("SELECT reason FROM dead_letter")
    assert letter["reason"] == "unknown-type"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ce_producer", b"Marked-Name-7431 has a number"),
        ("ce_producer", b"a\x00b"),
        ("ce_sequence", b"9223372036854775808"),
    ],
)
async def test_a_header_that_no_column_could_hold_does_not_stop_the_log(
    log: Log, name: str, value: bytes
) -> None:
    good = log.record("task.opened")
    headers = tuple((n, value if n == name else v) for n, v in good.headers)
    assert await log.hears(replace(good, headers=headers)) == 1
    (entry,) = await log.entries()
    assert entry["type"] == "audit.unreadable"
    assert SECRET not in str(entry)


async def test_erasing_a_concern_leaves_every_proof_valid(log: Log) -> None:
    subject, other = uuid4(), uuid4()
    raised = log.record("concern.raised", subject=subject)
    await log.hears(raised, log.record("concern.raised", subject=other))
    await log.hears(log.record("case.renamed", {"x": 1}, subject=subject))
    old_size, old_root = await head(log)
    erased = example("concern.erased", concern_id=str(subject))
    await log.hears(log.record("concern.erased", erased, subject=subject))
    assert await is_sound(log)
    size, root = await head(log)
    leaves = [entry["leaf_hash"] for entry in await log.entries()]
    assert root_of(leaves) == root
    assert verify_inclusion(leaves[0], 0, size, inclusion_proof(leaves, 0), root)
    proof = consistency_proof(leaves, old_size)
    assert verify_consistency(old_size, size, old_root, root, proof)
    assert [row["subject"] for row in await log.rows("SELECT subject FROM commitment")] == [other]
    (letter,) = await log.rows("SELECT raw FROM dead_letter")
    assert letter["raw"] is None


async def test_after_erasure_a_second_delivery_is_still_recognised(log: Log) -> None:
    subject = uuid4()
    raised = log.record("concern.raised", subject=subject)
    erased = example("concern.erased", concern_id=str(subject))
    await log.hears(raised, log.record("concern.erased", erased, subject=subject))
    assert await log.hears(raised) == 0
    late = log.record("concern.amended", subject=subject)
    await log.hears(late)
    assert await log.rows("SELECT * FROM commitment") == []
    assert await log.hears(late) == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE log_entry SET type = 'x'",
        "UPDATE log_entry SET type = 'x' WHERE false",
        "DELETE FROM log_entry",
        "TRUNCATE log_entry",
        "UPDATE tree_head SET root = ''",
        "DELETE FROM tree_head",
        "TRUNCATE tree_head",
    ],
)
async def test_the_database_refuses_to_change_what_is_in_the_log(
    log: Log, database: Database, statement: str
) -> None:
    await log.hears(log.record("task.opened"))
    for dsn, role in ((database.dsn("audit-log"), "origin"), (database.superuser, "replica")):
        connection = await asyncpg.connect(dsn)
        try:
            await connection.execute("SET search_path = audit_log")
            if role == "replica":
                await connection.execute("SET session_replication_role = replica")
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="only ever added to"):
                await connection.execute(statement)
        finally:
            await connection.close()
    assert await is_sound(log)


@pytest.mark.parametrize("point", ["audit.before-commit", "audit.after-commit"])
async def test_a_crash_around_the_commit_loses_and_repeats_nothing(
    log: Log, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    records = [log.record("task.opened") for _ in range(3)]
    monkeypatch.setattr(failpoint, "_plans", failpoint._parse(f"{point}:raise:once"))
    with pytest.raises(failpoint.FailPointReached):
        await log.hears(*records)
    await log.hears(*records)
    assert [entry["seq"] for entry in await log.entries()] == [0, 1, 2]
    assert await is_sound(log)


async def test_two_members_with_the_same_batch_add_it_once(log: Log) -> None:
    records = [log.record("task.opened") for _ in range(30)]
    added = await asyncio.gather(*(log.hears(*records) for _ in range(4)))
    assert sorted(added) == [0, 0, 0, 30]
    assert await is_sound(log)


async def test_partitions_appended_at_the_same_time_leave_no_gap(log: Log) -> None:
    batches = [[log.record("task.opened") for _ in range(7)] for _ in range(6)]
    await asyncio.gather(*(log.hears(*batch) for batch in batches))
    assert [entry["seq"] for entry in await log.entries()] == list(range(42))
    assert await is_sound(log)


async def test_the_entry_says_where_it_came_from(log: Log) -> None:
    subject = UUID("3f8b7c1e-5a0d-4c57-9d3e-0c6f5b1a2d44")
    record = log.record("task.opened", subject=subject, producer="escalation")
    await log.hears(record)
    (row,) = await log.entries()
    assert (row["subject"], row["producer"], row["producer_sequence"]) == (subject, "escalation", 1)
    assert (row["topic"], row["partition"], row["offset"]) == (record.topic, 0, record.offset)
    assert row["task_id"] == UUID(example("task.opened")["task_id"])
    assert row["entry"]["topic"] == record.topic
