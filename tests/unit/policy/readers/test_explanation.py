"""What a person, and a program, is told about why."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings

from shared.policy import Authorities, load_policy
from shared.policy.readers.explanation import Asked, as_words, explain, why_not
from shared.policy.readers.html import explanation_html
from shared.policy.readers.text import explanation_lines, why_not_lines
from tests.unit.policy import facts as any_

POLICY = load_policy()
KENT = Authorities(home="886", school="886")
STAND_INS = {entry.rule.id for entry in POLICY.national.stand_ins}
EVENING = datetime(2026, 11, 20, 19, tzinfo=UTC)
FGM: dict[str, Any] = {
    "concern_types": ["fgm"],
    "knowledge_basis": "told_by_the_child",
    "immediate_danger": "no",
    "reporter_role": "teacher",
}


def asked(**facts: Any) -> Asked:
    return Asked({**FGM, **facts}, EVENING, KENT)


def action(told: dict[str, Any], route: str) -> dict[str, Any]:
    return next(action for action in told["actions"] if action["route"] == route)


def test_a_reason_names_rule_version_source_and_what_matched() -> None:
    told = explain(POLICY, asked(age_years=14))
    reason = action(told, "POLICE_101")["because"][0]
    assert reason["rule"] == "NAT-FGM-01"
    assert reason["version"] == POLICY.national.ref.version
    assert any("FGM Act 2003" in source["cite"] for source in reason["sources"])
    age = next(test for test in reason["matched"] if test["fact"] == "age_at_discovery")
    assert (age["is"], age["needs"], age["certain"]) == ("14", "under 18", True)
    assert action(told, "POLICE_101")["rests_on"] == []


def test_a_precautionary_action_says_what_it_rests_on_and_what_to_ask() -> None:
    told = explain(POLICY, asked(knowledge_basis="unknown"))
    report = action(told, "POLICE_101")
    assert report["certainty"] == "precautionary"
    assert "how it is known" in report["rests_on"]
    assert report["settled_by"][0]["fact"] == "knowledge_basis"


def test_the_first_question_is_the_one_that_may_matter_most() -> None:
    told = explain(POLICY, Asked({"concern_types": ["fgm"]}, EVENING, KENT))
    urgent = {route.code for route in POLICY.national.routes.values() if route.code.endswith("999")}
    assert urgent & set(told["questions"][0]["settles"])


def test_why_not_says_in_words_which_facts_fail() -> None:
    words = as_words(why_not(POLICY, "POLICE_101", asked(age_years=19)))
    assert "not taken; the nearest rule is NAT-FGM-01" in words["verdict"]
    assert words["failing"] == ["age when it came to light is 19, and would have to be under 18"]


def test_why_not_of_a_route_that_is_taken_names_the_rules_that_take_it() -> None:
    told = why_not(POLICY, "POLICE_101", asked(age_years=14))
    assert told["taken"] is True
    assert [rule["rule"] for rule in told["by"]] == ["NAT-FGM-01"]


def test_why_not_tells_of_a_task_that_passed_to_somebody_else_for_a_conflict() -> None:
    told = why_not(POLICY, "DSL", asked(conflict=["dsl"]))
    assert told["taken"] is False
    assert "DEPUTY_DSL" in told["passed_to"]
    assert "because of a conflict" in as_words(told)["verdict"]


def test_text_and_html_tell_the_same_rules() -> None:
    told = explain(POLICY, asked())
    text = "\n".join(explanation_lines(told))
    html = explanation_html([told], [])
    for part in (*told["actions"], *told["prohibitions"]):
        for reason in part["because"]:
            assert reason["rule"] in text
            assert reason["rule"] in html


def test_what_a_person_typed_is_never_markup() -> None:
    told = explain(POLICY, Asked(FGM, EVENING, KENT, subject="<script>alert(1)</script>"))
    assert "<script>alert" not in explanation_html([told, told], [])


@settings(max_examples=40, deadline=None)
@given(any_.facts(), any_.moments, any_.authorities)
def test_any_facts_can_be_explained_and_every_reason_holds(
    facts: dict[str, Any], at: datetime, where: Authorities
) -> None:
    given_ = Asked(facts, at, where)
    told = explain(POLICY, given_)
    for found in told["actions"]:
        own = [reason for reason in found["because"] if reason["rule"] not in STAND_INS]
        certain = any(all(test["certain"] for test in reason["matched"]) for reason in own)
        if len(own) == len(found["because"]):
            assert certain == (found["certainty"] == "certain")
    assert list(explanation_lines(told))
    for route in POLICY.national.routes:
        not_so = why_not(POLICY, route, given_)
        assert not_so["taken"] == any(found["route"] == route for found in told["actions"])
        assert list(why_not_lines(not_so))
