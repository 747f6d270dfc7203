"""The group commit: what is answered as stored is stored, once, with gapless counted events."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from intake.lanes import Lanes, NotStored
from intake.storing import (
    ConcernRow,
    Entry,
    EventRow,
    Existing,
    MatchRow,
    Revoked,
    Stored,
    SubmissionRow,
    store,
)
from shared.events.envelope import new_event_id

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


def an_entry(
    key: str = "", *, children: int = 1, facts: str = "{}", grant: UUID | None = None
) -> Entry:
    incident = uuid4()
    ids = [uuid4() for _ in range(children)]
    row = SubmissionRow(
        id=incident,
        client="mis-1",
        urn="999001",
        key_ref=key or str(incident),
        body_ref="body",
        source_ref=None,
        received_at=NOW,
        school_la="886",
        submitted_by=None,
        reporter_ref=None,
        excluded_refs="[]",
        excluded_roles="[]",
        exclude_school_staff=False,
        private=False,
        quarantined=False,
        synthetic=True,
        data_issues="[]",
        dropped_media=0,
        sealed_raw="sealed",
        grant_id=grant,
    )
    return Entry(
        row,
        [
            ConcernRow(i, incident, f"child-{n}", "child", None, None, None, facts, "{}")
            for n, i in enumerate(ids, 1)
        ],
        [MatchRow(incident, ids[0], "upn", "key")],
        [EventRow(incident, new_event_id(), i, NOW, None, b"{}") for i in ids],
    )


@asynccontextmanager
async def running(dsn: str, count: int = 2) -> AsyncIterator[Lanes]:
    lanes = Lanes(dsn, count)
    task = asyncio.create_task(lanes.run(lambda: None))
    try:
        yield lanes
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def looking(database: Any) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.dsn("intake"))
    try:
        yield connection
    finally:
        await connection.close()


async def sequences(connection: asyncpg.Connection) -> dict[str, list[int]]:
    rows = await connection.fetch("SELECT producer, sequence FROM outbox ORDER BY seq")
    found: dict[str, list[int]] = {}
    for row in rows:
        found.setdefault(row["producer"], []).append(row["sequence"])
    return found


async def test_each_lane_counts_its_events_without_a_gap(database: Any) -> None:
    async with running(database.dsn("intake")) as lanes, looking(database) as db:
        for _ in range(5):
            entries = [an_entry(children=2) for _ in range(40)]
            outcomes = await asyncio.gather(*map(lanes.accept, entries))
            assert outcomes == [Stored()] * 40
        counted = await sequences(db)
        assert sum(map(len, counted.values())) == 400
        for producer, numbers in counted.items():
            assert numbers == list(range(1, len(numbers) + 1))
            last = await db.fetchval("SELECT last_sequence FROM producer WHERE name = $1", producer)
            assert last == len(numbers)


async def test_entries_that_are_not_new_leave_no_gap_in_the_count(database: Any) -> None:
    async with running(database.dsn("intake"), 1) as lanes, looking(database) as db:
        await lanes.accept(an_entry("same"))
        for _ in range(3):
            await asyncio.gather(*(lanes.accept(an_entry(k)) for k in ("same", "", "same")))
        counted = await sequences(db)
        assert counted == {"intake/lane-0": [1, 2, 3, 4]}


async def test_of_many_with_one_key_one_is_stored_and_the_others_are_told_which(
    database: Any,
) -> None:
    async with running(database.dsn("intake")) as lanes, looking(database) as db:
        entries = [an_entry("one-key") for _ in range(50)]
        outcomes = await asyncio.gather(*map(lanes.accept, entries))
        stored = [e for e, o in zip(entries, outcomes, strict=True) if o == Stored()]
        assert len(stored) == 1
        others = {o.incident_id for o in outcomes if isinstance(o, Existing)}
        assert others == {stored[0].submission.id}
        assert await db.fetchval("SELECT count(*) FROM submission") == 1
        assert await db.fetchval("SELECT count(*) FROM concern") == 1


async def test_rows_sent_again_after_a_lost_answer_are_known_as_our_own(database: Any) -> None:
    async with looking(database) as db:
        entry = an_entry("again")
        assert await store(db, "intake/lane-7", [entry]) == [Stored()]
        assert await store(db, "intake/lane-8", [entry]) == [Stored()]
        assert await db.fetchval("SELECT count(*) FROM outbox") == 1


async def test_a_row_the_database_refuses_fails_alone(database: Any) -> None:
    async with running(database.dsn("intake"), 1) as lanes, looking(database) as db:
        entries = [an_entry(), an_entry(facts="not json"), an_entry()]
        outcomes = await asyncio.gather(*map(lanes.accept, entries), return_exceptions=True)
        assert outcomes[0] == outcomes[2] == Stored()
        assert isinstance(outcomes[1], NotStored)
        assert outcomes[1].reason == "refused"
        assert await db.fetchval("SELECT count(*) FROM submission") == 2
        assert await sequences(db) == {"intake/lane-0": [1, 2]}


async def test_a_statement_whose_backend_is_killed_is_sent_again(database: Any) -> None:
    async with running(database.dsn("intake"), 1) as lanes, looking(database) as db:
        await lanes.accept(an_entry())
        admin = await asyncpg.connect(database.superuser)
        try:
            async with db.transaction():
                await db.execute("SELECT FROM producer WHERE name = 'intake/lane-0' FOR UPDATE")
                waiting = asyncio.create_task(lanes.accept(an_entry("killed")))
                await asyncio.sleep(0.2)
                killed = await admin.fetchval(
                    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                    "WHERE application_name = 'handrail-intake-lane' "
                    "AND datname = current_database()"
                )
                assert killed == 1
            assert await waiting == Stored()
        finally:
            await admin.close()
        assert await db.fetchval("SELECT count(*) FROM submission WHERE key_ref = 'killed'") == 1
        assert await db.fetchval("SELECT count(*) FROM outbox") == 2


async def test_two_processes_never_share_a_lane(database: Any) -> None:
    dsn = database.dsn("intake")
    async with running(dsn, 1) as one, running(dsn, 1) as other, looking(database) as db:
        await asyncio.gather(one.accept(an_entry()), other.accept(an_entry()))
        assert set(await sequences(db)) == {"intake/lane-0", "intake/lane-1"}


async def test_a_sender_that_goes_away_takes_nothing_back(database: Any) -> None:
    async with running(database.dsn("intake"), 1) as lanes, looking(database) as db:
        sending = asyncio.create_task(lanes.accept(an_entry("gone")))
        await asyncio.sleep(0)
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending
        await lanes.accept(an_entry())
        assert await db.fetchval("SELECT count(*) FROM submission WHERE key_ref = 'gone'") == 1


async def test_a_grant_revoked_a_moment_ago_stores_nothing(database: Any) -> None:
    async with running(database.dsn("intake"), 1) as lanes, looking(database) as db:
        grant = uuid4()
        await db.execute(
            "INSERT INTO grant_row (id, client, role, urn, valid_from, given_by_ref, given_at, "
            "sandbox, synthetic) VALUES ($1, 'mis-1', 'mis', '999001', $2, 'x', $2, false, true)",
            grant,
            NOW,
        )
        assert await lanes.accept(an_entry(grant=grant)) == Stored()
        await db.execute("UPDATE grant_row SET revoked_at = $1", NOW)
        assert await lanes.accept(an_entry(grant=grant)) == Revoked()
        assert await db.fetchval("SELECT count(*) FROM submission") == 1


async def test_a_database_that_is_away_is_said_so_within_two_seconds() -> None:
    async with running("postgresql://intake@127.0.0.1:1/nowhere") as lanes:
        async with asyncio.timeout(4):
            with pytest.raises(NotStored, match="away"):
                await lanes.accept(an_entry())


async def test_a_queue_that_is_too_long_refuses_at_once(database: Any) -> None:
    lanes = Lanes(database.dsn("intake"))  # nothing works on it
    waiting = [asyncio.create_task(lanes.accept(an_entry())) for _ in range(2000)]
    await asyncio.sleep(0)
    with pytest.raises(NotStored, match="busy"):
        await lanes.accept(an_entry())
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(result, NotStored) for result in results)
