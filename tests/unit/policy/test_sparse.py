"""Looking only at what was given says what looking at every fact says."""

from datetime import datetime
from typing import Any

from hypothesis import given, settings

from shared.policy import Authorities, load_policy
from shared.policy.compile import build, joined
from shared.policy.derive import CHANGED
from shared.policy.sparse import Sparse
from tests.unit.policy import facts as any_

POLICY = load_policy()
TABLE = build(POLICY.national.rules, POLICY.national, POLICY.schema)
SPARSE = Sparse(TABLE, POLICY.schema)
WHERE = Authorities(home="821", school="821")


@settings(max_examples=150, deadline=None)
@given(any_.facts(), any_.moments)
def test_masks_joined_sparsely_are_the_masks_joined_one_by_one(
    facts: dict[str, Any], at: datetime
) -> None:
    values, _ = POLICY.values(facts, at, WHERE)
    assert SPARSE.joined(values, POLICY.schema.given(facts)) == joined(TABLE, values)


@settings(max_examples=150, deadline=None)
@given(any_.facts(), any_.moments)
def test_working_out_changes_only_the_facts_it_names(facts: dict[str, Any], at: datetime) -> None:
    read = POLICY.schema.read(facts)
    values, _ = POLICY.values(facts, at, WHERE)
    assert {name for name in values if values[name] != read[name]} <= CHANGED
