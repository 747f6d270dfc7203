"""What an authority's own pack does to the national answer, and what happens without one."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.policy import Authorities, Decision, Policy, load_policy
from tests.unit.policy import facts as any_
from tests.unit.policy.packs import HEAD, RULE, policy_with
from tests.unit.policy.test_evaluation import not_lower

MORNING = datetime.fromisoformat("2026-11-25T10:00+00:00")
CONTACT = """\
contacts:
  MASH: {channel: QUEUE, name: Testshire hub, phone: 01632 960001, checked_on: "2026-11-21", source: project}
"""  # noqa: E501
ROLES = {"dsl": "dsl", "deputy_dsl": "deputy_dsl", "head": "headteacher", "chair": "chair"}
NEGLECT: dict[str, Any] = {"concern_types": ["neglect"], "age_years": 1, "harm_level": "in_need"}


@pytest.fixture(scope="module")
def layered(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    more = CONTACT + "withdraw: [manage_in_school]\nsettings: {call_back_minutes: {value: 5}}\n"
    more += "tracks: {LA_DECISION: {route: MASH, by: HOURS(24)}}\n"
    return policy_with(tmp_path_factory.mktemp("packs"), HEAD + RULE + more)


def decide(policy: Policy, facts: dict[str, Any], *las: str | None) -> Decision:
    home, found, school = (*las, None, None)[:3]
    where = Authorities(home=home, found=found, school=school)
    return policy.decide(facts, received_at=MORNING, authorities=where)


def test_a_local_pack_only_ever_adds(layered: Policy) -> None:
    national = Policy(layered.schema, layered.national, {}, ())

    @settings(max_examples=80, deadline=None)
    @given(any_.facts(), any_.moments)
    def holds(facts: dict[str, Any], at: datetime) -> None:
        where = Authorities(home="341", school="341")
        with_local = layered.decide(facts, received_at=at, authorities=where)
        assert not_lower(with_local, national.decide(facts, received_at=at, authorities=where))

    holds()


def test_a_local_rule_adds_its_route_and_names_itself(layered: Policy) -> None:
    decision = decide(layered, NEGLECT, "341")
    (health,) = [action for action in decision.actions if action.route == "HEALTH"]
    assert health.because[0].rule == "TST-NEG-01"
    assert [pack.id for pack in decision.packs] == ["national", "testshire"]
    assert decide(layered, NEGLECT, "821").packs == decision.packs[:1]


def test_a_local_clock_that_is_shorter_wins(layered: Policy) -> None:
    harm = {"harm_level": "suspected_significant", "concern_types": ["physical"]}
    night = datetime.fromisoformat("2026-11-27T10:00+00:00")
    where = Authorities(home="341")
    found = layered.decide(harm, received_at=night, authorities=where)
    assert found.clocks["LA_DECISION"] == night + timedelta(hours=24)


def test_a_permission_needs_certainty_and_can_be_withdrawn(layered: Policy) -> None:
    peers = {
        "concern_types": ["nudes"], "age_years": 15, "source_of_harm": ["child_10_17"],
        "coercion": "no", "capacity_concern": "no", "image_sexual_act": "no",
        "image_unusual_or_violent": "no", "immediate_danger": "no", "suicidal_intent": "no",
    }  # fmt: skip
    assert decide(load_policy(), peers, "821").permissions == ("manage_in_school",)
    assert decide(load_policy(), {**peers, "coercion": "unknown"}, "821").permissions == ()
    assert decide(layered, peers, "341").permissions == ()


def test_settings_may_be_shortened_by_an_authority(layered: Policy) -> None:
    assert layered.settings("341").call_back == timedelta(minutes=5)
    assert layered.settings("886").call_back == timedelta(minutes=10)
    assert layered.settings().p0_unconfirmed == timedelta(minutes=2)
    assert layered.settings("341").p1_unclaimed == timedelta(minutes=15)
    assert layered.settings().reminders_percent == (50, 80)


def action(decision: Decision, route: str, la: str | None) -> Any:
    (found,) = [a for a in decision.actions if a.route == route and a.la == la]
    return found


def test_a_hub_with_a_queue_takes_its_own_task_and_every_other_needs_the_dsl_to_ring() -> None:
    harm = {"harm_level": "suspected_significant", "concern_types": ["physical"]}
    luton, norfolk, kent, other = (
        action(decide(load_policy(), harm, la, None, la), "MASH", la)
        for la in ("821", "926", "886", "341")
    )
    assert (luton.channel, luton.owner_role) == ("QUEUE", "team")
    assert (norfolk.channel, norfolk.owner_role) == ("PHONE_ONLY", "dsl")
    assert norfolk.contact["phone"] == "0344 800 8021"
    assert (kent.channel, kent.owner_role) == ("PORTAL", "dsl")
    assert (other.channel, other.owner_role) == ("PHONE_ONLY", "dsl")
    assert "local authority" in other.contact["advice"]


def test_an_authority_without_a_pack_raises_an_alarm_for_the_operator() -> None:
    decision = decide(load_policy(), {"harm_level": "suspected_significant"}, "341")
    assert "directory_missing:341:MASH" in decision.alarms
    assert decide(load_policy(), {}, None).alarms == ("directory_missing:no authority:MASH",)


def test_the_hub_is_the_childs_own_and_the_lado_the_schools() -> None:
    facts = {"concern_types": ["allegation_adult"], "source_of_harm": ["staff"]}
    decision = decide(load_policy(), facts, "926", None, "886")
    assert action(decision, "MASH", "926").contact["name"] == "Norfolk CADS"
    assert action(decision, "LADO", "886").contact["name"] == "Kent LESAS"


def test_an_fgm_report_goes_to_the_force_where_the_girl_lives() -> None:
    facts = {"concern_types": ["fgm"], "knowledge_basis": "told_by_the_child",
             "reporter_role": "teacher"}  # fmt: skip
    decision = decide(load_policy(), facts, "926", "821", "886")
    assert action(decision, "POLICE_101", "926").owner == "the teacher personally"


def test_the_authority_where_the_child_is_found_hears_too() -> None:
    decision = decide(load_policy(), {"immediate_danger": "yes"}, "926", "886", "926")
    assert {a.la for a in decision.actions if a.route == "MASH"} == {"926", "886"}
    calm = decide(load_policy(), {"harm_level": "suspected_significant"}, "926", "886", "926")
    assert {a.la for a in calm.actions if a.route == "MASH"} == {"926", "886"}
    assert {a.la for a in calm.actions if a.route == "EDT"} == set()


def test_an_accused_head_and_whoever_is_in_conflict_get_no_task() -> None:
    facts = {"concern_types": ["allegation_adult", "sexual"], "source_of_harm": ["headteacher"]}
    routes = {a.route for a in decide(load_policy(), facts, "821").actions}
    assert {"CHAIR_GOVERNORS", "LADO", "DEPUTY_DSL", "POLICE_101"} <= routes
    assert not {"HEADTEACHER", "DSL"} & routes
    known = {**facts, "head_is_dsl": "no", "conflict": ["chair"]}
    routes = {a.route for a in decide(load_policy(), known, "821").actions}
    assert {"LADO", "DSL"} <= routes
    assert not {"HEADTEACHER", "CHAIR_GOVERNORS"} & routes


@settings(max_examples=80, deadline=None)
@given(any_.facts(), any_.moments, any_.authorities, st.sets(st.sampled_from(sorted(ROLES))))
def test_no_task_of_any_kind_is_owned_by_somebody_in_conflict(
    facts: dict[str, Any], at: datetime, where: Authorities, conflict: set[str]
) -> None:
    facts = {**facts, "conflict": sorted(conflict), "head_is_dsl": "no"}
    if "headteacher" in facts.get("source_of_harm", []):
        conflict.add("head")
    decision = load_policy().decide(facts, received_at=at, authorities=where)
    barred = {ROLES[name] for name in conflict}
    assert not barred & {action.owner_role for action in decision.actions}


def las(facts: dict[str, Any], where: Authorities) -> dict[str, str | None]:
    decision = load_policy().decide(facts, received_at=MORNING, authorities=where)
    return {action.route: action.la for action in decision.actions}


def test_missing_education_is_the_home_authoritys_and_the_education_team_the_schools() -> None:
    where = Authorities(home="926", school="886")
    found = las({"concern_types": ["cme"], "unauthorised_school_days": 10}, where)
    assert (found["LA_CME"], found["LA_ATTENDANCE"]) == ("926", "926")
    assert las({"concern_types": ["child_death"]}, where)["EST"] == "886"


def test_private_fostering_is_told_to_the_authority_where_the_carer_lives() -> None:
    facts = {"concern_types": ["private_fostering"], "age_years": 13, "carer": "family_friend",
             "carer_days": 42, "harm_level": "none_indicated"}  # fmt: skip
    assert las(facts, Authorities(home="886", school="886", carer="821"))["MASH"] == "821"
    assert las(facts, Authorities(home="886", school="886"))["MASH"] == "886"


def test_a_call_to_999_is_for_where_the_child_is() -> None:
    where = Authorities(home="926", found="821", school="886")
    assert las({"immediate_danger": "yes"}, where)["POLICE_999"] == "821"


def test_where_the_home_is_not_known_the_place_found_serves_and_then_the_school() -> None:
    harm = {"harm_level": "suspected_significant", "concern_types": ["physical"]}
    assert las(harm, Authorities(found="821", school="886"))["MASH"] == "821"
    assert las(harm, Authorities(school="886"))["MASH"] == "886"
    told = decide(load_policy(), harm, None, None, "886")
    assert "Where the child lives is not known" in action(told, "MASH", "886").script
    known = decide(load_policy(), harm, "886", None, "886")
    assert "is not known" not in action(known, "MASH", "886").script


def test_local_rules_come_with_the_home_and_the_schools_authority() -> None:
    where = Authorities(home="926", school="886")
    decision = load_policy().decide({}, received_at=MORNING, authorities=where)
    assert {"est_instead", "written_referral"} <= {ban.code for ban in decision.prohibitions}
    assert [pack.id for pack in decision.packs] == ["national", "kent", "norfolk"]
