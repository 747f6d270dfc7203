"""What a decision changes in the tasks of a case: it adds and raises, and never takes away."""

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from escalation.models import CaseFile, Task
from escalation.planning import plan, task_of
from escalation.ranking import PRIORITIES

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
CASE = CaseFile(
    id=UUID(int=1),
    priority="P1",
    facts={},
    decision={},
    data_issues=[],
    conflicted=[],
    received_at=NOW,
    opened_at=NOW,
    urn="999001",
)
deadline = st.integers(1, 100).map(lambda hours: (NOW + timedelta(hours=hours)).isoformat())


@st.composite
def actions(draw: st.DrawFn) -> dict[str, Any]:
    action = {
        "route": draw(st.sampled_from(["MASH", "EDT", "POLICE_101"])),
        "subject": "child-1",
        "la": draw(st.sampled_from(["821", None])),
        "priority": draw(st.sampled_from(PRIORITIES)),
        "certainty": draw(st.sampled_from(["certain", "precautionary"])),
        "by": draw(st.just("now") | deadline),
        "owner": "someone",
        "owner_role": draw(st.sampled_from(["team", "dsl"])),
        "channel": "QUEUE",
        "because": [{"rule": draw(st.sampled_from(["A", "B"]))}],
    }
    if draw(st.booleans()):
        action["hard_by"] = draw(deadline)
    return action


decisions = st.lists(
    actions(), max_size=6, unique_by=lambda a: (a["route"], a["la"], a["owner_role"])
)
states = st.sampled_from(["open", "acknowledged", "told", "done"])


def watched(_: str, la: str | None) -> bool:
    return la == "821"


def tasks_for(decision: list[dict[str, Any]], found: list[str]) -> list[Task]:
    tasks = [task_of(CASE, action, NOW, watched) for action in decision]
    for task, state in zip(tasks, found, strict=True):
        task.state = state
        if state == "done":
            task.closed_at = NOW
    return tasks


def urgency(task: Task) -> tuple[int, datetime, datetime]:
    last = datetime.max.replace(tzinfo=UTC)
    first = datetime.min.replace(tzinfo=UTC)
    return PRIORITIES.index(task.priority), task.by or first, task.hard_by or last


def as_urgent(one: tuple[int, datetime, datetime], other: tuple[int, datetime, datetime]) -> bool:
    return one[0] <= other[0] and one[1] <= other[1] and one[2] <= other[2]


@given(decisions, decisions, st.data())
def test_an_open_task_is_only_ever_raised(
    before: list[dict[str, Any]], now: list[dict[str, Any]], data: st.DataObject
) -> None:
    found = data.draw(st.lists(states, min_size=len(before), max_size=len(before)))
    tasks = tasks_for(before, found)
    was = {id(task): deepcopy(urgency(task)) for task in tasks}
    changes = plan(CASE, tasks, now, NOW, watched)
    for task in tasks:
        assert as_urgent(urgency(task), was[id(task)])
    for task in changes.superseded.values():
        assert any(new.route == task.route and urgency(new)[0] < urgency(task)[0]
                   for new in changes.opened)  # fmt: skip


@given(decisions, decisions, st.data())
def test_whatever_a_decision_asks_is_owed_by_someone(
    before: list[dict[str, Any]], now: list[dict[str, Any]], data: st.DataObject
) -> None:
    found = data.draw(st.lists(states, min_size=len(before), max_size=len(before)))
    tasks = tasks_for(before, found)
    changes = plan(CASE, tasks, now, NOW, watched)
    left = [t for t in (*tasks, *changes.opened) if t.state not in ("superseded", "done")]
    for action in now:
        asked = task_of(CASE, action, NOW, watched)
        assert any(
            (t.route, t.la, t.owner_role) == (asked.route, asked.la, asked.owner_role)
            and urgency(t)[0] <= urgency(asked)[0]
            for t in left
        )


@given(decisions)
def test_the_same_decision_again_changes_nothing(decision: list[dict[str, Any]]) -> None:
    tasks = tasks_for(decision, ["open"] * len(decision))
    changes = plan(CASE, tasks, decision, NOW, watched)
    assert (changes.opened, changes.raised, changes.superseded) == ([], [], {})


@given(actions())
def test_a_team_only_looks_on_where_it_is_on_the_platform(action: dict[str, Any]) -> None:
    task = task_of(CASE, action, NOW, watched)
    assert task.read_only == (action["owner_role"] != "team" and action["la"] == "821")


def test_a_nearer_deadline_counts_although_the_task_was_acknowledged() -> None:
    action: dict[str, Any] = {
        "route": "MASH",
        "subject": "child-1",
        "la": "821",
        "priority": "P2",
        "certainty": "certain",
        "by": (NOW + timedelta(hours=48)).isoformat(),
        "owner": "the hub",
        "owner_role": "team",
        "channel": "QUEUE",
        "because": [],
    }
    (task,) = tasks_for([action], ["acknowledged"])
    nearer = NOW + timedelta(hours=4)
    changes = plan(CASE, [task], [action | {"by": nearer.isoformat()}], NOW, watched)
    assert (changes.raised, task.by, task.state) == ([task], nearer, "acknowledged")
