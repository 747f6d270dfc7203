"""The reconciler lists what was not followed by what had to follow, and nothing else."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
from sqlalchemy import text

from audit_log.watching import measure
from shared.telemetry import REGISTRY
from tests.conftest import TestIssuer
from tests.journey.audit_log.conftest import Log, example

MINUTE = timedelta(seconds=61)


async def listed(http: httpx2.AsyncClient, issuer: TestIssuer) -> dict[str, Any]:
    answer = await http.get("/v1/log/unaccounted", headers=issuer.headers("operator"))
    body: dict[str, Any] = answer.json()
    return body


def ids(found: dict[str, Any], kind: str) -> list[str]:
    return [item["id"] for item in found[kind]["listed"]]


def runs(found: dict[str, Any]) -> list[tuple[str, int, int]]:
    return [(item["producer"], item["from"], item["to"]) for item in found["listed"]]


async def opens(log: Log, priority: str = "P0", subject: UUID | None = None, **data: Any) -> UUID:
    task_id = uuid4()
    opened = example("task.opened", task_id=str(task_id), priority=priority, **data)
    await log.hears(log.record("task.opened", opened, producer="escalation", subject=subject))
    await hears_of(log, task_id, "notice.sent")
    return task_id


async def hears_of(
    log: Log, task_id: UUID, kind: str, subject: UUID | None = None, **data: Any
) -> None:
    producer = "notify" if kind.startswith("notice") else "escalation"
    told = example(kind, **({"task_id": str(task_id)} | data))
    await log.hears(log.record(kind, told, producer=producer, subject=subject))


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
    assert ids(found, "tasks_without_notice") == [str(silent)]
    [listed_task] = found["tasks_without_notice"]["listed"]
    assert listed_task["age_seconds"] == MINUTE.total_seconds()
    assert (listed_task["route"], listed_task["owner"]) == ("MASH", "the MASH team")


async def test_a_gap_in_a_producer_s_count_is_listed_once_it_is_old(
    log: Log, http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    for sequence in (1, 2, 5, 6, 9):
        await log.hears(log.record("case.claimed", sequence=sequence, producer="escalation"))
    assert (await listed(http, issuer))["missing_sequences"]["count"] == 0
    log.clock.advance(MINUTE)
    found = (await listed(http, issuer))["missing_sequences"]
    assert runs(found) == [("escalation", 3, 4), ("escalation", 7, 8)]
    assert found["listed"][0]["age_seconds"] == 61
    assert found["listed"][0]["owner"] == "the operator of escalation"
    for sequence in (3, 4, 7, 8):
        await log.hears(log.record("case.claimed", sequence=sequence, producer="escalation"))
    assert (await listed(http, issuer))["count"] == 0


async def test_the_first_events_of_a_producer_are_missed_too(
    log: Log, http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    await log.hears(log.record("case.claimed", sequence=3, producer="escalation"))
    log.clock.advance(MINUTE)
    gaps = (await listed(http, issuer))["missing_sequences"]
    assert runs(gaps) == [("escalation", 1, 2)]


async def test_a_lost_tail_is_seen_when_the_producer_closes_its_count(
    log: Log, http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    closed = example("escalation.producer_closed", producer="intake/lane-1", last_sequence=4)
    await log.hears(log.record("case.claimed", sequence=1, producer="intake/lane-1"))
    await log.hears(log.record("escalation.producer_closed", closed, producer="escalation"))
    log.clock.advance(MINUTE)
    gaps = (await listed(http, issuer))["missing_sequences"]
    assert runs(gaps) == [("intake/lane-1", 2, 4)]


async def test_a_p0_task_is_listed_with_its_owner_until_a_person_acknowledges_it(
    log: Log, http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    silent, raised, answered = await opens(log), await opens(log, "P2"), await opens(log)
    await opens(log, "P1")
    await hears_of(log, raised, "task.raised")
    await hears_of(log, answered, "task.acknowledged")
    log.clock.advance(MINUTE)
    found = await listed(http, issuer)
    assert ids(found, "p0_unacknowledged") == [str(silent), str(raised)]
    assert found["count"] == 2
    [first, _] = found["p0_unacknowledged"]["listed"]
    assert set(first) == {"id", "since", "age_seconds", "seq", "route", "owner", "owner_role"}
    for task in (silent, raised):
        await hears_of(log, task, "task.acknowledged")
    assert (await listed(http, issuer))["count"] == 0


async def test_a_decision_ends_the_teams_own_p0_task_and_nobody_elses(
    log: Log, http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    case = uuid4()
    await opens(log, subject=case)
    schools = await opens(log, subject=case, owner_role="dsl")
    others = await opens(log, subject=case, route="CSC")
    decided = example("case.decided", case_id=str(case))
    await log.hears(log.record("case.decided", decided, producer="escalation", subject=case))
    log.clock.advance(MINUTE)
    assert ids(await listed(http, issuer), "p0_unacknowledged") == [str(schools), str(others)]


async def test_one_authoritys_decision_does_not_end_the_task_of_another(
    log: Log, http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    case = uuid4()
    tasks = [await opens(log, subject=case, la=la) for la in ("821", "886")]
    log.clock.advance(MINUTE)
    for expected in ([str(task) for task in tasks], []):
        decided = example("case.decided", case_id=str(case))
        await log.hears(log.record("case.decided", decided, producer="escalation", subject=case))
        assert ids(await listed(http, issuer), "p0_unacknowledged") == expected


async def test_a_notice_that_failed_is_listed_until_one_is_sent_or_a_person_answers(
    log: Log, http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    failed, sent_later, answered = [await opens(log, "P2") for _ in range(3)]
    for task in (failed, sent_later, answered):
        await hears_of(log, task, "notice.failed")
    await hears_of(log, sent_later, "notice.sent")
    await hears_of(log, answered, "task.acknowledged")
    log.clock.advance(MINUTE)
    found = await listed(http, issuer)
    assert ids(found, "notices_failed") == [str(failed)]
    assert found["count"] == 1


async def test_an_operator_is_told_once_when_something_begins_to_be_unaccounted_for(
    log: Log,
) -> None:
    def alarms() -> float:
        name, code = "handrail_operator_alarms_total", {"code": "unaccounted"}
        return REGISTRY.get_sample_value(name, code) or 0

    def gauge() -> float | None:
        return REGISTRY.get_sample_value("handrail_unaccounted", {"kind": "p0_unacknowledged"})

    before = alarms()
    task = await opens(log)
    counts = await measure(log.runtime, {})
    assert (gauge(), alarms() - before) == (0, 0)
    log.clock.advance(MINUTE)
    for _ in range(2):
        counts = await measure(log.runtime, counts)
        assert (gauge(), alarms() - before) == (1, 1)
    await hears_of(log, task, "task.acknowledged")
    await measure(log.runtime, counts)
    assert gauge() == 0


async def test_what_is_kept_is_the_same_whenever_the_log_was_looked_at(
    log: Log, http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    """Read in one go or after each entry: the same waits, so it can be made again from the log."""
    case = uuid4()
    first = await opens(log, subject=case)
    await listed(http, issuer)
    await hears_of(log, first, "notice.failed")
    await listed(http, issuer)
    decided = example("case.decided", case_id=str(case))
    await log.hears(log.record("case.decided", decided, producer="escalation", subject=case))
    await opens(log, "P0")
    await log.hears(log.record("concern.raised", sequence=90))
    log.clock.advance(MINUTE)
    step_by_step = await listed(http, issuer)
    async with log.runtime.sessions() as session:
        tables = ("concern", "task", "decision", "producer", "gap")
        for table in tables:
            await session.execute(text(f"DELETE FROM watched_{table}"))
        await session.execute(text("UPDATE watch_cursor SET next_seq = 0"))
        await session.commit()
    assert await listed(http, issuer) == step_by_step
    assert step_by_step["count"] == 3


async def test_a_case_that_is_heard_of_before_its_concern_accounts_for_it(
    log: Log, http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    subject = uuid4()
    await log.hears(log.record("case.opened", subject=subject, producer="escalation"))
    await log.hears(log.record("concern.raised", subject=subject))
    log.clock.advance(MINUTE)
    assert (await listed(http, issuer))["count"] == 0


async def test_two_events_with_one_number_of_a_producer_are_listed_for_good(
    log: Log, http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    first = log.record("case.claimed")
    await log.hears(first, first)
    assert (await listed(http, issuer))["count"] == 0
    log.counts["intake/lane-0"] = 0
    await log.hears(log.record("case.claimed"))
    found = (await listed(http, issuer))["repeated_sequences"]
    assert [(item["producer"], item["number"], item["seq"]) for item in found["listed"]] == [
        ("intake/lane-0", 1, 1)
    ]
