"""The one statement that stores submissions: rows, match keys, counted events, all or nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from shared.events.catalogue import EVENTS, TOPIC_OF

_RAISED = "concern.raised"


class SubmissionRow(NamedTuple):
    """In the order of the statement's first table; JSON columns as text."""

    id: UUID
    client: str
    urn: str | None
    key_ref: str
    body_ref: str
    source_ref: str | None
    received_at: datetime
    school_la: str | None
    submitted_by: str | None
    reporter_ref: str | None
    excluded_refs: str
    excluded_roles: str
    exclude_school_staff: bool
    private: bool
    quarantined: bool
    synthetic: bool
    data_issues: str
    dropped_media: int
    sealed_raw: str
    grant_id: UUID | None

    @property
    def key(self) -> tuple[str, str, str]:
        return self.client, self.urn or "", self.key_ref


class ConcernRow(NamedTuple):
    id: UUID
    incident_id: UUID
    subject_ref: str
    subject_role: str
    home_la: str | None
    found_la: str | None
    carer_la: str | None
    facts: str
    decision: str


class MatchRow(NamedTuple):
    incident_id: UUID
    concern_id: UUID
    kind: str
    key: str


class EventRow(NamedTuple):
    incident_id: UUID
    event_id: UUID
    subject: UUID
    occurred_at: datetime
    traceparent: str | None
    data: bytes


@dataclass(slots=True)
class Entry:
    """All rows of one submission. Its ids are made once, so storing it again is harmless."""

    submission: SubmissionRow
    concerns: list[ConcernRow]
    matches: list[MatchRow]
    events: list[EventRow]
    size: int = field(init=False)

    def __post_init__(self) -> None:
        texts = sum(len(c.facts) + len(c.decision) for c in self.concerns)
        events = sum(len(event.data) for event in self.events)
        self.size = len(self.submission.sealed_raw) + texts + events


@dataclass(frozen=True, slots=True)
class Stored:
    """The rows are durable."""


@dataclass(frozen=True, slots=True)
class Existing:
    """Another submission has this key; body_ref is None if it has been erased."""

    incident_id: UUID
    body_ref: str | None
    source_ref: str | None


@dataclass(frozen=True, slots=True)
class Revoked:
    """The grant was withdrawn before the rows could be stored; none was."""


Outcome = Stored | Existing | Revoked

# The grant is looked at in the very statement that stores: a revocation holds from its commit on,
# whatever any process remembers.
_STORE = """
WITH incoming AS (
    SELECT * FROM unnest(
        $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
        $10::timestamptz[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[],
        $16::bool[], $17::bool[], $18::bool[], $19::bool[], $20::text[], $21::int[], $22::text[],
        $23::uuid[]
    ) AS s(id, client, urn, key_ref, body_ref, source_ref, received_at, school_la, submitted_by,
           reporter_ref, excluded_refs, excluded_roles, exclude_school_staff, private, quarantined,
           synthetic, data_issues, dropped_media, sealed_raw, grant_id)
), fresh AS (
    INSERT INTO submission (id, client, urn, key_ref, body_ref, source_ref, received_at, school_la,
        submitted_by, reporter_ref, excluded_refs, excluded_roles, exclude_school_staff, private,
        quarantined, synthetic, data_issues, dropped_media, sealed_raw)
    SELECT id, client, urn, key_ref, body_ref, source_ref, received_at, school_la, submitted_by,
        reporter_ref, excluded_refs::jsonb, excluded_roles::jsonb, exclude_school_staff, private,
        quarantined, synthetic, data_issues::jsonb, dropped_media, sealed_raw
    FROM incoming
    WHERE grant_id IS NULL
       OR EXISTS (SELECT FROM grant_row g WHERE g.id = grant_id AND g.revoked_at IS NULL)
    ON CONFLICT DO NOTHING
    RETURNING id
), raised AS (
    INSERT INTO concern (id, incident_id, subject_ref, subject_role, home_la, found_la,
        carer_la, facts, decision)
    SELECT c.id, c.incident_id, c.subject_ref, c.subject_role, c.home_la, c.found_la, c.carer_la,
        c.facts::jsonb, c.decision::json
    FROM unnest($24::uuid[], $25::uuid[], $26::text[], $27::text[], $28::text[], $29::text[],
                $30::text[], $31::text[], $32::text[])
        AS c(id, incident_id, subject_ref, subject_role, home_la, found_la, carer_la, facts,
             decision)
    JOIN fresh ON fresh.id = c.incident_id
), matched AS (
    INSERT INTO match (concern_id, kind, key)
    SELECT m.concern_id, m.kind, m.key
    FROM unnest($33::uuid[], $34::uuid[], $35::text[], $36::text[])
        AS m(incident_id, concern_id, kind, key)
    JOIN fresh ON fresh.id = m.incident_id
), numbered AS (
    SELECT e.*, row_number() OVER (ORDER BY e.nr) AS n
    FROM unnest($37::uuid[], $38::uuid[], $39::uuid[], $40::timestamptz[], $41::text[],
                $42::bytea[])
        WITH ORDINALITY AS e(incident_id, event_id, subject, occurred_at, traceparent, data, nr)
    JOIN fresh ON fresh.id = e.incident_id
), counter AS (
    INSERT INTO producer AS p (name, last_sequence, closed_sequence)
    SELECT $1, count(*), 0 FROM numbered HAVING count(*) > 0
    ON CONFLICT (name) DO UPDATE SET last_sequence = p.last_sequence + excluded.last_sequence
    RETURNING last_sequence
), told AS (
    INSERT INTO outbox (event_id, topic, subject, type, version, producer, sequence, occurred_at,
        traceparent, data)
    SELECT event_id, $2, subject, 'concern.raised', $3, $1,
        last_sequence - (SELECT count(*) FROM numbered) + n, occurred_at, traceparent, data
    FROM numbered CROSS JOIN counter ORDER BY n
)
SELECT id FROM fresh
"""

