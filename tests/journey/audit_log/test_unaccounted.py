"""The reconciler lists what was not followed by what had to follow, and nothing else."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx2

from tests.conftest import TestIssuer
from tests.journey.audit_log.conftest import Log, example

MINUTE = timedelta(seconds=61)


async def listed(http: httpx2.AsyncClient, issuer: TestIssuer) -> dict[str, Any]:
    answer = await http.get("/v1/log/unaccounted", headers=issuer.headers("operator"))
    body: dict[str, Any] = answer.json()
    return body


async def test_a_concern_without_a_case_is_listed_after_a_minute(
    log: Log, http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    silent, decided = uuid4(), uuid4()
    await log.hears(
        *(log.record("concern.raised", subject=subject) for subject in (silent, decided))
    )
    await log.hears(log.record("case.opened", subject=decided, producer="escalation"))
    assert (await listed(http, issuer))["count"] == 0
    log.clock.advance(MINUTE)
    found = await listed(http, issuer)
    assert found["count"] == 1
    assert [item["id"] for item in found["concerns_without_case"]["listed"]] == [str(silent)]


async def test_a_dead_letter_of_escalation_accounts_for_a_concern_and_no_other_does(
    log: Log, http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    by_escalation, by_notify = uuid4(), uuid4()
    for subject, service in ((by_escalation, "escalation"), (by_notify, "notify")):
        await log.hears(log.record("concern.raised", subject=subject))
        letter = example("dead_letter.recorded", consumer=service)
        await log.hears(
            log.record("dead_letter.recorded", letter, subject=subject, producer=service)
        )
    log.clock.advance(MINUTE)
    found = (await listed(http, issuer))["concerns_without_case"]
    assert [item["id"] for item in found["listed"]] == [str(by_notify)]


async def test_a_task_nobody_was_told_of_is_listed(
    log: Log, http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    ends = {"notice.sent": "notify", "notice.failed": "notify", "task.acknowledged": "escalation"}
    silent = uuid4()
    for task_id, kind in [(uuid4(), kind) for kind in ends] + [(silent, "")]:
        opened = example("task.opened", task_id=str(task_id))
        await log.hears(log.record("task.opened", opened, producer="escalation"))
        if kind:
            ended = example(kind, task_id=str(task_id))
            await log.hears(log.record(kind, ended, producer=ends[kind]))
    log.clock.advance(MINUTE)
    found = await listed(http, issuer)
    assert [item["id"] for item in found["tasks_without_notice"]["listed"]] == [str(silent)]
    assert found["count"] == 1


async def test_a_gap_in_a_producer_s_count_is_listed_once_it_is_old(
    log: Log, http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    for sequence in (1, 2, 5, 6, 9):
        await log.hears(log.record("case.claimed", sequence=sequence, producer="escalation"))
    assert (await listed(http, issuer))["missing_sequences"] == []
    log.clock.advance(MINUTE)
    assert (await listed(http, issuer))["missing_sequences"] == [
        {"producer": "escalation", "from": 3, "to": 4},
        {"producer": "escalation", "from": 7, "to": 8},
    ]
    for sequence in (3, 4, 7, 8):
        await log.hears(log.record("case.claimed", sequence=sequence, producer="escalation"))
    assert (await listed(http, issuer))["count"] == 0


async def test_the_first_events_of_a_producer_are_missed_too(
    log: Log, http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    await log.hears(log.record("case.claimed", sequence=3, producer="escalation"))
    log.clock.advance(MINUTE)
    gaps = (await listed(http, issuer))["missing_sequences"]
    assert gaps == [{"producer": "escalation", "from": 1, "to": 2}]


async def test_a_lost_tail_is_seen_when_the_producer_closes_its_count(
    log: Log, http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    closed = example("escalation.producer_closed", producer="intake/lane-1", last_sequence=4)
    await log.hears(log.record("case.claimed", sequence=1, producer="intake/lane-1"))
    await log.hears(log.record("escalation.producer_closed", closed, producer="escalation"))
    log.clock.advance(MINUTE)
    gaps = (await listed(http, issuer))["missing_sequences"]
    assert gaps == [{"producer": "intake/lane-1", "from": 2, "to": 4}]
