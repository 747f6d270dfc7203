"""kill -9 at every durable step of the log: nothing lost, nothing twice, no gap and no fork.

HANDRAIL_LOG_KILLS says how often; a soak kills a thousand times and more.
"""

import asyncio
import json
import os
import random
import secrets
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from audit_log.merkle import CompactRange, leaf_hash
from audit_log.trust.checkpoints import parse_checkpoint
from audit_log.trust.notes import parse_note
from audit_log.trust.signers import signer
from audit_log.trust.vkeys import ED25519
from handrail import migrations
from handrail.keys import public_file
from shared.app import PARTITIONS
from shared.bus import Record, open_publisher
from shared.events.catalogue import CASES
from tests.faults import log_member
from tests.faults.harness import DIED_AT_A_FAIL_POINT, Server
from tests.faults.wire import record
from tests.journey.audit_log.conftest import example

SEQUENCER = (
    "audit.after-lock", "audit.after-entries", "audit.before-commit", "audit.after-commit",
    "audit.after-offset",
)  # fmt: skip
CHECKPOINTER = ("checkpointer.before-commit", "checkpointer.after-commit")
KILLS = int(os.environ.get("HANDRAIL_LOG_KILLS", "20"))
DATABASE = "log_kills"
DRAIN_SECONDS = 60.0


@dataclass
class LogHouse:
    """A database with nothing but the log, and what was put on its bus."""

    server: Server
    told: dict[str, Any]
    context: Any = field(default_factory=log_member.warm)
    published: dict[UUID, UUID | None] = field(default_factory=dict)
    sequences: int = 0

    @property
    def bus(self) -> str:
        dsn: str = self.told["settings"]["bus"]
        return dsn

    def start(self, kind: str, failpoints: str = "") -> Any:
        return log_member.start(self.context, kind, self.told, failpoints)

    async def publish(self, count: int) -> None:
        """Events of several concerns; now and then one that the log must describe."""
        records = [self._event() for _ in range(count)]
        publisher = open_publisher(self.bus, partitions=PARTITIONS, client_id="faults")
        await publisher.start()
        connection = await asyncpg.connect(self.bus)
        try:
            assert all(await publisher.publish(connection, records))
        finally:
            await connection.close()
            await publisher.stop()

    def _event(self) -> Record:
        self.sequences += 1
        subject, event_id = uuid4(), uuid4()
        data = str(example("task.opened")).encode() if self.sequences % 17 == 0 else TASK
        made = record(
            "task.opened", subject, data, topic=CASES.name, event_id=event_id,
            sequence=self.sequences, producer="faults/one",
        )  # fmt: skip
        self.published[event_id] = subject
        if self.sequences % 29 == 0:  # no event at all: known by its key alone
            del self.published[event_id]
            self.published[subject] = None
            return replace(made, headers=())
        return made

    async def rows(self, statement: str) -> list[Any]:
        connection = await asyncpg.connect(self.server.dsn(DATABASE))
        try:
            return list(await connection.fetch(statement))
        finally:
            await connection.close()


TASK = json.dumps(example("task.opened")).encode()


@pytest.fixture(scope="module")
def log_house(server: Server, sealing_keys: Path, place: Path) -> LogHouse:
    asyncio.run(migrations.prepare(server.dsn(), DATABASE))
    schema = migrations.SCHEMAS["audit-log"]
    migrations.upgrade("audit-log", server.dsn(DATABASE, schema.migrator))
    mine = place / "log"
    mine.mkdir()
    (mine / "key").write_text(signer("drill.example/log", ED25519).line() + "\n")
    told = {
        "settings": {
            "database_url": server.dsn(DATABASE, schema.role),
            "reader_database_url": server.dsn(DATABASE, schema.more["reader"]),
            "bus": server.dsn(DATABASE, schema.role),
            "issuer": "https://issuer.example",
            "jwks_url": "http://127.0.0.1:1/jwks",
            "keys_public": public_file(sealing_keys),
            "match_secret": "only-in-tests",
            "origin": "https://handrail.example",
            "oidc_issuer": "https://issuer.example",
            "oidc_client_id": "handrail-pages",
            "oidc_client_secret": "only-in-tests",
        },
        "checkpointer": server.dsn(DATABASE, schema.more["checkpointer"]),
        "place": str(mine),
    }
    return LogHouse(server, told)


