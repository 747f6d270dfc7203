"""A pack that breaks a promise is shown where, in words, with a concern that really goes wrong."""

from dataclasses import replace

import pytest

from shared.policy.clocks import ClockSpec
from shared.policy.pack import Require, Route, Rule
from shared.policy.prove import gates, layer, slices, stronger_or_equal, thinner
from shared.policy.prove.smt import Solver
from shared.policy.prove.words import region_words
from tests.unit.policy.prove.planted import (
    DAY,
    POLICY,
    REGISTER,
    failure,
    only,
    planted,
    proof,
    rule,
    same,
    told,
    when,
)

NOW = ClockSpec("now")


def added(name: str, condition: object, *requires: Require) -> Rule:
    base = replace(rule("NAT-EMG-02"), id=name, requires=requires, forbids=(), permits=())
    return when(base, condition)


def test_a_duty_narrowed_by_age_names_the_ages_that_lose_it() -> None:
    def narrowed(each: Rule) -> Rule:
        return when(
            each,
            {
                "concern_types": "fgm",
                "age_at_discovery": "under 16",
                "reporter_does_teaching_work": "yes",
                "knowledge_basis": ["told_by_the_child", "physical_signs_observed"],
            },
        )

    found = failure(planted(only("NAT-FGM-01", narrowed)), "D-FGM-01")
    assert found.what.startswith("POLICE_101 at P1 no later than CLOSE_NEXT_WD")
    assert all("age when it came to light: 16 to 17" in words for words in told(found))
    assert all(words.startswith("kind of concern: FGM") for words in told(found))
    assert found.example is not None
    assert found.example.given["age_at_discovery"] == 17
    owners = {a.owner for a in found.example.decision.actions if a.route == "POLICE_101"}
    assert "the teacher personally" not in owners
    assert found.example.nearest == "NAT-FGM-01"
    assert ("age_at_discovery", 17) in found.example.failing


def test_a_route_to_the_public_is_found_wherever_it_leads() -> None:
    newsletter = Route(
        "NEWSLETTER", 99, "school", "headteacher", "EMAIL_SECURE", False, {}, "", None
    )
    leak = added("BAD-01", {"concern_types": "bereavement"}, Require("NEWSLETTER", "P4", NOW))
    policy = planted(same, leak)
    national = replace(policy.national, routes={**policy.national.routes, "NEWSLETTER": newsletter})
    policy = type(policy)(policy.schema, national, {}, ())
    found = failure(policy, "G-PUB-01")
    assert found.what.startswith("NEWSLETTER is no statutory recipient")
    assert told(found) == ["kind of concern: bereavement"]
    assert found.example is not None
    assert "NEWSLETTER" in {action.route for action in found.example.decision.actions}


def test_danger_without_999_is_found_for_every_kind_of_concern() -> None:
    def dropped(each: Rule) -> Rule:
        return replace(each, requires=tuple(r for r in each.requires if r.route != "POLICE_999"))

    found = failure(planted(only("NAT-EMG-01", dropped)), "G-LIFE-01")
    assert found.what == "POLICE_999 first, at P0 and now"
    assert any("immediate danger: yes" in words for words in told(found))
    assert found.example is not None
    assert "POLICE_999" not in {action.route for action in found.example.decision.actions}


def test_a_permission_that_forgets_a_criterion_is_found_while_it_is_open() -> None:
    def forgets(each: Rule) -> Rule:
        of = {
            "concern_types": "nudes",
            "age_years": "under 18",
            "source_of_harm": ["child_10_17", "child_under_10", "self"],
            "capacity_concern": "no",
            "image_sexual_act": "no",
            "image_unusual_or_violent": "no",
            "immediate_danger": "no",
        }
        return when(each, of)

    found = failure(planted(only("NAT-ONL-04", forgets)), "D-ONL-04")
    assert found.what == "the permission manage_in_school is given"
    assert told(found)
    assert all("coercion: not known" in words for words in told(found))
    assert found.example is not None
    assert found.example.decision.permissions == ("manage_in_school",)


def test_a_rule_that_answers_a_known_no_higher_than_not_knowing_is_found() -> None:
    odd = added("BAD-02", {"is_concern": "yes", "weapon": "no"}, Require("HOUSING", "P2", NOW))
    found = failure(planted(same, odd), "G-UNK-06")
    assert found.what == "HOUSING P2 by now, which weapon = no calls for"
    assert found.example is not None


