"""A back-test finds every decision that a change would flip, and says how."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from shared.policy import Authorities, Policy
from shared.policy.control.backtest import back_test, concern_of, differences
from shared.policy.control.basis import Basis
from tests.unit.policy.facts import facts as any_facts
from tests.unit.policy.facts import moments
from tests.unit.policy.packs import HEAD, RULE, policy_with

FIXTURES = [HealthCheck.function_scoped_fixture]
AT = datetime(2026, 11, 25, 10, tzinfo=UTC)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Policy, Policy]:
    slower = RULE.replace("HOURS(1)", "HOURS(4)").replace("priority: P2", "priority: P3")
    other = slower + RULE.replace("rules:\n", "").replace("TST-NEG-01", "TST-NEG-02").replace(
        "concern_types: neglect, age_years: under 2", "concern_types: absence"
    ).replace("concern_types: [neglect], age_years: 1", "concern_types: [absence]").replace(
        "concern_types: [neglect], age_years: 2", "concern_types: [neglect]"
    ).replace("  require:", "  forbid: [tell_family]\n  require:")
    place = tmp_path_factory
    return (
        policy_with(place.mktemp("old"), HEAD + RULE),
        policy_with(place.mktemp("new"), HEAD + other),
    )


def concern(facts: dict[str, object], la: str = "341", at: datetime = AT) -> Basis:
    return Basis(facts, at, None, "", Authorities(la, None, la))


def test_it_counts_what_would_have_been_decided_otherwise(pair: tuple[Policy, Policy]) -> None:
    infant = concern({"concern_types": ["neglect"], "age_years": 1})
    result = back_test(*pair, [infant, concern({"concern_types": ["physical"]}), infant])
    assert (result.concerns, result.flipped, result.evaluations) == (3, 2, 6)
    assert result.flips["HEALTH: P2 becomes P3"] == 2
    assert result.examples["HEALTH: P2 becomes P3"] == [1, 3]


def test_prohibitions_and_routes_that_are_gained_are_told(pair: tuple[Policy, Policy]) -> None:
    result = back_test(*pair, [concern({"concern_types": ["absence"], "age_years": 9})])
    assert "gained: HEALTH P2" in result.flips
    assert "gained: prohibition tell_family" in result.flips


def test_another_authority_s_concerns_are_not_touched(pair: tuple[Policy, Policy]) -> None:
    result = back_test(*pair, [concern({"concern_types": ["neglect"], "age_years": 1}, "821")])
    assert result.flipped == 0


def test_the_same_packs_flip_nothing(pair: tuple[Policy, Policy]) -> None:
    assert back_test(pair[0], pair[0], [concern({"concern_types": ["neglect"]})]).flipped == 0


@settings(max_examples=150, deadline=None, suppress_health_check=FIXTURES)
@given(facts=any_facts(), at=moments)
def test_what_it_does_not_look_at_twice_could_not_have_differed(
    pair: tuple[Policy, Policy], facts: dict[str, object], at: datetime
) -> None:
    each = concern(facts, at=at)
    full = [
        policy.outcome(each.facts, received_at=at, authorities=each.authorities) for policy in pair
    ]
    assert dict.fromkeys(differences(*full), 1) == dict(back_test(*pair, [each]).flips)


def test_a_line_of_an_export_reads_back(tmp_path: Path) -> None:
    line = {"facts": {"age_years": 3}, "received_at": str(AT), "authorities": ["341", None, None]}
    each = concern_of(json.loads(json.dumps(line)))
    assert each.received_at - AT == timedelta(0)
    assert each.authorities == Authorities("341", None, None)
