"""The bit masks say what the rules say, and no unknown ever lowers an answer."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from shared.policy import Authorities, Decision, load_policy
from shared.policy.clocks import discovery
from shared.policy.schema import UNKNOWN
from tests.unit.policy import facts as any_
from tests.unit.policy import reference

POLICY = load_policy()
FAR = 1e18
WHERE = Authorities(home="821", school="821")
WORST_CASE = [f for f in any_.GIVEN if f.unknown == "worst_case" and f.kind != "number"]
# Whether an accused head is also the DSL changes who gets the task, not how urgent it is.
INDICATORS = [
    fact
    for fact in any_.GIVEN
    if fact.unknown == "indicator" and fact.kind == "flag" and fact.name != "head_is_dsl"
]


def decide(facts: dict[str, Any], at: datetime, where: Authorities = WHERE) -> Decision:
    return POLICY.decide(facts, received_at=at, authorities=where)


def strength(decision: Decision) -> dict[tuple[str, str], tuple[int, float]]:
    """Each route's most urgent priority and earliest deadline."""
    found: dict[tuple[str, str], tuple[int, float]] = {}
    for action in decision.actions:
        key = (action.route, action.subject)
        priority = int(action.priority[1])
        by = action.by.timestamp() if action.by else 0.0
        old = found.get(key, (9, FAR))
        found[key] = min(priority, old[0]), min(by, old[1])
    return found


def not_lower(stronger: Decision, weaker: Decision) -> bool:
    strong = strength(stronger)
    return all(
        key in strong and strong[key][0] <= priority and strong[key][1] <= by
        for key, (priority, by) in strength(weaker).items()
    ) and {p.code for p in weaker.prohibitions} <= {p.code for p in stronger.prohibitions}


@settings(max_examples=80, deadline=None)
@given(any_.facts(), any_.moments, any_.delays)
def test_masks_and_reference_agree(facts: dict[str, Any], at: datetime, delay: timedelta) -> None:
    conflicts = {"headteacher", "head", "dsl", "deputy_dsl", "chair", UNKNOWN}
    assume(not conflicts & set(facts.get("source_of_harm", [])))
    assume(not facts.get("conflict"))
    found = POLICY.decide(facts, received_at=at, discovered_at=at - delay, authorities=WHERE)
    values, _ = POLICY.values(facts, at, WHERE)
    in_force = tuple(r for r in POLICY.national.rules if r.in_force.on(at.date()))
    rules = reference.fired(POLICY, in_force, values)
    expected = reference.routes(POLICY, rules, at, discovery(at, at - delay), WHERE)
    reasons = {r.rule for a in found.actions for r in a.because}
    assert reasons == {id_ for id_, (rule, _) in rules.items() if rule.requires}
    assert {p.code for p in found.prohibitions} == {
        code for rule, _ in rules.values() for code in rule.forbids
    }
    assert set(found.permissions) == {
        code for rule, certain in rules.values() if certain for code in rule.permits
    }
    assert {action.route for action in found.actions} == set(expected)
    for route, (priority, by, certain) in expected.items():
        same = [action for action in found.actions if action.route == route]
        assert min(action.priority for action in same) == priority
        assert any(action.by == by for action in same)
        assert any(action.certainty == "certain" for action in same) == certain


@settings(max_examples=80, deadline=None)
@given(any_.facts(), any_.moments, st.data())
def test_not_knowing_answers_no_lower_than_any_value_that_is_read_at_its_worst(
    facts: dict[str, Any], at: datetime, data: st.DataObject
) -> None:
    fact = data.draw(st.sampled_from(WORST_CASE))
    known = data.draw(st.sampled_from(fact.values))
    # A role also tells whether somebody teaches; said apart so that only one fact changes.
    facts = {"reporter_does_teaching_work": UNKNOWN, **facts}
    unknown = decide({**facts, fact.name: UNKNOWN}, at)
    said = decide({**facts, fact.name: known}, at)
    # What is forbidden because it is known to be no duty is not lowered by asking first.
    told = {"record_as_s5b_report"}
    weaker = [p.code for p in said.prohibitions if p.code not in told]
    assert set(weaker) <= {p.code for p in unknown.prohibitions}
    strong = strength(unknown)
    for key, (priority, by) in strength(said).items():
        assert strong[key][0] <= priority
        assert strong[key][1] <= by