def test_a_999_for_an_ordinary_sparse_report_is_found() -> None:
    eager = added("BAD-03", {"concern_types": "physical"}, Require("POLICE_999", "P0", NOW))
    found = failure(planted(same, eager), "G-UNK-08")
    assert found.what == "POLICE_999 is required"
    (words,) = told(found)
    assert words.startswith("kind of concern: physical; immediate danger: no or not known")
    assert found.example is not None
    assert found.example.decision.priority == "P0"


def test_an_out_of_hours_concern_with_nobody_to_answer_is_found() -> None:
    def office(each: Rule) -> Rule:
        later = tuple(replace(r, by=ClockSpec("HUB_OPEN")) for r in each.requires)
        return replace(each, requires=later)

    policy = planted(lambda each: office(each) if each.id != "NAT-FGM-01" else each)
    stand_ins = tuple(replace(s, rule=office(s.rule)) for s in policy.national.stand_ins)
    national = replace(policy.national, stand_ins=stand_ins)
    policy = type(policy)(policy.schema, national, {}, ())
    found = failure(policy, "G-NOW-02")
    assert found.what.startswith("somebody reachable now")
    assert found.example is not None
    assert not found.example.decision.in_hours
    assert all(action.by is not None for action in found.example.decision.actions)


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ({"age_years": "under 5", "all": [{"age_years": "6 or over"}, {"age_years": "known"}]},
         "rule BAD-04 can never apply"),
        ({"concern_types": "missing_now", "weapon": "yes"},
         "rule BAD-04 adds nothing to the other rules"),
    ],
)  # fmt: skip
def test_a_rule_that_can_do_nothing_is_found(condition: object, says: str) -> None:
    idle = added("BAD-04", condition, Require("POLICE_101", "P1", NOW))
    found = proof(planted(same, idle), "G-ALL-03")
    assert says in [each.what for each in found.failures]


def test_an_authority_whose_answer_is_weaker_than_the_nations_is_found() -> None:
    """The loader accepts no such pack; were it ever to, this says so."""
    weaker = layer(planted(only("NAT-FGM-01", lambda _: None)), DAY)
    lost = stronger_or_equal(layer(POLICY, DAY), weaker, slices(POLICY.schema))
    assert {loss.rule for loss in lost} == {"NAT-FGM-01"}
    personal = next(loss for loss in lost if loss.what.startswith("POLICE_101"))
    assert all("kind of concern: FGM" in region_words(region) for region in personal.regions)


def test_what_is_the_same_or_stronger_is_no_loss() -> None:
    def sooner(each: Rule) -> Rule:
        return replace(each, requires=tuple(replace(r, priority="P0") for r in each.requires))

    stronger = layer(planted(only("NAT-GEN-04", sooner)), DAY)
    assert stronger_or_equal(layer(POLICY, DAY), stronger, slices(POLICY.schema)) == []
    assert stronger_or_equal(stronger, layer(POLICY, DAY), slices(POLICY.schema)) != []


def test_a_duty_that_only_one_of_two_rules_still_carries_is_told_as_thinner() -> None:
    def without_the_dsl(each: Rule) -> Rule:
        return replace(each, requires=tuple(r for r in each.requires if r.route != "DSL"))

    old, new = layer(POLICY, DAY), layer(planted(only("NAT-FGM-01", without_the_dsl)), DAY)
    assert stronger_or_equal(old, new, slices(POLICY.schema)) == []
    (thin,) = thinner(old, new, slices(POLICY.schema))
    assert (thin.rule, thin.what) == ("NAT-FGM-01", "DSL P1 by now")
    assert thin.still == ("NAT-FGM-02",)
    assert [*thinner(old, old, slices(POLICY.schema))] == []


def test_a_rule_under_another_name_is_held_by_as_many() -> None:
    renamed = layer(planted(only("NAT-FGM-01", lambda rule: replace(rule, id="NAT-FGM-99"))), DAY)
    old = layer(POLICY, DAY)
    assert [*thinner(old, renamed, slices(POLICY.schema))] == []


def test_a_gate_that_answers_too_much_is_shown_for_which_requests() -> None:
    outward = next(p for p in REGISTER.promises if p.id == "G-PUB-03")
    refused = gates.check(outward, ("DENY",), POLICY.national, POLICY.schema)
    words = [region_words(region) for region in refused.regions]
    assert any("who else is to be told: all parents or other schools" in each for each in words)
    solver = Solver(POLICY.schema)
    assert gates.broken_by_solver(solver, outward, ("DENY",), POLICY.national)
    assert not gates.broken_by_solver(solver, outward, ("DENY", "HOLD"), POLICY.national)
