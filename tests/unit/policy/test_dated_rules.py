"""A rule may have dates of its own: law that is enacted waits, and law that ends is history."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from shared.policy import Authorities, Policy
from tests.unit.policy.packs import HEAD, RULE, policy_with

NEGLECT: dict[str, Any] = {"concern_types": ["neglect"], "age_years": 1, "harm_level": "in_need"}


def policy_dated(directory: Path, in_force: str) -> Policy:
    dated = RULE.replace("  when:", f"  in_force: {in_force}\n  when:", 1)
    policy = policy_with(directory, HEAD + dated)
    assert policy.alarms == ()
    return policy


def fires(policy: Policy, at: str) -> bool:
    decision = policy.decide(
        NEGLECT,
        received_at=datetime.fromisoformat(at),
        authorities=Authorities(home="341", school="341"),
    )
    return any(r.rule == "TST-NEG-01" for a in decision.actions for r in a.because)


def test_a_rule_that_is_not_commenced_never_fires(tmp_path: Path) -> None:
    policy = policy_dated(tmp_path, "null")
    assert not fires(policy, "2026-11-25T10:00+00:00")
    assert not fires(policy, "2040-11-25T10:00+00:00")


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("2026-12-31T23:59+00:00", False),
        ("2027-01-01T00:00+00:00", True),
        ("2027-06-30T23:59+01:00", True),
        ("2027-07-01T00:00+01:00", False),
        ("2027-06-30T23:30+00:00", False),  # already July in London
    ],
)
def test_a_dated_rule_holds_from_its_first_day_to_its_last_in_london(
    tmp_path: Path, at: str, expected: bool
) -> None:
    policy = policy_dated(tmp_path, "{from: 2027-01-01, to: 2027-06-30}")
    assert fires(policy, at) is expected


@pytest.mark.parametrize(
    "in_force", ["soon", "{to: 2027-01-01}", "{from: 2027-01-01, to: 2026-01-01}"]
)
def test_dates_that_make_no_sense_are_refused(tmp_path: Path, in_force: str) -> None:
    dated = RULE.replace("  when:", f"  in_force: {in_force}\n  when:", 1)
    (alarm,) = policy_with(tmp_path, HEAD + dated).alarms
    assert "rule TST-NEG-01: `in_force`" in alarm
