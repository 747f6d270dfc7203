"""An amendment raises or leaves alone; it never lowers."""

from datetime import datetime
from typing import Any

from hypothesis import given, settings

from shared.policy import Authorities, load_policy, raise_to
from shared.policy.raising import instant
from tests.unit.policy import facts as any_

POLICY = load_policy()
WHERE = Authorities(home="821", school="821")
AT = datetime.fromisoformat("2026-11-25T10:00+00:00")


@settings(max_examples=80, deadline=None)
@given(any_.facts(), any_.facts(), any_.moments)
def test_nothing_that_was_required_or_forbidden_is_lost(
    before: dict[str, Any], after: dict[str, Any], at: datetime
) -> None:
    old = POLICY.decide(before, received_at=at, authorities=WHERE).to_json()
    new = POLICY.decide(after, received_at=at, authorities=WHERE)
    joined = raise_to(old, new)
    assert joined["priority"] == min(old["priority"], new.priority)
    for decision in (old, new.to_json()):
        for action in decision["actions"]:
            assert any(
                kept["route"] == action["route"]
                and kept["owner_role"] == action["owner_role"]
                and kept["priority"] <= action["priority"]
                and instant(kept["by"]) <= instant(action["by"])
                for kept in joined["actions"]
            )
        codes = {ban["code"] for ban in joined["prohibitions"]}
        assert {ban["code"] for ban in decision["prohibitions"]} <= codes
        assert set(decision["clocks"]) <= set(joined["clocks"])


def test_a_danger_taken_back_keeps_the_999_and_its_reason() -> None:
    danger = POLICY.decide({"immediate_danger": "yes"}, received_at=AT, authorities=WHERE)
    calm = POLICY.decide({"immediate_danger": "no"}, received_at=AT, authorities=WHERE)
    joined = raise_to(danger.to_json(), calm)
    assert joined["priority"] == "P0"
    assert joined["actions"][0]["route"] == "POLICE_999"
    assert joined["actions"][0]["because"][0]["rule"] == "NAT-EMG-01"


def test_joining_a_decision_with_itself_changes_nothing() -> None:
    decision = POLICY.decide({"concern_types": ["fgm"]}, received_at=AT, authorities=WHERE)
    assert raise_to(decision.to_json(), decision) == decision.to_json()
