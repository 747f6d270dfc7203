"""What the provers leave to the planner: nobody in conflict is ever given a task, by any rule."""

from datetime import datetime
from itertools import chain, combinations

import pytest

from shared.policy import Authorities
from tests.unit.policy.prove.planted import DAY, POLICY

AT = datetime.fromisoformat("2026-11-25T10:00+00:00")
ROLES = {"dsl": "dsl", "deputy_dsl": "deputy_dsl", "head": "headteacher", "chair": "chair"}
SUBSETS = list(chain.from_iterable(combinations(ROLES, size) for size in (1, 2, 3, 4)))
EXAMPLES = [
    {name: value for name, value in example.facts.items() if name != "at"}
    for rule in POLICY.national.rules
    if rule.in_force.on(DAY)
    for example in rule.match[:1]
]


@pytest.mark.parametrize("conflict", SUBSETS, ids="+".join)
def test_a_person_in_conflict_is_never_given_a_task(conflict: tuple[str, ...]) -> None:
    barred = {ROLES[who] for who in conflict}
    where = Authorities(home="926", school="821")
    for facts in EXAMPLES:
        told = {**facts, "conflict": list(conflict), "head_is_dsl": "no"}
        decision = POLICY.decide(told, received_at=AT, authorities=where)  # type: ignore[arg-type]
        assert decision.actions or "disclosure_request" in facts
        for action in decision.actions:
            assert action.owner_role not in barred, (action.route, facts)