_FIND = """
SELECT s.id, s.client, coalesce(s.urn, '') AS urn, s.key_ref, s.body_ref, s.source_ref
FROM unnest($1::text[], $2::text[], $3::text[]) AS k(client, urn, key_ref)
JOIN submission s
  ON s.client = k.client AND coalesce(s.urn, '') = k.urn AND s.key_ref = k.key_ref
"""


async def store(
    connection: asyncpg.Connection, producer: str, entries: Sequence[Entry]
) -> list[Outcome]:
    """Stores what is new and says of each entry what became of it.

    COMMIT POINT: the first statement is the whole transaction. A crash before its commit leaves
    nothing; a crash after it, before anyone was answered, leaves rows that the client finds again
    by sending the same key, and events that the relay finds by itself.
    """
    # In one order everywhere, so that two lanes with the same keys never wait for each other.
    ordered = sorted(entries, key=lambda entry: entry.submission.key)
    rows = await connection.fetch(_STORE, producer, *_constants(), *_columns(ordered))
    fresh = {row["id"] for row in rows}
    others = [entry for entry in entries if entry.submission.id not in fresh]
    found = await _find(connection, others) if others else {}
    return [_outcome(entry, fresh, found) for entry in entries]


def _constants() -> tuple[str, int]:
    return TOPIC_OF[_RAISED], EVENTS[_RAISED].version


def _columns(entries: Sequence[Entry]) -> list[Sequence[Any]]:
    tables = (
        (SubmissionRow, [entry.submission for entry in entries]),
        (ConcernRow, [row for entry in entries for row in entry.concerns]),
        (MatchRow, [row for entry in entries for row in entry.matches]),
        (EventRow, [row for entry in entries for row in entry.events]),
    )
    columns: list[Sequence[Any]] = []
    for kind, rows in tables:
        columns += zip(*rows, strict=True) if rows else [()] * len(kind._fields)
    return columns


async def _find(
    connection: asyncpg.Connection, entries: Sequence[Entry]
) -> dict[tuple[str, str, str], Any]:
    keys = [entry.submission.key for entry in entries]
    rows = await connection.fetch(_FIND, *(list(column) for column in zip(*keys, strict=True)))
    return {(row["client"], row["urn"], row["key_ref"]): row for row in rows}


def _outcome(entry: Entry, fresh: set[UUID], found: dict[tuple[str, str, str], Any]) -> Outcome:
    mine = entry.submission
    if mine.id in fresh:
        return Stored()
    row = found.get(mine.key)
    if row is None:
        return Revoked()
    if row["id"] == mine.id:
        # Our own row of an attempt whose answer was lost with its connection: not a conflict.
        return Stored()
    return Existing(row["id"], row["body_ref"], row["source_ref"])
