"""What is measured against: endpoints as one would write them by hand, storing the same rows.

They are as good as they can be made without changing what they are: a pool of prepared
statements, no reset between requests, garbage collection tuned as in our services. They check
nobody, advise nothing, seal nothing.
"""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import orjson
from fastapi import FastAPI, Header
from pydantic import BaseModel
from sqlalchemy import Column, DateTime, LargeBinary
from sqlalchemy.dialects.postgresql import JSON, JSONB
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import Field, SQLModel

from shared.db import make_sessions, sqlalchemy_url

POOL = 16
# The tables are copies of ours with their indexes, so both sides pay the same for a row.
SCHEMA = """
CREATE SCHEMA reference;
CREATE TABLE reference.ref_concern (LIKE intake.concern INCLUDING ALL);
ALTER TABLE reference.ref_concern
    ADD client text NOT NULL, ADD key_ref text NOT NULL, ADD received_at timestamptz NOT NULL,
    ADD raw text NOT NULL, ADD UNIQUE (client, key_ref);
CREATE TABLE reference.ref_outbox (LIKE intake.outbox INCLUDING ALL);
"""
INSERT = """
WITH concern AS (
    INSERT INTO reference.ref_concern (id, incident_id, subject_ref, subject_role, facts, decision,
        client, key_ref, received_at, raw)
    VALUES ($1, $2, 'child-1', 'child', $3::jsonb, $4::json, $5, $6, $7, $8)
)
INSERT INTO reference.ref_outbox (event_id, topic, subject, type, version, producer, sequence,
    occurred_at, data)
VALUES ($9, 'concerns', $1, 'concern.raised', 1, 'reference', 1, $7, $10)
"""


class Row(BaseModel):
    """What one stored concern of ours holds, to be stored again under another id."""

    facts: str
    decision: str
    raw: str
    data: str

    def arguments(self, key: str) -> tuple[Any, ...]:
        """For `INSERT`."""
        concern_id, now = uuid4(), datetime.now(UTC)
        return (
            concern_id,
            uuid4(),
            self.facts,
            self.decision,
            "client",
            key,
            now,
            self.raw,
            uuid4(),
            self.data.encode(),
        )


class Posted(BaseModel):
    """The body, as a hand-written endpoint would declare it."""

    school: dict[str, str]
    source_record_id: str
    reporter: dict[str, Any]
    children: list[dict[str, Any]]
    facts: dict[str, Any]
    narrative: str
    parents_informed: str
    disclosure_request: str


class Accepted(BaseModel):
    concern_id: UUID


class RefConcern(SQLModel, table=True):
    __tablename__ = "ref_concern"
    __table_args__ = {"schema": "reference"}

    id: UUID = Field(primary_key=True)
    incident_id: UUID
    subject_ref: str
    subject_role: str
    facts: dict[str, Any] = Field(sa_column=Column(JSONB))
    decision: dict[str, Any] = Field(sa_column=Column(JSON))
    client: str
    key_ref: str
    received_at: datetime = Field(sa_type=DateTime(timezone=True))
    raw: str


class RefOutbox(SQLModel, table=True):
    __tablename__ = "ref_outbox"
    __table_args__ = {"schema": "reference"}

    seq: int | None = Field(default=None, primary_key=True)
    event_id: UUID
    topic: str
    subject: UUID
    type: str
    version: int
    producer: str
    sequence: int
    occurred_at: datetime = Field(sa_type=DateTime(timezone=True))
    data: bytes = Field(sa_type=LargeBinary)


class _Connection(asyncpg.Connection):  # type: ignore[misc]
    def get_reset_query(self) -> str:
        """Nothing to reset: without this each request would cost another round trip."""
        return ""


def create_app(dsn: str, row_file: Path) -> FastAPI:
    row = Row.model_validate_json(row_file.read_bytes())
    facts, decision = orjson.loads(row.facts), orjson.loads(row.decision)
    engine = create_async_engine(sqlalchemy_url(dsn), pool_size=POOL, max_overflow=POOL)
    sessions = make_sessions(engine)
    pool: Any = None

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        nonlocal pool
        pool = await asyncpg.create_pool(
            dsn, min_size=POOL, max_size=POOL, connection_class=_Connection
        )
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        yield
        await pool.close()
        await engine.dispose()

    app = FastAPI(lifespan=lifespan)

    @app.post("/same-rows", status_code=201)
    async def same_rows(_: Posted, idempotency_key: str = Header()) -> Accepted:
        arguments = row.arguments(idempotency_key)
        async with pool.acquire() as connection:
            await connection.execute(INSERT, *arguments)
        return Accepted(concern_id=arguments[0])

    @app.post("/body-only", status_code=201)
    async def body_only(posted: Posted, idempotency_key: str = Header()) -> Accepted:
        text = posted.model_dump_json()
        arguments = Row(facts="{}", decision=text, raw="", data=text).arguments(idempotency_key)
        async with pool.acquire() as connection:
            await connection.execute(INSERT, *arguments)
        return Accepted(concern_id=arguments[0])

    @app.post("/sqlmodel", status_code=201)
    async def sqlmodel(_: Posted, idempotency_key: str = Header()) -> Accepted:
        async with sessions() as session:
            concern_id = uuid4()
            concern = RefConcern(
                id=concern_id,
                incident_id=uuid4(),
                subject_ref="child-1",
                subject_role="child",
                facts=facts,
                decision=decision,
                client="client",
                key_ref=idempotency_key,
                received_at=datetime.now(UTC),
                raw=row.raw,
            )
            session.add(concern)
            session.add(_told(concern, row))
            await session.commit()
        return Accepted(concern_id=concern_id)

    return app


def _told(concern: RefConcern, row: Row) -> RefOutbox:
    return RefOutbox(
        event_id=uuid4(),
        topic="concerns",
        subject=concern.id,
        type="concern.raised",
        version=1,
        producer="reference",
        sequence=1,
        occurred_at=concern.received_at,
        data=row.data.encode(),
    )
