"""A search finds what a slow look at every entry finds, page by page, also while the log grows."""

import json
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from tests.conftest import TestIssuer
from tests.journey.audit_log.conftest import Log, example

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
ACTOR = "kq3V9mXc0pTn1uYe7rWb2A"


def concern(home: str, school: str, urn: str, incident: UUID) -> dict[str, Any]:
    decided = example("concern.raised")["decision"]
    decided["actions"][0]["la"] = home
    return example(
        "concern.raised", urn=urn, home_la=home, school_la=school, incident_id=str(incident),
        decision=decided, reporter_ref=None,
    )  # fmt: skip


async def filled(log: Log) -> tuple[UUID, UUID]:
    """Two incidents in two authorities, with what followed; returns the ids of both concerns."""
    luton, kent, one, two = uuid4(), uuid4(), uuid4(), uuid4()
    task = str(uuid4())
    escalation, notify = "escalation", "notify"
    await log.hears(
        # What follows a concern may come to the log before it.
        log.record("task.acknowledged", example("task.acknowledged", task_id=task), subject=luton,
                   producer=escalation),
        log.record("concern.raised", concern("821", "821", "999002", one), subject=luton,
                   traceparent=PARENT),
        log.record("case.opened", example("case.opened", incident_id=str(one)), subject=luton,
                   producer=escalation),
    )  # fmt: skip
    log.clock.advance(timedelta(minutes=5))
    await log.hears(
        log.record("concern.raised", concern("886", "886", "999001", two), subject=kent,
                   producer="intake/lane-1"),
        log.record("task.opened", example("task.opened", task_id=task), subject=luton,
                   producer=escalation, traceparent=PARENT),
        log.record("notice.sent", subject=luton, producer=notify),
        log.record("details.read", subject=kent, producer=escalation),
        log.record("notify.producer_closed", producer=notify),
    )  # fmt: skip
    log.clock.advance(timedelta(minutes=5))
    await log.hears(*(log.record("task.reminded", subject=luton, producer=escalation)
                      for _ in range(3)))  # fmt: skip
    return luton, kent


async def found(http: httpx2.AsyncClient, headers: dict[str, str], **asked: Any) -> list[int]:
    seqs, after = [], -1
    while after is not None:
        answer = await http.get(
            "/v1/log/entries", params={"limit": 2, **asked, "after": after}, headers=headers
        )
        assert answer.status_code == 200, answer.text
        seqs += [row["seq"] for row in answer.json()["entries"]]
        after = answer.json()["next"]
    return seqs


def says(row: dict[str, Any], name: str, value: Any, where: dict[Any, set[str]]) -> bool:
    """What the filter means, looked for in the entry itself."""
    entry = row["entry"]
    data, producer = entry.get("data", {}), entry.get("producer", "")
    if name.endswith("_from"):
        return bool(row[name.replace("_from", "_at")] >= datetime.fromisoformat(value))
    if name.endswith("_to"):
        return bool(row[name.replace("_to", "_at")] < datetime.fromisoformat(value))
    by_entry = {
        "type": entry["type"] == value,
        "producer": producer == value,
        "service": producer.split("/")[0] == value,
        "actor": value in (data.get("actor_ref"), data.get("reporter_ref")),
        "concern": str(row["subject"]) == value,
        "rule": f'"{value}"' in json.dumps(data),
        "trace": TRACE in entry.get("traceparent", ""),
    }
    return bool(by_entry.get(name, f"{name}={value}" in where.get(row["subject"], set())))


