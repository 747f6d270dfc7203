"""What the school sees afterwards, and who sees nothing."""

from datetime import timedelta
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid4, uuid5

import pytest

from intake.app import subscription
from shared.bus import Batch
from shared.bus.cloudevents import to_record
from shared.events import cases, notices
from shared.events.catalogue import EVENTS, TOPIC_OF
from shared.events.concerns import EventData
from shared.inbox import apply
from tests.journey.intake.harness import CLIENT, OTHER_URN, URN, Intake, a_body

STAFF_HARM = {
    "concern_types": ["allegation_adult"],
    "source_of_harm": ["staff"],
    "immediate_danger": "no",
}


async def raised(intake: Intake, body: Any = None, who: Any = None, key: str = "key-1") -> UUID:
    response = await intake.post(body or a_body(), who=who, key=key)
    assert response.status_code == 201, response.text
    return UUID(response.json()["concerns"][0]["concern_id"])


async def status(intake: Intake, concern_id: UUID, who: Any = None) -> int:
    return (await intake.get(f"/v1/concerns/{concern_id}", who)).status_code


async def hear(intake: Intake, *told: tuple[str, EventData]) -> None:
    """What the consumer does with events of the other services."""
    now = intake.desk.runtime.clock.now()
    for offset, (name, data) in enumerate(told):
        subject = getattr(data, "case_id")  # noqa: B009 - every event of a case has it
        encoded = data.model_dump_json().encode()
        version = EVENTS[name].version
        row = {
            "event_id": uuid5(NAMESPACE_OID, encoded.decode()),
            "topic": TOPIC_OF[name],
            "subject": subject,
            "type": name,
            "version": version,
            "producer": "escalation",
            "sequence": offset + 1,
            "occurred_at": now,
            "traceparent": None,
            "data": encoded,
            "replay_of": None,
            "replay_for": None,
        }
        record = to_record(row)
        batch = Batch(TOPIC_OF[name], 0, (record,))
        await apply(batch, intake.desk.runtime.sessions, subscription(intake.desk.runtime))


def opened(intake: Intake, concern_id: UUID) -> list[tuple[str, EventData]]:
    now = intake.desk.runtime.clock.now()
    case = cases.CaseOpened(
        case_id=concern_id,
        incident_id=None,
        opened_at=now,
        priority="P1",
        unprocessed=False,
        packs=[],
        rules=[],
        routes=["MASH"],
        urn=URN,
        la="886",
        synthetic=True,
    )
    task = cases.TaskOpened(
        task_id=uuid4(),
        case_id=concern_id,
        route="MASH",
        la="886",
        urn=URN,
        priority="P1",
        certainty="certain",
        opened_at=now,
        by=None,
        hard_by=None,
        owner="the hub",
        owner_ref=None,
        channel="QUEUE",
        rules=[],
        excluded_refs=[],
        exclude_school_staff=False,
        synthetic=True,
        **extra_of_task(),
    )
    return [("case.opened", case), ("task.opened", task)]


def extra_of_task() -> dict[str, Any]:
    """Members that the event may have gained: each null where it may be."""
    known = {
        "task_id", "case_id", "route", "la", "urn", "priority", "certainty", "opened_at", "by",
        "hard_by", "owner", "owner_ref", "channel", "rules", "excluded_refs",
        "exclude_school_staff", "synthetic",
    }  # fmt: skip
    fields = cases.TaskOpened.model_fields
    return {n: None for n, f in fields.items() if n not in known and f.is_required()}


async def test_the_receipt_follows_the_tasks_and_shows_posts_and_no_people(intake: Intake) -> None:
    concern_id = await raised(intake)
    before = (await intake.get(f"/v1/concerns/{concern_id}")).json()
    assert (before["state"], before["tasks"]) == ("received", [])
    told = opened(intake, concern_id)
    task = told[1][1]
    assert isinstance(task, cases.TaskOpened)
    now = intake.desk.runtime.clock.now()
    sent = notices.NoticeSent(
        notice_id=uuid4(),
        task_id=task.task_id,
        case_id=concern_id,
        channel="email",
        template="task",
        recipient="the hub",
        attempts=1,
        at=now,
    )
    await hear(intake, *told, ("notice.sent", sent))
    waiting = (await intake.get(f"/v1/concerns/{concern_id}")).json()
    assert waiting["state"] == "in_queue"
    assert waiting["tasks"][0]["owner"] == "the hub"
    # A message that was sent is not somebody who has it.
    assert waiting["tasks"][0]["has_it"] is False
    assert waiting["tasks"][0]["notices"][0]["state"] == "sent"
    claimed = cases.CaseClaimed(case_id=concern_id, at=now, actor_ref="ref-of-a-person")
    done = cases.TaskAcknowledged(
        task_id=task.task_id,
        case_id=concern_id,
        route="MASH",
        at=now,
        actor_ref="ref-of-a-person",
        reference_given=True,
    )
    await hear(intake, ("case.claimed", claimed), ("task.acknowledged", done))
    after = await intake.get(f"/v1/concerns/{concern_id}")
    assert after.json()["state"] == "claimed"
    assert after.json()["tasks"][0]["has_it"] is True
    assert "ref-of-a-person" not in after.text


