"""`handrail policy prove` and `mutate`, as a policy officer and a build use them."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from handrail.policy_cli import policy_app
from shared.policy.load import PACKS


def run(*args: str) -> tuple[int, str]:
    result = CliRunner().invoke(policy_app, list(args))
    return result.exit_code, result.output


def test_the_profile_for_every_commit_says_that_all_promises_hold() -> None:
    code, said = run("prove", "--fast", "--as-of", "2026-11-25")
    assert code == 0, said
    assert "every promise holds" in said


def test_one_kind_of_concern_is_proved_by_both_with_its_counts() -> None:
    code, said = run("prove", "--type", "bereavement", "--json", "--as-of", "2026-11-25")
    assert code == 0, said
    told = json.loads(said)
    assert told["holds"]
    assert told["engine"] == "both"
    assert int(told["combinations"]) > 10**30


def test_a_pack_that_breaks_a_duty_is_told_with_its_place_and_an_example(tmp_path: Path) -> None:
    text = (PACKS / "national.yaml").read_text()
    at = text.index("- id: NAT-FGM-01\n")
    narrowed = text[at:].replace("age_at_discovery: under 18", "age_at_discovery: under 16", 1)
    (tmp_path / "national.yaml").write_text(text[:at] + narrowed)
    line = text[:at].count("\n") + 1
    code, said = run("prove", "--fast", "--packs", str(tmp_path), "--as-of", "2026-11-25")
    assert code == 1
    assert "FAILED D-FGM-01 (national): A teacher whom a girl under 18 tells of FGM" in said
    assert "FGM Act 2003 s.5B(1)-(5)" in said
    assert "age when it came to light: 16 to 17" in said
    assert f"nearest rule NAT-FGM-01 (national.yaml:{line})" in said


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("--exhaustive", "--smt"), "choose one of"),
        (("--type", "nonsense"), "no kind of concern `nonsense`"),
        (("--as-of", "today"), "--as-of is no date"),
        (("--promises", "nowhere.yaml"), "the duty register cannot be read"),
    ],
)
def test_a_wrong_option_is_told_in_words(args: tuple[str, ...], says: str) -> None:
    code, said = run("prove", *args)
    assert code == 1
    assert says in said


def test_without_z3_one_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "z3", None)
    code, said = run("prove", "--smt")
    assert code == 1
    assert "pip install 'handrail[prove]'" in said
    assert run("prove", "--fast", "--as-of", "2026-11-25")[0] == 0


def test_a_local_pack_that_is_left_out_fails_the_proof(tmp_path: Path) -> None:
    shutil.copy(PACKS / "national.yaml", tmp_path)
    (tmp_path / "broken.yaml").write_text("pack: broken\n")
    code, said = run("prove", "--fast", "--packs", str(tmp_path))
    assert code == 1
    assert "local pack left out: broken.yaml:1" in said


def test_mutants_are_counted_by_kind_and_by_who_notices() -> None:
    code, said = run("mutate", "--part", "120", "--seed", "1", "--json", "--as-of", "2026-11-25")
    assert code == 0, said
    told = json.loads(said)
    assert told["mutants"] == told["by_gate"] + len(told["pass_the_gate"])
    assert told["by_gate"] == told["weaker"] + told["thinner"]
    assert set(told["pass_the_gate"]) <= set(told["equivalent_or_stronger"])
    unnoticed = told["mutants"] - sum(kind["by_promises"] for kind in told["kinds"].values())
    assert len(told["no_promise_notices"]) == unnoticed
    assert sum(kind["mutants"] for kind in told["kinds"].values()) == told["mutants"]
    assert told["survive_and_are_weaker"] == []
