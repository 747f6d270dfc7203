"""`handrail policy` as a person or a script runs it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from handrail.policy_cli import policy_app
from shared.policy import load_policy
from tests.unit.policy.packs import HEAD, RULE, policy_with

RUN = CliRunner()
BODY = {
    "school": {"urn": "999001"},
    "reporter": {"role": "teacher", "does_teaching_work": True},
    "children": [{"ref": "child-1", "home_la": "821", "facts": {"age_years": 14}}],
    "facts": {
        "concern_types": ["fgm"],
        "knowledge_basis": "told_by_the_child",
        "immediate_danger": "no",
    },
}
AT = "2026-11-20T14:00:00+00:00"


@pytest.fixture
def body(tmp_path: Path) -> str:
    path = tmp_path / "body.json"
    path.write_text(json.dumps(BODY))
    return str(path)


def run(*words: str, code: int = 0) -> str:
    result = RUN.invoke(policy_app, list(words))
    assert result.exit_code == code, result.output
    return result.output


def test_the_built_in_packs_pass_their_own_check_and_examples() -> None:
    assert "no problem found" in run("check")
    assert "all as written" in run("test")


def test_the_defaults_for_sign_off_are_listed() -> None:
    told = run("defaults")
    assert "p0_unconfirmed_minutes = 2" in told
    assert "NAT-EXP-06R = under 13" in told
    assert "kent: MASH = 09:00 to 17:00" in told
    assert "end_of_working_day = 17:00" in told


def test_the_defaults_for_sign_off_hold_every_rule_that_rests_on_one() -> None:
    listed = {each["name"] for each in json.loads(run("defaults", "--json"))}
    policy = load_policy()
    for pack in (policy.national, *policy.locals.values()):
        assert {rule.id for rule in pack.rules if "D" in rule.tags} <= listed
        assert set(pack.settings) <= listed


def test_a_body_is_explained_as_json(body: str) -> None:
    decision = json.loads(run("explain", body, "--at", AT, "--la", "821", "--json"))
    report = next(a for a in decision["actions"] if a["route"] == "POLICE_101")
    assert report["by"] == "2026-11-23T17:00:00+00:00"
    assert report["hard_by"] == "2026-12-20T14:00:00+00:00"
    assert report["owner"] == "the teacher personally"


def test_a_body_is_explained_in_words(body: str) -> None:
    text = run("explain", body, "--at", AT)
    assert "the teacher personally" in text
    assert "FGM Act 2003 s.5B(1)-(5)" in text


def test_why_a_route_was_not_taken(body: str) -> None:
    text = run("explain", body, "--at", AT, "--why-not", "POLICE_999")
    assert "not taken; the nearest rule is" in text
    told = json.loads(run("explain", body, "--at", AT, "--why-not", "POLICE_999", "--json"))
    assert told["taken"] is False
    assert "there is no route" in run("explain", body, "--why-not", "PRESS", code=1)


def test_several_children_are_explained_one_by_one(tmp_path: Path) -> None:
    children = [{"ref": "a", "home_la": "821"}, {"ref": "b", "home_la": "886"}]
    path = tmp_path / "body.json"
    path.write_text(json.dumps({**BODY, "children": children}))
    found = json.loads(run("explain", str(path), "--at", AT, "--json"))
    assert [decision["pack"][1]["id"] for decision in found] == ["luton", "kent"]


@pytest.mark.parametrize("at", ["yesterday", "2026-11-20T14:00:00"])
def test_an_instant_without_an_offset_is_refused(body: str, at: str) -> None:
    assert "2026-11-25T10:00:00+00:00" in run("explain", body, "--at", at, code=1)


def test_what_is_wrong_with_a_pack_is_said_with_its_place(tmp_path: Path) -> None:
    policy_with(tmp_path, HEAD + RULE.replace("age_years: under 2}", "age_years: under two}"))
    told = run("check", "--packs", str(tmp_path), code=1)
    assert "testshire.yaml:" in told
    assert "rule TST-NEG-01" in told
    assert "national.yaml cannot be read" in run("check", "--packs", str(tmp_path / "x"), code=1)


def test_an_example_that_fails_and_a_rule_that_never_applies_are_found(tmp_path: Path) -> None:
    wrong = RULE.replace("age_years: 1}", "age_years: 5}")
    policy_with(tmp_path, HEAD + wrong)
    assert "should apply and does not" in run("test", "--packs", str(tmp_path), code=1)
    never = RULE.replace(
        "when: {concern_types: neglect, age_years: under 2}",
        "when: {all: [{age_years: under 2}, {age_years: 5 or over}]}",
    )
    policy_with(tmp_path, HEAD + never)
    assert "never applies" in run("check", "--packs", str(tmp_path), code=1)


def test_a_body_that_is_no_json_says_so_and_nothing_of_it(tmp_path: Path) -> None:
    path = tmp_path / "body.json"
    path.write_text("{secret")
    told = run("explain", str(path), code=1)
    assert "cannot be read" in told
    assert "secret" not in told


def test_the_page_of_facts_is_as_the_schema_says() -> None:
    page = Path(__file__).parents[3] / "docs" / "reference" / "facts.md"
    assert page.read_text(encoding="utf-8") == run("vocabulary")
