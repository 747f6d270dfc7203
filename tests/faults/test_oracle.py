"""The oracle itself: it sees what it says is not there, so a pass of it means something."""

from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID, uuid4

import asyncpg
import pytest
import pytest_asyncio

from tests.faults.harness import House
from tests.faults.load import post_one
from tests.faults.oracle import Verdict, judge, settle

# The log can only be added to, even by its owner: so an event of the past is added at its end.
_OUT_OF_ORDER = """
INSERT INTO audit_log.log_entry (seq, event_id, type, occurred_at, recorded_at, producer,
    producer_sequence, subject, topic, partition, "offset", payload, leaf_hash)
SELECT 10000000, gen_random_uuid(), 'case.raised', occurred_at, recorded_at, producer,
    -1, subject, topic, partition, "offset", payload, leaf_hash
FROM audit_log.log_entry WHERE subject = $1 AND type = 'case.opened'
"""


@pytest_asyncio.fixture
async def concern(house_on_postgres: House) -> UUID:
    house_on_postgres.make_whole()
    posted = await post_one(house_on_postgres)
    await settle(house_on_postgres)
    return posted


@pytest_asyncio.fixture
async def tampering(house_on_postgres: House) -> AsyncIterator[asyncpg.Connection]:
    """What is done here is seen by the oracle on the same connection, and by nobody else."""
    connection = await asyncpg.connect(house_on_postgres.around.superuser)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("SET LOCAL session_replication_role = replica")  # no trigger, no key
    yield connection
    await transaction.rollback()
    await connection.close()


async def test_it_sees_a_lost_and_an_unknown_concern(
    house_on_postgres: House, concern: UUID, tampering: asyncpg.Connection
) -> None:
    missing = str(uuid4())
    told = house_on_postgres.acknowledged - {concern} | {UUID(missing)}
    verdict = await judge(tampering, replace(house_on_postgres, acknowledged=told))
    assert verdict.lost == {missing}
    assert verdict.doubled == {f"concern nobody was told of: {concern}"}


@pytest.mark.parametrize(
    ("tamper", "seen"),
    [
        ("DELETE FROM escalation.case_file WHERE id = $1", "unrouted"),
        (
            "UPDATE escalation.task SET (route, la, owner_role, subject) = "
            "('MASH', NULL, 'team', NULL), state = 'open' WHERE case_id = $1",
            "doubled",
        ),
        (
            _OUT_OF_ORDER,
            "disordered",
        ),
    ],
)
async def test_it_sees_what_is_unrouted_doubled_or_out_of_order(
    house_on_postgres: House,
    concern: UUID,
    tampering: asyncpg.Connection,
    tamper: str,
    seen: str,
) -> None:
    assert await judge(tampering, house_on_postgres) == Verdict()
    await tampering.execute(tamper, concern)
    verdict = await judge(tampering, house_on_postgres)
    assert any(str(concern) in found for found in getattr(verdict, seen)), str(verdict)
