"""Old payloads go when two people say so; tiles, proofs and what the log knows stay."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlmodel.ext.asyncio.session import AsyncSession

from audit_log.following import follow
from audit_log.merkle import root_of
from audit_log.pruning import Answer, ask, confirm
from audit_log.reading import NotThere, entry_bundle, leaf_hashes
from shared.db import make_engine, make_sessions
from shared.outbox import commit
from tests.conftest import Database
from tests.journey.audit_log.conftest import Log, example

YEARS = timedelta(days=76 * 366)
Sessions = async_sessionmaker[AsyncSession]


@pytest.fixture
async def narrow(log: Log, database: Database) -> Log:
    """A log whose partitions hold 256 entries, with 600 entries, all of them signed and read."""
    migrator = await asyncpg.connect(database.migrator("audit-log"))
    for first in (0, 1 << 24):
        await migrator.execute(f"DROP TABLE IF EXISTS audit_log.log_entry_{first}")
    for first in (0, 256, 512):
        await migrator.execute("SELECT audit_log.log_add_partition($1, $2)", first, first + 256)
    await migrator.close()
    await log.hears(*(log.record("case.claimed") for _ in range(600)))
    superuser = await asyncpg.connect(database.superuser)
    await superuser.execute("INSERT INTO audit_log.checkpoint VALUES (600, 'a note', now())")
    await superuser.execute("UPDATE audit_log.watch_cursor SET next_seq = 600")
    await superuser.close()
    log.clock.advance(YEARS)
    return log


@pytest.fixture
async def sessions(database: Database) -> AsyncIterator[Sessions]:
    engine = make_engine(database.migrator("audit-log"), "test", pool_size=1)
    yield make_sessions(engine)
    await engine.dispose()


async def says(log: Log, sessions: Sessions, who: str, below: int, *, second: bool) -> Answer:
    async with sessions() as session:
        answer = await (confirm if second else ask)(session, below, who, log.clock.now())
        await commit(session)
        return answer


async def test_two_people_prune_and_every_hash_stays(narrow: Log, sessions: Sessions) -> None:
    leaves = [entry["leaf_hash"] for entry in await narrow.entries()]
    assert await says(narrow, sessions, "one", 512, second=True) == "not_asked"
    assert await says(narrow, sessions, "one", 512, second=False) == "asked"
    assert await says(narrow, sessions, "one", 512, second=True) == "same_person"
    assert len(await narrow.entries()) == 600
    assert await says(narrow, sessions, "two", 512, second=True) == "pruned"
    assert [entry["seq"] for entry in await narrow.entries()] == list(range(512, 600))
    async with narrow.app.state.reader_sessions() as session:
        assert await leaf_hashes(session, 0, 600) == leaves
        with pytest.raises(NotThere):
            await entry_bundle(session, 1)
    told = await narrow.rows("SELECT type FROM outbox ORDER BY seq")
    assert [row["type"] for row in told] == ["log.prune_asked", "log.pruned"]
    await narrow.hears(*(narrow.record("case.claimed") for _ in range(50)))
    (head,) = await narrow.rows("SELECT root FROM tree_head ORDER BY size DESC LIMIT 1")
    new = [entry["leaf_hash"] for entry in await narrow.entries()][88:]
    assert head["root"] == root_of(leaves + new)


async def test_what_was_pruned_is_still_known_when_it_comes_again(
    narrow: Log, sessions: Sessions
) -> None:
    again = narrow.record("task.opened")
    await narrow.hears(again)
    await says(narrow, sessions, "one", 256, second=False)
    await says(narrow, sessions, "two", 256, second=True)
    assert await narrow.hears(narrow.placed(again)) == 0


@pytest.mark.parametrize(
    ("below", "answer"), [(300, "no_boundary"), (768, "not_signed"), (256, "too_new")]
)
async def test_what_must_be_kept_is_kept(
    narrow: Log, sessions: Sessions, below: int, answer: Answer
) -> None:
    if answer == "too_new":
        narrow.clock.advance(-YEARS)
    assert await says(narrow, sessions, "one", below, second=False) == answer


async def test_what_is_of_a_concern_on_hold_is_not_pruned_until_the_hold_ends(
    narrow: Log, sessions: Sessions
) -> None:
    held = (await narrow.entries())[7]["subject"]
    for state, answer in ((True, "on_hold"), (False, "asked")):
        data = example("concern.held", concern_id=str(held), held=state)
        await narrow.hears(narrow.record("concern.held", data, subject=held))
        async with narrow.runtime.sessions() as session:
            await follow(session)
        assert await says(narrow, sessions, "one", 512, second=False) == answer
    assert await says(narrow, sessions, "two", 512, second=True) == "pruned"
    told = await narrow.rows("SELECT data FROM outbox WHERE type = 'log.pruned'")
    people = json.loads(told[0]["data"])
    assert (people["asked_by_ref"], people["actor_ref"]) == ("one", "two")
