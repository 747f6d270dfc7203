"""Faults put into the rules are noticed; what survives asks nothing less."""

import random

from shared.policy.prove.mutants import Mutant
from shared.policy.prove.mutation import Mutation
from tests.unit.policy.prove.planted import DAY, POLICY, REGISTER

PART = 60  # `handrail policy mutate` runs them all
KINDS = {
    "delete a rule", "drop a route", "lower a priority", "loosen a deadline", "drop a prohibition",
    "drop a value", "drop an any-branch", "narrow an age", "drop a permit condition",
    "drop a hard limit", "drop an owner",
}  # fmt: skip


def test_most_faults_are_noticed_and_no_survivor_is_weaker() -> None:
    mutation = Mutation(POLICY, REGISTER, DAY)
    mutants: list[Mutant] = mutation.mutants()
    assert len(mutants) >= 450
    assert {mutant.kind for mutant in mutants} == KINDS
    outcome = mutation.run(random.Random(7).sample(mutants, PART))
    assert outcome.unshown == []
    assert outcome.weaker + len(outcome.equivalent) == PART
    assert outcome.by_gate + len(outcome.passed) == PART
    assert outcome.by_gate / PART >= 0.95
    assert outcome.by_promises / PART >= 0.6
    # Whatever no promise notices is named, with the reason.
    assert len(outcome.unpromised) == PART - outcome.by_promises
    assert all(outcome.unpromised.values())