async def test_an_event_heard_twice_changes_nothing(intake: Intake) -> None:
    concern_id = await raised(intake)
    told = opened(intake, concern_id)
    await hear(intake, *told)
    await hear(intake, *told)
    assert await intake.count("receipt") == 1
    assert await intake.count("outcome") == 1


async def shown(intake: Intake, concern_id: UUID) -> dict[str, Any]:
    found: dict[str, Any] = (await intake.get(f"/v1/concerns/{concern_id}")).json()
    return found


async def test_what_is_heard_before_a_tasks_opening_shows_at_once_and_stays(
    intake: Intake,
) -> None:
    concern_id = await raised(intake)
    told = opened(intake, concern_id)
    task = told[1][1]
    assert isinstance(task, cases.TaskOpened)
    now = intake.desk.runtime.clock.now()
    of = {"task_id": task.task_id, "case_id": concern_id, "route": "MASH", "at": now}
    soon = now + timedelta(hours=1)
    done = cases.TaskAcknowledged(**of, actor_ref="x", reference_given=True)
    await hear(intake, ("task.acknowledged", done))
    early = (await shown(intake, concern_id))["tasks"][0]
    assert (early["state"], early["has_it"]) == ("acknowledged", True)
    assert early["owner"] is early["priority"] is early["by"] is None
    await hear(intake, ("task.raised", cases.TaskRaised(**of, priority="P0", by=soon)), *told)
    late = (await shown(intake, concern_id))["tasks"][0]
    assert (late["state"], late["owner"], late["priority"]) == ("acknowledged", "the hub", "P0")
    assert late["by"] == soon.isoformat()


async def test_an_acknowledgement_heard_first_leaves_the_deadline_to_the_opening(
    intake: Intake,
) -> None:
    concern_id = await raised(intake)
    told = opened(intake, concern_id)
    task = told[1][1]
    assert isinstance(task, cases.TaskOpened)
    done = cases.TaskAcknowledged(
        task_id=task.task_id,
        case_id=concern_id,
        route="MASH",
        at=task.opened_at,
        actor_ref="x",
        reference_given=False,
    )
    await hear(intake, ("task.acknowledged", done), *told)
    late = (await shown(intake, concern_id))["tasks"][0]
    assert (late["by"], late["priority"]) == ("now", "P1")


async def test_a_case_raised_before_its_opening_is_heard_keeps_the_higher_priority(
    intake: Intake,
) -> None:
    concern_id = await raised(intake)
    now = intake.desk.runtime.clock.now()
    higher = cases.CaseRaised(
        case_id=concern_id, at=now, priority="P0", packs=[], rules=[], routes=[]
    )
    await hear(intake, ("case.raised", higher), *opened(intake, concern_id))
    found = await shown(intake, concern_id)
    assert (found["priority"], found["state"]) == ("P0", "in_queue")


async def test_what_was_decided_and_is_open_again_is_in_the_queue_and_says_what_it_was(
    intake: Intake,
) -> None:
    concern_id = await raised(intake)
    now = intake.desk.runtime.clock.now()
    decided = cases.CaseDecided(
        case_id=concern_id,
        at=now,
        actor_ref="x",
        outcome="ADVICE",
        reason_given=False,
        routes=["MASH"],
    )
    again = cases.CaseRaised(
        case_id=concern_id,
        at=now + timedelta(days=3),
        priority="P1",
        packs=[],
        rules=[],
        routes=[],
        reopened=True,
    )
    await hear(intake, *opened(intake, concern_id), ("case.decided", decided))
    await hear(intake, ("case.raised", again))
    found = await shown(intake, concern_id)
    assert (found["state"], found["outcome"], found["earlier_outcome"]) == (
        "in_queue",
        None,
        "ADVICE",
    )
    late = decided.model_copy(update={"at": now + timedelta(hours=1), "outcome": "NFA"})
    await hear(intake, ("case.decided", late))
    assert (await shown(intake, concern_id))["state"] == "in_queue", "it was held, and is earlier"
    anew = decided.model_copy(update={"at": now + timedelta(days=4), "outcome": "NEW_REFERRAL"})
    await hear(intake, ("case.decided", anew))
    found = await shown(intake, concern_id)
    assert (found["state"], found["outcome"]) == ("decided", "NEW_REFERRAL")


