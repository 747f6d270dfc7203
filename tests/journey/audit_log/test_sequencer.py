"""Every record becomes one entry, in an order that nobody can change, and none is skipped."""

import asyncio
import json
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from audit_log.merkle import (
    consistency_proof,
    inclusion_proof,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from audit_log.reading import entry_bundle, hash_tile, leaf_hashes
from audit_log.sequencer import Ahead
from audit_log.trust.bundles import unbundle
from shared.bus import Batch, failpoint
from tests.journey.audit_log.conftest import ALL, Log, example, is_whole

SECRET = "Marked-Name-7431"


async def head(log: Log) -> tuple[int, bytes]:
    (row,) = await log.rows("SELECT size, root FROM tree_head ORDER BY size DESC LIMIT 1")
    return row["size"], row["root"]


async def is_sound(log: Log) -> bool:
    entries = [(entry["seq"], entry["payload"]) for entry in await log.entries()]
    return is_whole(entries, *await head(log))


async def test_every_event_becomes_one_entry_in_a_gapless_order(log: Log) -> None:
    for count in (1, 5, 2):
        await log.hears(*(log.record("task.opened") for _ in range(count)))
    entries = await log.entries()
    assert [entry["seq"] for entry in entries] == list(range(8))
    sizes = await log.rows("SELECT size FROM tree_head ORDER BY size")
    assert [row["size"] for row in sizes] == [1, 6, 8]
    assert await is_sound(log)


@pytest.mark.parametrize("sizes", [(1, 1, 1), (3, 260, 1, 1), (250, 5, 1, 1), (1, 40, 300, 2)])
async def test_few_and_many_at_once_make_the_same_log(log: Log, sizes: tuple[int, ...]) -> None:
    """Of a few entries an append is one statement, of many a COPY; tiles fill in between."""
    for count in sizes:
        await log.hears(*(log.record("concern.raised") for _ in range(count)))
    entries = await log.entries()
    assert [entry["seq"] for entry in entries] == list(range(sum(sizes)))
    assert {entry["event_id"] for entry in entries} == {
        row["event_id"] for row in await log.rows("SELECT event_id FROM commitment")
    }
    assert await is_sound(log)


async def test_a_second_delivery_adds_nothing(log: Log) -> None:
    raised, task = log.record("concern.raised"), log.record("task.opened")
    assert await log.hears(raised, raised) == 1
    assert await log.hears(raised) == 0
    assert await log.hears(task, log.placed(task)) == 1
    assert len(await log.entries()) == 2


async def test_nothing_that_was_sealed_is_in_the_log(log: Log) -> None:
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
    batch = Batch(ALL, 0, tuple(log.record("task.opened") for _ in range(30)))
    members = [log.another_sequencer() for _ in range(4)]
    added = await asyncio.gather(*(member.append(batch) for member in members))
    assert sorted(added) == [0, 0, 0, 30]
    assert await is_sound(log)
    for member in members:
        await member.close()


async def test_partitions_appended_by_several_members_leave_no_gap(log: Log) -> None:
    members = [log.another_sequencer() for _ in range(4)]

    async def append(number: int) -> None:
        for _ in range(3):
            records = tuple(log.record("task.opened", partition=number) for _ in range(7))
            await members[number].append(Batch(ALL, number, records))
        await members[number].close()

    await asyncio.gather(*(append(number) for number in range(4)))
    assert [entry["seq"] for entry in await log.entries()] == list(range(84))
    assert await is_sound(log)


async def test_a_batch_that_begins_later_than_the_log_has_read_is_not_appended(log: Log) -> None:
    first, missed, later = (log.record("task.opened") for _ in range(3))
    await log.hears(first)
    with pytest.raises(Ahead) as refused:
        await log.hears(later)
    assert refused.value.expected == missed.offset
    assert await log.hears(missed, later) == 2


async def test_what_the_bus_has_no_longer_is_an_entry_that_says_so(log: Log) -> None:
    first, gone, also_gone, later = (log.record("task.opened") for _ in range(4))
    await log.hears(first)
    assert await log.sequencer.append(Batch(ALL, 0, (later,)), lost=True) == 2
    _, lost, _ = await log.entries()
    assert (lost["type"], lost["entry"]["from"], lost["entry"]["to"]) == (
        "audit.lost", gone.offset, also_gone.offset,
    )  # fmt: skip
    leaves = [entry["leaf_hash"] for entry in await log.entries()]
    assert await head(log) == (3, root_of(leaves))


async def test_a_member_that_was_taken_for_dead_adds_nothing_when_it_comes_back(log: Log) -> None:
    old, new = [[log.record("task.opened") for _ in range(3)] for _ in range(2)]
    dead = log.another_sequencer()
    assert await dead.append(Batch(ALL, 0, tuple(old[:2]))) == 2
    assert await log.hears(old[2], *new) == 4
    assert await dead.append(Batch(ALL, 0, tuple(old))) == 0
    assert await log.rows("SELECT next_offset FROM bus_offset") == [{"next_offset": 7}]
    assert await is_sound(log)
    await dead.close()


async def test_a_bus_that_was_made_anew_is_read_from_its_start(log: Log) -> None:
    await log.hears(*(log.record("task.opened") for _ in range(5)))
    log.offsets[0] = -1
    assert await log.hears(*(log.record("task.opened") for _ in range(2))) == 2
    assert await log.rows("SELECT next_offset FROM bus_offset") == [{"next_offset": 2}]


async def test_every_full_tile_is_stored_and_hashes_to_its_place(log: Log) -> None:
    for count in (200, 100, 300):
        await log.hears(*(log.record("task.opened") for _ in range(count)))
    leaves = [entry["leaf_hash"] for entry in await log.entries()]
    tiles = await log.rows("SELECT * FROM log_tile ORDER BY level, index")
    assert [(tile["level"], tile["index"]) for tile in tiles] == [(0, 0), (0, 1)]
    for tile in tiles:
        mine = leaves[tile["index"] * 256 : tile["index"] * 256 + 256]
        assert (tile["hashes"], tile["root"]) == (b"".join(mine), root_of(mine))
    async with log.app.state.reader_sessions() as session:
        assert await hash_tile(session, 0, 2, 88) == b"".join(leaves[512:])
        assert await hash_tile(session, 1, 0, 2) == b"".join(tile["root"] for tile in tiles)
        assert await leaf_hashes(session, 250, 300) == leaves[250:550]
        assert (
            unbundle(await entry_bundle(session, 2, 88))[0] == (await log.entries())[512]["payload"]
        )


async def test_an_event_too_wide_for_a_bundle_is_an_entry_that_describes_it(log: Log) -> None:
    wide = log.record("concern.raised", example("concern.raised", facts={"x": "y" * 70_000}))
    task = log.record("task.opened")
    header = replace(task, headers=(*task.headers, ("ce_traceparent", b"0" * 70_000)))
    assert await log.hears(wide, header) == 2
    described, unreadable = await log.entries()
    assert described["entry"]["undisclosed"] == "too-large"
    assert unreadable["entry"]["reason"] == "header-too-large"
    letters = await log.rows("SELECT reason FROM dead_letter ORDER BY reason")
    assert [letter["reason"] for letter in letters] == ["header-too-large", "too-large"]
    leaves = [entry["leaf_hash"] for entry in await log.entries()]
    assert await head(log) == (2, root_of(leaves))


async def test_the_entry_says_where_it_came_from(log: Log) -> None:
    subject = UUID("3f8b7c1e-5a0d-4c57-9d3e-0c6f5b1a2d44")
    record = log.record("task.opened", subject=subject, producer="escalation")
    await log.hears(record)
    (row,) = await log.entries()
    assert (row["subject"], row["producer"], row["producer_sequence"]) == (subject, "escalation", 1)
    assert (row["topic"], row["partition"], row["offset"]) == (record.topic, 0, record.offset)
    assert row["task_id"] == UUID(example("task.opened")["task_id"])
    assert row["entry"]["topic"] == record.topic
