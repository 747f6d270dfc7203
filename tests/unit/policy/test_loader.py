"""What an author is told, and what no pack may say."""

from pathlib import Path

import pytest

from shared.policy import PolicyError, load_policy
from shared.policy.examples import failures, never_applies
from shared.policy.load import PACKS
from tests.unit.policy.packs import HEAD, RULE, policy_with


def complaint(directory: Path, before: str, after: str) -> str:
    """The one alarm that a changed rule of a local pack raises."""
    assert before in RULE
    policy = policy_with(directory, HEAD + RULE.replace(before, after))
    assert policy.locals == {}
    assert len(policy.alarms) == 1
    return policy.alarms[0].removeprefix("local pack left out: ")


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("age_years: under 2", "age: under 2", "there is no fact `age`"),
        ("concern_types: neglect", "concern_types: neglected", "has no value 'neglected'"),
        ("age_years: under 2}", "age_years: below 2}", "write a number, `under N`"),
        ("age_years: under 2}", "age_years: under 0}", "give at least one"),
        ("{concern_types: neglect,", "{not: {concern_types: neglect},", "name the members meant"),
        (
            "when: {concern_types: neglect, age_years: under 2}",
            "when: {all: [{concern_types: neglect}, {concern_types: cse}]}",
            "together need a marker fact",
        ),
        ("when: {concern_types: neglect, age_years: under 2}", "when: age > 2", "`when` must be"),
        ("route: MASH", "route: PRESS", "there is no route `PRESS`"),
        ("priority: P1", "priority: P7", "there is no priority `P7`"),
        ("by: HOURS(1)", "by: one hour", "there is no clock `one hour`"),
        ("by: HOURS(1)}", "by: HOURS(1), else: DSL}", "cannot hold else"),
        ("because: The youngest cannot wait.", "because: ''", "`because` is missing"),
        ("source: project", "source: somewhere", "unknown source `somewhere`"),
        (", tag: D", "", "needs a confidence tag"),
        ("    no_match:\n    - {concern_types: [neglect], age_years: 2}\n", "", "`no_match`"),
        ("  because:", "  override: NAT-GEN-04\n  because:", "cannot hold override"),
        ("  because:", "  permit: [manage_in_school]\n  because:", "a local pack cannot permit"),
        ("  because:", "  forbid: [speak]\n  because:", "there is no prohibition `speak`"),
        ("id: TST-NEG-01", "id: NAT-GEN-04", "no local pack replaces a national rule"),
        ("{concern_types: [neglect], age_years: 1}", "{colour: red}", "which is no fact"),
    ],
)
def test_a_rule_outside_the_grammar_is_refused_with_its_place(
    tmp_path: Path, before: str, after: str, says: str
) -> None:
    told = complaint(tmp_path, before, after)
    assert told.startswith("testshire.yaml:")
    assert told.split(":")[1].isdigit()
    named = "NAT-GEN-04" if after.startswith("id:") else "TST-NEG-01"
    assert f"rule {named}: " in told
    assert says in told


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        ("gate: {}\n", "`gate` is not a part of this pack"),
        ("routes: {}\n", "`routes` is not a part of this pack"),
        ("withdraw: [sleep]\n", "there is no permission `sleep`"),
        ("settings: {p1_unclaimed_minutes: {value: 60}}\n", "longer than the national one"),
        ("settings: {naps: {value: 1}}\n", "there is no setting `naps`"),
        ("contacts: {POLICE_999: {channel: PORTAL}}\n", "has no local contact"),
        ("contacts: {MASH: {channel: PORTAL}}\n", "needs channel, checked_on and source"),
        ("tracks: {LA_DECISION: {route: NOBODY, by: HOURS(24)}}\n", "there is no route `NOBODY`"),
        ("rules: [\n", "this is not valid YAML"),
    ],
)
def test_a_local_pack_may_only_add_tighten_withdraw_and_set_contacts(
    tmp_path: Path, extra: str, says: str
) -> None:
    policy = policy_with(tmp_path, HEAD + extra)
    assert policy.locals == {}
    assert says in policy.alarms[0]


def test_a_broken_national_pack_is_an_error(tmp_path: Path) -> None:
    text = (PACKS / "national.yaml").read_text()
    (tmp_path / "national.yaml").write_text(text.replace("by: CLOSE_NEXT_WD", "by: SOMETIME", 1))
    with pytest.raises(PolicyError, match=r"national\.yaml:\d+: rule NAT-FGM-01: .*SOMETIME"):
        load_policy(tmp_path)


def test_a_public_audience_can_only_be_denied(tmp_path: Path) -> None:
    text = (PACKS / "national.yaml").read_text()
    allowed = text.replace("  press:\n    state: DENY", "  press:\n    state: ALLOW_TEMPLATE")
    assert allowed != text
    (tmp_path / "national.yaml").write_text(allowed)
    with pytest.raises(PolicyError, match="public: it can only be DENY"):
        load_policy(tmp_path)


def test_the_built_in_packs_load_without_an_alarm() -> None:
    policy = load_policy()
    assert policy.alarms == ()
    assert set(policy.locals) == {"821", "886", "926"}


def test_every_example_of_every_rule_comes_out_as_written() -> None:
    assert list(failures(load_policy())) == []


def test_no_rule_contradicts_itself() -> None:
    policy = load_policy()
    assert not [rule.id for rule in policy.national.rules if never_applies(rule, policy)]


def test_every_prohibition_permission_route_and_source_is_used_by_name() -> None:
    policy = load_policy()
    national = policy.national
    rules = [*national.rules, *(entry.rule for entry in national.stand_ins)]
    rules += [rule for pack in policy.locals.values() for rule in pack.rules]
    forbidden = {code for rule in rules for code in rule.forbids}
    forbidden |= {code for duty in national.duties for code in duty.forbids}
    assert forbidden == set(national.prohibitions)
    assert {code for rule in rules for code in rule.permits} == set(national.permissions)


def test_no_is_a_word(tmp_path: Path) -> None:
    policy = policy_with(tmp_path, HEAD.replace("platform: yes", "platform: no"))
    assert policy.alarms == ()
    assert not policy.on_platform("341")