async def test_a_task_that_another_took_the_place_of_shows_as_superseded(intake: Intake) -> None:
    concern_id = await raised(intake)
    told = opened(intake, concern_id)
    task = told[1][1]
    assert isinstance(task, cases.TaskOpened)
    more = task.model_copy(
        update={"task_id": uuid4(), "priority": "P0", "supersedes": task.task_id}
    )
    await hear(intake, *told, ("task.opened", more))
    tasks = (await shown(intake, concern_id))["tasks"]
    assert [(one["priority"], one["state"]) for one in tasks] == [
        ("P0", "open"),
        ("P1", "superseded"),
    ]


@pytest.mark.parametrize(
    ("how", "state"),
    [
        ("decided", "done"),
        ("met_late", "done"),
        ("replaced", "superseded"),
        ("handed_over", "superseded"),
    ],
)
async def test_a_task_that_ended_without_a_word_shows_as_ended(
    intake: Intake, how: Any, state: str
) -> None:
    concern_id = await raised(intake)
    told = opened(intake, concern_id)
    task = told[1][1]
    assert isinstance(task, cases.TaskOpened)
    ended = cases.TaskEnded(
        task_id=task.task_id, case_id=concern_id, route=task.route, at=task.opened_at, how=how
    )
    await hear(intake, *told, ("task.ended", ended))
    assert [one["state"] for one in (await shown(intake, concern_id))["tasks"]] == [state]


async def test_only_the_client_that_submitted_and_the_schools_leads_see_a_receipt(
    intake: Intake,
) -> None:
    concern_id = await raised(intake)
    await intake.grant("mis-2", URN)
    seen = [
        await status(intake, concern_id),
        await status(intake, concern_id, intake.person("dsl")),
        await status(intake, concern_id, intake.person("deputy_dsl")),
        await status(intake, concern_id, intake.person("head")),
    ]
    assert seen == [200] * 4
    hidden = [
        await status(intake, concern_id, intake.mis("mis-2")),
        await status(intake, concern_id, intake.person("reporter")),
        await status(intake, concern_id, intake.person("dsl", OTHER_URN)),
        await status(intake, uuid4()),
    ]
    assert hidden == [404] * 4


async def test_the_reporter_sees_what_they_reported(intake: Intake) -> None:
    teacher = intake.person("reporter", account="teacher-1")
    concern_id = await raised(intake, who=teacher)
    assert await status(intake, concern_id, teacher) == 200
    assert await status(intake, concern_id, intake.person("reporter", account="other")) == 404


async def test_while_the_accused_is_not_known_all_staff_but_the_reporter_see_nothing(
    intake: Intake,
) -> None:
    teacher = intake.person("reporter", account="teacher-1")
    concern_id = await raised(intake, a_body(facts=STAFF_HARM), teacher)
    assert await status(intake, concern_id, teacher) == 200
    assert await status(intake, concern_id, intake.person("chair")) == 200
    for role in ("dsl", "deputy_dsl", "head"):
        assert await status(intake, concern_id, intake.person(role)) == 404


async def test_the_accused_sees_nothing_and_the_others_do_once_they_are_identified(
    intake: Intake,
) -> None:
    accused = intake.person("dsl", account="accused-1")
    given = {"role": "dsl", "urn": URN, "account": "accused-1", "staff_ref": "S-17"}
    granted = await intake.post(given, path="/v1/grants", who=intake.person("head"))
    assert granted.status_code == 201
    body = a_body(facts=STAFF_HARM, people=[{"role": "subject_of_allegation", "staff_ref": "S-17"}])
    concern_id = await raised(intake, body, intake.person("reporter", account="teacher-1"))
    assert await status(intake, concern_id, accused) == 404
    assert await status(intake, concern_id, intake.person("head")) == 200
    assert await status(intake, concern_id, intake.person("dsl", account="another")) == 200


