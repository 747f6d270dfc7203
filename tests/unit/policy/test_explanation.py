"""Every action says why, in the shape callers rely on; and why another was not taken."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.policy import Authorities, load_policy

POLICY = load_policy()
WHERE = Authorities(home="886", school="886")
EASTER = datetime.fromisoformat("2026-04-03T14:00+01:00")
FGM: dict[str, Any] = {
    "concern_types": ["fgm"],
    "knowledge_basis": "told_by_the_child",
    "reporter_role": "teacher",
    "age_years": 14,
    "immediate_danger": "no",
}


def decide(facts: dict[str, Any], at: datetime = EASTER, **more: Any) -> dict[str, Any]:
    return POLICY.decide(facts, received_at=at, authorities=WHERE, **more).to_json()


def action(decision: dict[str, Any], route: str) -> dict[str, Any]:
    return next(action for action in decision["actions"] if action["route"] == route)


def test_a_decision_has_the_documented_shape() -> None:
    decision = decide(FGM)
    assert set(decision) == {
        "pack", "priority", "in_hours", "actions", "prohibitions", "questions", "gate", "clocks",
    }  # fmt: skip
    assert [pack["id"] for pack in decision["pack"]] == ["national", "kent"]
    report = action(decision, "POLICE_101")
    assert report["la"] == "886"
    assert report["subject"] == "child-1"
    assert report["by"] == "2026-04-07T17:00:00+01:00"
    assert report["hard_by"] == "2026-05-03T14:00:00+01:00"
    assert report["owner"] == "the teacher personally"
    assert report["owner_role"] == "reporter"
    assert report["channel"] == "PHONE_ONLY"
    assert report["contact"]["phone"] == "101"
    reason = report["because"][0]
    assert reason["rule"] == "NAT-FGM-01"
    assert "FGM Act 2003 s.5B(1)-(5)" in reason["cite"]
    assert reason["facts"]["knowledge_basis"] == "told_by_the_child"
    assert decision["clocks"] == {"LA_DECISION": "2026-04-07T17:00:00+01:00"}
    assert json.loads(json.dumps(decision)) == decision


def test_the_fgm_clock_runs_from_discovery_and_the_hubs_from_receipt() -> None:
    earlier = decide(FGM, discovered_at=EASTER - timedelta(days=5))
    assert action(earlier, "POLICE_101")["by"] == "2026-03-30T17:00:00+01:00"
    assert earlier["clocks"] == decide(FGM)["clocks"]


def test_a_copy_to_a_closed_hub_carries_its_opening_and_somebody_rings_now() -> None:
    decision = decide(FGM)
    assert decision["in_hours"] is False
    assert action(decision, "MASH")["by"] == "2026-04-07T09:00:00+01:00"
    assert action(decision, "EDT")["by"] == "now"


def test_a_route_that_rests_on_not_knowing_is_precautionary_and_says_what_to_ask() -> None:
    sparse = decide({"concern_types": ["fgm"]})
    assert action(sparse, "POLICE_101")["certainty"] == "precautionary"
    asked = {question["fact"]: question for question in sparse["questions"]}
    assert "POLICE_101" in asked["knowledge_basis"]["settles"]
    assert asked["immediate_danger"]["ask"] == "Is the child safe right now?"
    assert action(decide(FGM), "POLICE_101")["certainty"] == "certain"
    assert "knowledge_basis" not in {q["fact"] for q in decide(FGM)["questions"]}


def test_why_not_names_the_nearest_rule_and_what_it_lacks() -> None:
    told = POLICY.why_not(
        "POLICE_999", {**FGM, "travel_imminent": "no"}, received_at=EASTER, authorities=WHERE
    )
    assert told["taken"] is False
    assert {failed["fact"] for failed in told["failing"]} <= {"travel_imminent", "immediate_danger"}
    taken = POLICY.why_not("DSL", FGM, received_at=EASTER, authorities=WHERE)
    assert taken["taken"] is True
    never = POLICY.why_not("GOV_BODY", FGM, received_at=EASTER, authorities=WHERE)
    assert never["nearest"] is None


def test_facts_are_read_leniently_and_nonsense_is_only_unknown() -> None:
    loose = {"concern_types": "FGM", "age": "14", "reporter_role": "Teacher", "immediate_danger":
             False, "knowledge_basis": "disclosure", "colour": "red", "weapon": 7}  # fmt: skip
    assert decide(loose)["actions"] == decide(FGM)["actions"]


def test_a_moment_without_an_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        POLICY.decide({}, received_at=EASTER.replace(tzinfo=None), authorities=WHERE)


def test_deadlines_beyond_the_known_bank_holidays_raise_an_alarm() -> None:
    decision = POLICY.decide({}, received_at=datetime(2031, 1, 1, tzinfo=UTC), authorities=WHERE)
    assert "bank_holidays_unknown" in decision.alarms