@settings(max_examples=80, deadline=None)
@given(any_.facts(), any_.moments, st.sampled_from(["age_years", "carer_days"]), st.integers(0, 17))
def test_an_unknown_age_or_stay_is_answered_no_lower_than_any_childs(
    facts: dict[str, Any], at: datetime, name: str, number: int
) -> None:
    facts = {"age_basis": "verified", **facts}
    facts.pop("age_at_discovery", None)
    days = number * 20 if name == "carer_days" else number
    strong = strength(decide({**facts, name: UNKNOWN}, at))
    for key, (priority, by) in strength(decide({**facts, name: days}, at)).items():
        assert strong[key][0] <= priority
        assert strong[key][1] <= by


@settings(max_examples=80, deadline=None)
@given(any_.facts(), any_.moments, st.data())
def test_not_knowing_answers_no_lower_than_a_known_no(
    facts: dict[str, Any], at: datetime, data: st.DataObject
) -> None:
    fact = data.draw(st.sampled_from([*INDICATORS, any_.SCHEMA["immediate_danger"]]))
    unknown = decide({**facts, fact.name: UNKNOWN}, at)
    assert not_lower(unknown, decide({**facts, fact.name: "no"}, at))


@settings(max_examples=80, deadline=None)
@given(any_.facts(), any_.moments)
def test_unknown_harm_in_a_severe_kind_is_answered_as_the_worst(
    facts: dict[str, Any], at: datetime
) -> None:
    facts |= {"concern_types": ["physical"], "age_years": 9, "age_basis": "verified"}
    unknown = strength(decide({**facts, "harm_level": UNKNOWN}, at))
    worst = strength(decide({**facts, "harm_level": "significant_actual_or_likely"}, at))
    for key, (priority, by) in worst.items():
        assert unknown[key][0] <= priority
        assert unknown[key][1] <= by


@settings(max_examples=80, deadline=None)
@given(any_.facts(), any_.moments, any_.authorities, st.data())
def test_the_outcome_of_a_set_is_the_join_of_its_members(
    facts: dict[str, Any], at: datetime, where: Authorities, data: st.DataObject
) -> None:
    types = data.draw(
        st.lists(st.sampled_from(any_.SCHEMA["concern_types"].values), min_size=2, max_size=3)
    )
    facts.pop("harm_level", None)
    both = decide({**facts, "harm_level": "none_indicated", "concern_types": types}, at, where)
    for one in types:
        alone = decide({**facts, "harm_level": "none_indicated", "concern_types": [one]}, at, where)
        assert not_lower(both, alone)


@settings(max_examples=80, deadline=None)
@given(any_.facts(), any_.moments, any_.authorities)
def test_a_concern_is_never_answered_with_nothing(
    facts: dict[str, Any], at: datetime, where: Authorities
) -> None:
    decision = decide({"subject_role": "child", **facts}, at, where)
    told = {"DSL", "DEPUTY_DSL", "HEADTEACHER", "CHAIR_GOVERNORS", "LADO"}
    assert told & {action.route for action in decision.actions}
    assert "public_disclosure" in {ban.code for ban in decision.prohibitions}
    assert all(action.owner for action in decision.actions)


def test_free_text_alone_is_no_999_but_a_consultation_and_a_call_back() -> None:
    decision = decide({"subject_role": "child"}, datetime.fromisoformat("2026-11-25T10:00+00:00"))
    routes = {action.route: action for action in decision.actions}
    assert set(routes) == {"DSL", "MASH"}
    assert {action.priority for action in decision.actions} == {"P1"}
    assert "is the child safe right now?" in routes["DSL"].script
    first = decision.questions[0]
    assert (first.fact, first.settles[0]) == ("immediate_danger", "POLICE_999")
