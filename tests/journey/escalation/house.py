"""The escalation service as the tests meet it: events it hears, requests, events it tells."""

import json
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx2
from fastapi import FastAPI

from escalation.app import subscribe
from escalation.deciding import Rules
from escalation.timers import fire_due
from shared.app import Runtime
from shared.bus import Batch, Record
from shared.bus.cloudevents import to_record
from shared.clock import SetClock
from shared.events.catalogue import EVENTS, TOPIC_OF
from shared.events.envelope import new_event_id
from shared.inbox import apply
from shared.sealing import account_ref

LUTON, KENT, NORFOLK = "821", "886", "926"
SCHOOL = "999001"


@dataclass
class House:
    """hear: what comes from the bus. ask: a request as somebody. told: what goes to the bus."""

    app: FastAPI
    clock: SetClock
    issuer: Any
    database: Any
    offset: int = 0
    records: list[Record] = field(default_factory=list)

    @property
    def runtime(self) -> Runtime:
        runtime: Runtime = self.app.state.runtime
        return runtime

    @property
    def rules(self) -> Rules:
        rules: Rules = self.app.state.rules
        return rules

    def ref(self, account: str) -> str:
        return account_ref(self.runtime.secret, account)

    def record(self, event_type: str, subject: UUID, data: dict[str, Any]) -> Record:
        self.offset += 1
        row = {
            "event_id": new_event_id(),
            "topic": TOPIC_OF[event_type],
            "subject": subject,
            "type": event_type,
            "version": EVENTS[event_type].version,
            "producer": "intake/lane-0",
            "sequence": self.offset,
            "occurred_at": self.clock.now(),
            "traceparent": None,
            "data": json.dumps(data).encode(),
        }
        made = to_record(row)
        return Record(made.topic, made.key, made.value, made.headers, 0, self.offset)

    async def deliver(self, *records: Record) -> None:
        batch = Batch(records[0].topic, 0, records)
        await apply(batch, self.runtime.sessions, subscribe(self.runtime, self.rules))

    async def hear(self, event_type: str, subject: UUID, **data: Any) -> None:
        await self.deliver(self.record(event_type, subject, data))

    async def raised(self, concern_id: UUID | None = None, **more: Any) -> UUID:
        concern_id = concern_id or uuid4()
        await self.hear("concern.raised", concern_id, **self.concern(concern_id, **more))
        return concern_id

    def concern(self, concern_id: UUID, **more: Any) -> dict[str, Any]:
        sealed = json.dumps({"narrative": "what was said"}).encode()
        facts = {"concern_types": ["physical"], "immediate_danger": "no", "age_years": 9}
        facts["harm_level"] = "suspected_significant"
        return {
            "concern_id": str(concern_id),
            "incident_id": str(uuid4()),
            "subject_ref": "child-1",
            "subject_role": "child",
            "received_at": self.clock.now().isoformat(),
            "discovered_at": None,
            "urn": SCHOOL,
            "school_la": LUTON,
            "home_la": LUTON,
            "found_la": None,
            "synthetic": True,
            "quarantined": False,
            "decision": {},
            "data_issues": [],
            "reporter_ref": None,
            "excluded_refs": [],
            "exclude_school_staff": False,
            "match_keys": [],
            "sealed_details": self.runtime.sealer.seal("details", sealed, context=str(concern_id)),
            "sealed_contacts": "",
        } | (more | {"facts": facts | more.get("facts", {})})

    async def amended(self, concern_id: UUID, **facts: Any) -> None:
        """Members that say who is kept out are the event's own; the rest are facts."""
        out = ("excluded_refs", "exclude_school_staff", "excluded_roles")
        more = {name: facts.pop(name) for name in out if name in facts}
        sealed = self.runtime.sealer.seal("details", b'{"more": "said"}', context=str(concern_id))
        await self.hear(
            "concern.amended",
            concern_id,
            concern_id=str(concern_id),
            received_at=self.clock.now().isoformat(),
            facts=facts,
            decision={},
            data_issues=[],
            sealed_details=sealed,
            **more,
        )

    async def ask(
        self,
        method: str,
        path: str,
        who: dict[str, Any],
        body: Any = None,
        version: int | None = None,
    ) -> httpx2.Response:
        headers = self.issuer.headers(**who)
        if version is not None:
            headers["If-Match"] = f'"{version}"'
        transport = httpx2.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://hub") as client:
            return await client.request(method, path, headers=headers, json=body)

    async def queue(self, who: dict[str, Any], path: str | None = None) -> list[dict[str, Any]]:
        answer = await self.ask("GET", path or f"/v1/queues/{who['route']}?la={who['la']}", who)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def tasks(self, who: dict[str, Any], state: str = "open") -> list[dict[str, Any]]:
        answer = await self.ask("GET", f"/v1/tasks?state={state}", who)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def case(self, who: dict[str, Any], case_id: UUID) -> dict[str, Any]:
        answer = await self.ask("GET", f"/v1/cases/{case_id}", who)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def told(self, event_type: str) -> list[dict[str, Any]]:
        rows = await self.sql("SELECT data FROM outbox WHERE type = $1 ORDER BY seq", event_type)
        return [json.loads(row["data"]) for row in rows]

    async def sql(self, statement: str, *values: Any) -> list[Any]:
        connection = await asyncpg.connect(self.database.dsn("escalation"))
        try:
            return list(await connection.fetch(statement, *values))
        finally:
            await connection.close()

    async def fire(self) -> int:
        return await fire_due(self.runtime.sessions, self.rules)


def worker(route: str = "MASH", la: str = LUTON, account: str = "worker-1") -> dict[str, Any]:
    return {"role": "worker", "route": route, "la": la, "account": account}


def dsl(school: str = SCHOOL, account: str = "dsl-1") -> dict[str, Any]:
    return {"role": "dsl", "school": school, "account": account}


def at_school(role: str, account: str, school: str = SCHOOL) -> dict[str, Any]:
    return {"role": role, "school": school, "account": account}
