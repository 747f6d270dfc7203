"""The outcome alone says what the decision says, for any facts."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings

from shared.policy import Authorities, load_policy
from shared.policy.clocks import discovery
from tests.unit.policy import facts as any_

POLICY = load_policy()


@settings(max_examples=150, deadline=None)
@given(any_.facts(), any_.moments, any_.delays, any_.authorities)
def test_the_light_way_and_the_explained_way_give_the_same_outcome(
    facts: dict[str, Any], at: datetime, delay: timedelta, where: Authorities
) -> None:
    full = POLICY.decide(facts, received_at=at, discovered_at=at - delay, authorities=where)
    light = POLICY.outcome(facts, received_at=at, authorities=where)
    instants = light.deadlines(at, discovery(at, at - delay))
    assert sorted(
        (task.priority, task.route, task.subject or "child-1", task.la or "", task.owner_role,
         "certain" if task.certain else "precautionary", str(by), str(hard_by))
        for task, (by, hard_by) in zip(light.required, instants, strict=True)
    ) == sorted(
        (each.priority, each.route, each.subject, each.la or "", each.owner_role,
         each.certainty, str(each.by), str(each.hard_by))
        for each in full.actions
    )  # fmt: skip
    assert light.priority == full.priority
    assert set(light.prohibitions) == {each.code for each in full.prohibitions}
    assert set(light.permissions) == set(full.permissions)
