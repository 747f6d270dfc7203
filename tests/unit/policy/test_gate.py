"""Who may be told: never the public, others only through those who can judge it."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.policy import Authorities, Gate, load_policy
from shared.policy.gate import PUBLIC
from tests.unit.policy import facts as any_

AT = datetime.fromisoformat("2026-12-01T09:00+00:00")
POLICY = load_policy()


def gate(audience: str, **facts: Any) -> Gate:
    given_ = {"disclosure_request": audience, **facts}
    found = POLICY.decide(given_, received_at=AT, authorities=Authorities(home="886")).gate
    assert found is not None
    return found


@settings(max_examples=100, deadline=None)
@given(any_.facts(), st.sampled_from(sorted(PUBLIC)))
def test_no_fact_opens_the_gate_to_the_public(facts: dict[str, Any], audience: str) -> None:
    opened = {"est_agreed": "yes", "police_agreed": "yes", "police_investigation": "none"}
    assert gate(audience, **{**facts, **opened, "disclosure_request": audience}).state == "DENY"


@pytest.mark.parametrize(
    ("facts", "state", "needs"),
    [
        ({}, "HOLD", ("EST", "POLICE")),
        ({"police_investigation": "none"}, "HOLD", ("EST",)),
        ({"police_investigation": "live", "est_agreed": "yes"}, "HOLD", ("POLICE",)),
        ({"police_investigation": "none", "est_agreed": "yes"}, "HOLD", ("EST",)),
        (
            {"police_investigation": "live", "est_agreed": "yes", "police_agreed": "yes",
             "case_facts_in_text": "no"},
            "ALLOW_TEMPLATE", (),
        ),
        ({"case_facts_in_text": "yes", "est_agreed": "yes"}, "HOLD", ("POLICE",)),
    ],
)  # fmt: skip
def test_other_schools_wait_for_the_team_and_the_police(
    facts: dict[str, Any], state: str, needs: tuple[str, ...]
) -> None:
    found = gate("other_schools", concern_types=["other"], **facts)
    assert (found.state, found.needs) == (state, needs)


def test_case_facts_never_go_to_all_parents() -> None:
    agreed = {"est_agreed": "yes", "police_agreed": "yes", "police_investigation": "none"}
    assert gate("all_parents", case_facts_in_text="yes", **agreed).state == "DENY"
    assert gate("all_parents", concern_types=["cse"]).state == "HOLD"


def test_general_advice_about_no_incident_goes_out_from_a_template() -> None:
    found = gate("all_parents", case_facts_in_text="no", police_investigation="none")
    assert found.state == "ALLOW_TEMPLATE"
    assert gate("all_parents", case_facts_in_text="no").state == "HOLD"


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({"consent_unsafe": "no", "police_investigation": "none"}, "ALLOW_PERSON"),
        ({"consent_unsafe": "unknown", "police_investigation": "none"}, "HOLD_FOR_POLICE_CSC"),
        ({"consent_unsafe": "no"}, "HOLD_FOR_POLICE_CSC"),
        (
            {"consent_unsafe": "no", "police_investigation": "none", "concern_types": ["hba"]},
            "HOLD_FOR_POLICE_CSC",
        ),
    ],
)
def test_a_childs_own_parents_are_told_by_a_person_where_that_is_safe(
    facts: dict[str, Any], state: str
) -> None:
    assert gate("subject_parents", **{"concern_types": ["cyberbullying"], **facts}).state == state


def test_subject_access_and_courts_go_to_the_data_protection_officer() -> None:
    assert gate("sar").state == gate("public_authority_request").state == "REFER_DPO"


def test_without_a_request_there_is_no_gate_and_a_denial_takes_no_route_away() -> None:
    where = Authorities(home="886")
    harm = {"harm_level": "suspected_significant", "concern_types": ["physical"]}
    silent = POLICY.decide(harm, received_at=AT, authorities=where)
    denied = POLICY.decide(
        {**harm, "disclosure_request": "website_social"}, received_at=AT, authorities=where
    )
    assert silent.gate is None
    assert {a.route for a in silent.actions} <= {a.route for a in denied.actions}
