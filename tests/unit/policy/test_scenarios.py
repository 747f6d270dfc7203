"""The acceptance scenarios, decided by the policy alone."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from shared.policy import Authorities, load_policy, yaml12
from tests.acceptance.meeting import meets, titled

SCENARIOS = Path(__file__).parents[2] / "acceptance" / "scenarios"
FILES = sorted(SCENARIOS.glob("A*.yaml"))
# Every field a scenario may hold; one this file does not check would be a promise nobody keeps.
FIELDS = {
    "id", "title", "note", "received_at", "discovered_at", "authorities", "subjects", "expect",
    "not_routes", "prohibitions", "clocks", "gate",
}  # fmt: skip
EXPECTED = {"route", "priority", "by", "hard_by", "owner", "number", "subject"}


def read(path: Path) -> Any:
    return yaml12.load(path.read_bytes())


def decide(scenario: Mapping[str, Any]) -> list[dict[str, Any]]:
    policy = load_policy()
    decisions = []
    for subject in scenario["subjects"]:
        facts = dict(subject["facts"])
        if "role" in subject:
            facts["subject_role"] = subject["role"]
        claimed = scenario.get("discovered_at")
        decision = policy.decide(
            facts,
            received_at=datetime.fromisoformat(scenario["received_at"]),
            discovered_at=datetime.fromisoformat(claimed) if claimed else None,
            subject=subject["ref"],
            authorities=Authorities(**scenario["authorities"]),
        )
        decisions.append(decision.to_json())
    return decisions


@pytest.mark.parametrize("path", FILES, ids=titled)
def test_a_scenario_ends_as_the_rules_say(path: Path) -> None:
    scenario = read(path)
    assert set(scenario) <= FIELDS
    decisions = decide(scenario)
    actions = [action for decision in decisions for action in decision["actions"]]
    for wanted in scenario["expect"]:
        assert set(wanted) <= EXPECTED
        assert any(meets(action, wanted) for action in actions), (wanted, actions)
    assert not {action["route"] for action in actions} & set(scenario["not_routes"])
    for decision in decisions:
        assert set(scenario["prohibitions"]) <= {p["code"] for p in decision["prohibitions"]}
        for name, at in scenario["clocks"].items():
            assert decision["clocks"][name] == at
    if "gate" in scenario:
        assert decisions[0]["gate"]["state"] == scenario["gate"]


def test_the_scenarios_are_there() -> None:
    assert len(FILES) == 30  # the other five are about time: test_duties
