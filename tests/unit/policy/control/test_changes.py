"""What a change takes away and adds, in words that name the rule and the facts."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from shared.policy import Authorities, Policy, load_policy
from shared.policy.control.changes import gains, losses
from shared.policy.control.structure import Packs
from shared.policy.load import PACKS, load_local, load_national
from shared.policy.schema import Raw
from tests.unit.policy.packs import HEAD, RULE

SINCE = date(2026, 11, 24)
CONTACTS = """\
contacts:
  MASH: {channel: QUEUE, phone: 01632 960100, checked_on: "2026-11-01", source: project}
withdraw: [manage_in_school]
settings:
  call_back_minutes: {value: 5, says: "", basis: ""}
"""
PACK = HEAD + CONTACTS + RULE
Made = Callable[[str], Packs]


@pytest.fixture
def made(tmp_path: Path) -> Made:
    def make(text: str) -> Packs:
        built_in = load_policy()
        file = tmp_path / "testshire.yaml"
        file.write_text(text)
        local = load_local(file, built_in.schema, built_in.national)
        return Packs(built_in.schema, built_in.national, {local.authority: local})

    return make


CHANGES = [
    ("HOURS(1)", "HOURS(2)", "TST-NEG-01: lost MASH P1 by HOURS(1)"),
    ("priority: P1", "priority: P2", "TST-NEG-01: lost MASH P1 by HOURS(1)"),
    ("  - {route: HEALTH, priority: P2, by: WD(1)}\n", "", "lost HEALTH P2 by WD(1)"),
    ("age_years: under 2", "age_years: under 1", "age: 1"),
    ("manage_in_school", "", "lost the refusal of manage_in_school"),
    ("channel: QUEUE", "channel: PORTAL", "lost the queue for MASH"),
    ("value: 5", "value: 10", "lost call_back_minutes of 5"),
    ("platform: yes", "platform: no", "lost its teams' queues here"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "says"), CHANGES)
def test_what_a_pack_asks_less_is_lost_and_the_other_way_round_gained(
    made: Made, before: str, after: str, says: str
) -> None:
    old, new = made(PACK), made(PACK.replace(before, after))
    lost = losses(old, new, SINCE)
    assert any(says in change.says for change in lost), [change.says for change in lost]
    assert all(change.pack == "testshire" for change in lost)
    gained = gains(new, old, SINCE)
    assert [change.what for change in gained] == [change.what for change in lost]
    assert gains(old, new, SINCE) == losses(new, old, SINCE) == []


def test_the_same_pack_in_other_words_loses_nothing(made: Made) -> None:
    other = PACK.replace("The youngest cannot wait.", "Infants are at most risk.")
    other = other.replace("  when:", "  # why\n  when:").replace("TST-NEG-01", "TST-NEG-77")
    assert losses(made(PACK), made(other), SINCE) == []


def test_what_the_national_rules_ask_anyway_is_no_loss(made: Made) -> None:
    danger = PACK.replace("HEALTH", "POLICE_999")
    for before, after in (
        ("concern_types: neglect, age_years: under 2", "immediate_danger: yes"),
        ("concern_types: [neglect], age_years: 1", "immediate_danger: yes"),
        ("concern_types: [neglect], age_years: 2", "immediate_danger: no"),
    ):
        danger = danger.replace(before, after)
    old = made(danger)
    lost = {change.what for change in losses(old, made(HEAD + CONTACTS), SINCE)}
    assert not any(what.startswith("POLICE_999") for what in lost)


def test_a_pack_that_goes_takes_its_rules_contacts_and_refusals_along(made: Made) -> None:
    built_in = load_policy()
    alone = Packs(built_in.schema, built_in.national, {})
    lost = {change.what for change in losses(made(PACK), alone, SINCE)}
    assert {"the contact for MASH", "the refusal of manage_in_school"} <= lost
    assert any(what.startswith("HEALTH") for what in lost)


def test_a_rule_that_ends_earlier_is_lost_from_that_day(made: Made) -> None:
    ended = PACK.replace("  when:", "  in_force: {from: 2026-09-01, to: 2026-12-31}\n  when:")
    old = made(PACK)
    assert losses(old, made(ended), SINCE) != []
    assert losses(made(ended), made(ended), SINCE) == []
    assert losses(made(ended), old, SINCE) == []


def test_in_a_lost_region_the_decision_really_is_lower(made: Made) -> None:
    old, new = made(PACK), made(PACK.replace("age_years: under 2", "age_years: under 1"))
    where, at = Authorities("341", None, "341"), datetime(2026, 11, 25, 10, tzinfo=UTC)

    def routes(packs: Packs, age: int) -> set[str]:
        facts: dict[str, Raw] = {"concern_types": ["neglect"], "age_years": age}
        decided = Policy(packs.schema, packs.national, packs.locals, ()).decide(
            facts, received_at=at, authorities=where
        )
        return {action.route for action in decided.actions}

    assert "HEALTH" in routes(old, 1) - routes(new, 1)
    assert routes(old, 0) == routes(new, 0)


def test_a_region_s_id_changes_with_its_words(made: Made) -> None:
    old = made(PACK)
    first, *_ = losses(old, made(PACK.replace("HOURS(1)", "HOURS(2)")), SINCE)
    same, *_ = losses(old, made(PACK.replace("HOURS(1)", "HOURS(9)")), SINCE)
    other, *_ = losses(old, made(PACK.replace("under 2", "under 1")), SINCE)
    assert first.region == same.region
    assert first.region != other.region


def national(*changes: tuple[str, str]) -> Packs:
    text = (PACKS / "national.yaml").read_text()
    for before, after in changes:
        assert before in text, before
        text = text.replace(before, after)
    built_in = load_policy()
    return Packs(
        built_in.schema, load_national(text.encode(), "national.yaml", built_in.schema), {}
    )


def test_a_looser_gate_and_a_lost_duty_are_told_apart_from_the_rules() -> None:
    built_in = load_policy()
    old = Packs(built_in.schema, built_in.national, {})
    needed = (
        "      POLICE: {while: {police_investigation: [live, unknown]}, until: police_agreed}\n"
    )
    new = national((needed, ""))
    lost = losses(old, new, SINCE)
    assert {change.rule for change in lost} == {"gate"}
    assert any(change.what == "the need of POLICE before telling all_parents" for change in lost)
    assert any("police investigation: " in change.where for change in lost)
    assert losses(new, old, SINCE) == []
    duty = replace(built_in.national.duties[0], open=(), clock="")
    fewer = replace(built_in.national, duties=(duty, *built_in.national.duties[1:]))
    told = losses(old, replace(old, national=fewer), SINCE)
    assert {change.rule for change in told} == {duty.id}