async def test_every_filter_and_every_two_find_what_a_slow_look_finds(
    log: Log, http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    luton, kent = await filled(log)
    entries = await log.entries()
    raised = {row["subject"]: row["entry"]["data"] for row in entries
              if row["type"] == "concern.raised"}  # fmt: skip
    where = {
        subject: {f"la={data['home_la']}", f"school={data['urn']}",
                  f"incident={data['incident_id']}"}
        for subject, data in raised.items()
    }  # fmt: skip
    middle = entries[4]["recorded_at"].isoformat()
    filters = [
        ("occurred_from", middle), ("occurred_to", middle), ("recorded_from", middle),
        ("recorded_to", middle), ("type", "task.opened"), ("type", "task.reminded"),
        ("service", "intake"), ("service", "escalation"), ("producer", "intake/lane-1"),
        ("actor", ACTOR), ("concern", str(luton)), ("concern", str(kent)),
        ("incident", raised[luton]["incident_id"]), ("school", "999002"), ("school", "999003"),
        ("la", "886"), ("la", "821"), ("rule", "NAT-GEN-04"), ("trace", PARENT), ("trace", TRACE),
    ]  # fmt: skip
    auditor = issuer.headers("auditor")
    seen = 0
    for asked in [(one,) for one in filters] + list(combinations(filters, 2)):
        if len(dict(asked)) < len(asked):
            continue
        right = [row["seq"] for row in entries if all(says(row, *one, where) for one in asked)]
        assert await found(http, auditor, **dict(asked), limit=1000) == right, asked
        seen += bool(right)
    assert seen > 60


async def test_pages_neither_skip_nor_repeat_while_the_log_grows(
    log: Log, http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    subject = uuid4()
    seqs, after, rounds = [], -1, 0
    while after is not None and rounds < 30:
        if rounds < 10:
            await log.hears(
                log.record("task.reminded", subject=subject), log.record("task.opened"),
                log.record("task.reminded", subject=subject),
            )  # fmt: skip
        asked: dict[str, Any] = {"concern": str(subject), "limit": 2, "after": after}
        answer = await http.get("/v1/log/entries", params=asked, headers=issuer.headers("auditor"))
        seqs += [row["seq"] for row in answer.json()["entries"]]
        after, rounds = answer.json()["next"], rounds + 1
    assert seqs == [n for n in range(30) if n % 3 != 1]


async def test_what_no_filter_means_is_refused_and_never_widens_a_search(
    log: Log, http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    await log.hears(log.record("task.opened"))
    for asked in (
        "type=Jane.Doe", "school=1", "la=Kent", "concern=me", "trace=00", "rule=a b",
        "occurred_from=yesterday", "nam=x", "service=police", "after=-2", "size=0",
    ):  # fmt: skip
        answer = await http.get(f"/v1/log/entries?{asked}", headers=issuer.headers("auditor"))
        assert answer.status_code == 422, asked
        assert "Jane" not in answer.text


async def outbox(log: Log) -> list[dict[str, Any]]:
    rows = await log.rows("SELECT type, subject, data FROM outbox ORDER BY seq")
    return [row | json.loads(row["data"]) for row in rows]


async def test_a_search_is_told_to_the_log_with_who_what_and_how_many(
    log: Log, http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    luton, _ = await filled(log)
    headers = issuer.headers("auditor", la="821", account="audit-1")
    await http.get(
        "/v1/log/entries", params={"concern": str(luton), "type": "task.opened"}, headers=headers
    )
    (told,) = await outbox(log)
    assert told["type"] == "log.searched"
    assert told["subject"] == luton
    assert told["filters"] == {"concern": str(luton), "type": "task.opened"}
    assert (told["found"], told["authorities"], told["role"]) == (1, ["821"], "auditor")
    assert "audit-1" not in json.dumps(told, default=str)


@pytest.mark.parametrize(("name", "typed"), [("actor", "JaneDoe"), ("rule", "JANE-DOE")])
async def test_a_name_typed_into_a_filter_does_not_enter_the_log(
    log: Log, http: httpx2.AsyncClient, issuer: TestIssuer, name: str, typed: str
) -> None:
    await filled(log)
    headers = issuer.headers("auditor")
    answer = await http.get("/v1/log/entries", params={name: typed}, headers=headers)
    assert answer.json()["entries"] == []
    (told,) = await outbox(log)
    assert told["filters"] == {name: "unknown"}
