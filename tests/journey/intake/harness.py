"""A running intake, spoken to as a school's system does, and its database to look into."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import asyncpg
import httpx2
import orjson
from fastapi import FastAPI

from intake.desk import Desk
from intake.models import GrantRow

URN, OTHER_URN, CLIENT = "999001", "999002", "mis-1"


def a_body(**changes: Any) -> dict[str, Any]:
    """A teacher was told by a girl of 14 that she was cut; all of it invented."""
    return {
        "school": {"urn": URN},
        "source_record_id": "REC-1",
        "reporter": {"role": "teacher", "does_teaching_work": True, "name": "Quenby Marrow"},
        "children": [
            {
                "ref": "pupil-a",
                "given_name": "Zinnia",
                "family_name": "Farthingale",
                "dob": "2012-05-01",
                "sex": "F",
            }
        ],
        "facts": {
            "concern_types": ["fgm"],
            "knowledge_basis": "told_by_the_child",
            "immediate_danger": "no",
        },
        "narrative": "She told me after the lesson.",
    } | changes


@dataclass
class Intake:
    app: FastAPI
    http: httpx2.AsyncClient
    db: asyncpg.Connection
    issuer: Any

    @property
    def desk(self) -> Desk:
        desk: Desk = self.app.state.desk
        return desk

    def mis(self, client: str = CLIENT, **how: Any) -> dict[str, str]:
        headers: dict[str, str] = self.issuer.headers("mis", client=client, **how)
        return headers

    def person(self, role: str, school: str = URN, **how: Any) -> dict[str, str]:
        headers: dict[str, str] = self.issuer.headers(role, school=school, **how)
        return headers

    async def post(
        self,
        body: Any,
        key: str | None = "key-1",
        who: Mapping[str, str] | None = None,
        path: str = "/v1/concerns",
        *,
        more: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        sent = {
            **(self.mis() if who is None else who),
            "content-type": "application/json",
            **(more or {}),
        }
        if key is not None:
            sent["idempotency-key"] = key
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        return await self.http.post(path, content=content, headers=sent)

    async def get(self, path: str, who: dict[str, str] | None = None) -> httpx2.Response:
        return await self.http.get(path, headers=who or self.mis())

    async def count(self, table: str) -> int:
        return int(await self.db.fetchval(f"SELECT count(*) FROM {table}"))

    async def grant(self, client: str = CLIENT, urn: str = URN, **more: Any) -> GrantRow:
        now = self.desk.runtime.clock.now()
        values: dict[str, Any] = {
            "role": "mis",
            "synthetic": True,
            "valid_from": now,
            "given_at": now,
        }
        row = GrantRow(id=uuid4(), client=client, urn=urn, given_by_ref="head", **(values | more))
        async with self.desk.runtime.sessions() as session:
            session.add(row)
            await session.commit()
        return row