async def test_kills_at_every_step_lose_double_and_fork_nothing(log_house: LogHouse) -> None:
    seed = int(os.environ.get("HANDRAIL_FAULT_SEED") or secrets.randbelow(2**32))
    print(f"\nHANDRAIL_FAULT_SEED={seed}")  # noqa: T201 - to run the same kills again
    chance, points = random.Random(seed), [*SEQUENCER, *CHECKPOINTER]
    await log_house.publish(40)
    other = {"sequencer": "checkpointer", "checkpointer": "sequencer"}
    for nr in range(KILLS):
        point = points[nr] if nr < len(points) else chance.choice([*points, None, None])
        kind = chance.choice(("sequencer", "checkpointer"))
        if point is not None:
            kind = "sequencer" if point in SEQUENCER else "checkpointer"
        victim = log_house.start(kind, f"{point}:exit:once" if point else "")
        bystander = log_house.start(other[kind])
        await log_house.publish(chance.randrange(1, 40))
        if point is None:
            await asyncio.sleep(chance.uniform(0.05, 0.6))
            victim.kill()
        await asyncio.to_thread(victim.join, 30)
        bystander.kill()
        assert victim.exitcode == (DIED_AT_A_FAIL_POINT if point else -9), point
    await drained(log_house)
    await judge(log_house)


async def test_a_note_that_was_seen_is_there_again_after_a_crash_of_the_database(
    log_house: LogHouse,
) -> None:
    """Its row is seen before it is flushed: here the crash comes between the two."""
    await log_house.publish(3)
    sequencer = log_house.start("sequencer")
    await log_house.rows("ALTER SYSTEM SET wal_writer_delay = '10s'")
    await log_house.rows("SELECT pg_reload_conf()")
    newest = "SELECT note FROM audit_log.checkpoint ORDER BY size DESC LIMIT 1"
    checkpointer, head = log_member.checkpointer_of(log_house.told), None
    while head is None:
        head = await checkpointer.round()
    ((seen,),) = await log_house.rows(newest)
    assert checkpointer.signing.unsettled
    await asyncio.to_thread(log_house.server.kill)
    sequencer.kill()
    await asyncio.to_thread(log_house.server.start)
    await log_house.rows("ALTER SYSTEM RESET wal_writer_delay")
    await log_house.publish(3)
    await grown_to(log_house, head.size + 3)
    await drained(log_house)
    there = await log_house.rows("SELECT note FROM audit_log.checkpoint")
    assert seen in [row["note"] for row in there]
    await judge(log_house)


async def grown_to(house: LogHouse, size: int) -> None:
    sequencer = house.start("sequencer")
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            heads = "SELECT max(size) FROM audit_log.tree_head"
            while (await house.rows(heads))[0][0] < size:  # noqa: ASYNC110 - another process's row
                await asyncio.sleep(0.05)
    finally:
        sequencer.kill()


async def drained(house: LogHouse) -> None:
    """Two sequencers and a checkpointer bring it all to the end."""
    members = [house.start(kind) for kind in ("sequencer", "sequencer", "checkpointer")]
    deadline, state = time.monotonic() + DRAIN_SECONDS, (0, -1)
    try:
        while state[0] < len(house.published) or state[0] != state[1]:
            assert time.monotonic() < deadline, f"{state} of {len(house.published)}"
            await asyncio.sleep(0.1)
            (row,) = await house.rows(
                "SELECT (SELECT count(*) FROM audit_log.log_entry WHERE producer = 'faults/one' "
                "OR type = 'audit.unreadable'), (SELECT count(*) FROM audit_log.log_entry), "
                "(SELECT max(size) FROM audit_log.checkpoint)"
            )
            before, state = state, (row[0], row[0] if row[1] == row[2] else -1)
            if state != before:  # however slow the machine is: it goes on
                deadline = time.monotonic() + DRAIN_SECONDS
    finally:
        for member in members:
            member.kill()


async def judge(house: LogHouse) -> None:
    entries = await house.rows("SELECT * FROM audit_log.log_entry ORDER BY seq")
    assert [entry["seq"] for entry in entries] == list(range(len(entries))), "a gap"
    known = [
        entry["subject"] if entry["type"] == "audit.unreadable" else entry["event_id"]
        for entry in entries
    ]
    assert len(known) == len(set(known)), "something is there twice"
    assert set(known) == set(house.published), "something was lost or made up"
    heads = {
        row["size"]: row["root"] for row in await house.rows("SELECT * FROM audit_log.tree_head")
    }
    tree = CompactRange()
    roots = {}
    for entry in entries:
        assert entry["leaf_hash"] == leaf_hash(entry["payload"])
        tree.append(entry["leaf_hash"])
        roots[tree.size] = tree.root()
    assert heads.items() <= roots.items(), "a head is of another history"
    notes = await house.rows("SELECT note FROM audit_log.checkpoint")
    signed = [parse_checkpoint(parse_note(row["note"].encode()).text) for row in notes]
    assert len(signed) > 1
    assert all(roots[one.size] == one.root for one in signed), "a fork was signed"
    offsets = await house.rows(
        "SELECT b.next_offset FROM audit_log.bus_offset b JOIN bus.head h USING (topic, partition) "
        "WHERE b.next_offset <> h.next_offset"
    )
    assert not offsets
    letters = await house.rows("SELECT count(*) FROM audit_log.dead_letter")
    odd = [e for e in entries if e["type"] == "audit.unreadable" or b"undisclosed" in e["payload"]]
    assert letters[0][0] == len(odd) > 0