async def test_an_accused_head_and_a_dsl_in_conflict_see_nothing(intake: Intake) -> None:
    body = a_body()
    body["facts"] |= {"conflict": ["dsl"]}
    concern_id = await raised(intake, body, intake.person("deputy_dsl"))
    assert await status(intake, concern_id, intake.person("dsl")) == 404
    assert await status(intake, concern_id, intake.person("head")) == 200


@pytest.mark.parametrize("facts", [STAFF_HARM, {"concern_types": ["other"], "conflict": ["head"]}])
async def test_a_school_system_never_sees_a_case_against_staff(intake: Intake, facts: Any) -> None:
    concern_id = await raised(intake, a_body(facts=facts))
    await hear(intake, *opened(intake, concern_id))
    assert await status(intake, concern_id) == 404
    assert (await intake.get("/v1/outcomes")).json()["outcomes"] == []


async def test_an_accusation_made_later_closes_the_case_to_the_system(intake: Intake) -> None:
    concern_id = await raised(intake)
    dsl = intake.person("dsl")
    path = f"/v1/concerns/{concern_id}/amendments"
    amended = await intake.post({"facts": {"source_of_harm": ["staff"]}}, path=path, who=dsl)
    assert amended.status_code == 200
    assert await status(intake, concern_id) == 404
    assert await status(intake, concern_id, dsl) == 404


async def test_the_feed_is_read_forward_and_skips_nothing(intake: Intake) -> None:
    ids = [await raised(intake, key=f"k-{n}", body=a_body(source_record_id=f"{n}")) for n in "abc"]
    for concern_id in ids:
        await hear(intake, *opened(intake, concern_id))
    first = await intake.get("/v1/outcomes")
    assert [one["concern_id"] for one in first.json()["outcomes"]] == [str(i) for i in ids]
    assert first.json()["outcomes"][0]["kind"] == "case_opened"
    following = first.json()["next"]
    assert following in first.headers["link"]
    nothing = (await intake.get(f"/v1/outcomes?after={following}")).json()
    assert nothing == {"outcomes": [], "next": following}
    later = cases.CaseDecided(
        case_id=ids[0],
        at=intake.desk.runtime.clock.now() + timedelta(hours=1),
        actor_ref="x",
        outcome="NEW_REFERRAL",
        reason_given=True,
    )
    await hear(intake, ("case.decided", later))
    more = (await intake.get(f"/v1/outcomes?after={following}")).json()["outcomes"]
    assert [(one["kind"], one["outcome"]) for one in more] == [("case_decided", "NEW_REFERRAL")]


async def test_a_row_that_is_not_committed_yet_holds_the_feed_back(intake: Intake) -> None:
    concern_id = await raised(intake)
    row = (
        "INSERT INTO outcome (client, concern_id, kind, at, detail) "
        "VALUES ($1, $2, 'slow', now(), '{}')"
    )
    transaction = intake.db.transaction()
    await transaction.start()
    await intake.db.execute(row, CLIENT, concern_id)
    await hear(intake, *opened(intake, concern_id))
    assert (await intake.get("/v1/outcomes")).json()["outcomes"] == []
    await transaction.commit()
    kinds = [one["kind"] for one in (await intake.get("/v1/outcomes")).json()["outcomes"]]
    assert kinds == ["slow", "case_opened"]


async def test_after_a_pause_of_the_grant_the_feed_is_whole_from_its_start(intake: Intake) -> None:
    await intake.grant(urn=OTHER_URN)
    hidden = await raised(intake)
    shown = await raised(intake, a_body(school={"urn": OTHER_URN}), key="k-2")
    await hear(intake, *opened(intake, hidden))
    await hear(intake, *opened(intake, shown))
    await intake.db.execute("UPDATE grant_row SET revoked_at = now() WHERE urn = $1", URN)
    during = (await intake.get("/v1/outcomes")).json()
    await intake.grant()
    assert (await intake.get(f"/v1/outcomes?after={during['next']}")).json()["outcomes"] == []
    again = (await intake.get("/v1/outcomes")).json()["outcomes"]
    assert [one["concern_id"] for one in again] == [str(hidden), str(shown)]


async def test_another_client_reads_its_own_feed_only(intake: Intake) -> None:
    concern_id = await raised(intake)
    await hear(intake, *opened(intake, concern_id))
    await intake.grant("mis-2", URN)
    assert (await intake.get("/v1/outcomes", intake.mis("mis-2"))).json()["outcomes"] == []
    assert (await intake.get("/v1/outcomes", intake.person("dsl"))).status_code == 403
    assert (await intake.get("/v1/outcomes?after=x")).status_code == 400
