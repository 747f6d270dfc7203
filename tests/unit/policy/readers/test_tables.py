"""The decision tables leave no rule out, and a cell says what the rule asks."""

import csv
import io
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from handrail.policy_cli import policy_app
from shared.policy import load_policy
from shared.policy.grammar import Match
from shared.policy.readers.html import table_pages
from shared.policy.readers.markdown import csv_of, documents, drift
from shared.policy.readers.tables import DecisionTable, tables
from shared.policy.readers.words import needs_words

POLICY = load_policy()
RUN = CliRunner()
ALL = {table.name: table for table in tables(POLICY)}
PACKS = (POLICY.national, *POLICY.locals.values())


def row_ids(table: DecisionTable) -> set[str]:
    return {row.rule.id for row in table.rows}


def test_every_rule_stands_in_a_table_and_every_kind_of_concern_has_one() -> None:
    assert {*POLICY.schema["concern_types"].values, "unknown", "any"} == ALL.keys()
    shown = set().union(*(row_ids(table) for table in ALL.values()))
    assert shown == {rule.id for pack in PACKS for rule in pack.rules}


def test_a_table_has_only_the_columns_its_rules_look_at() -> None:
    for table in ALL.values():
        for index in range(len(table.columns)):
            assert any(row.cells[index] for row in table.rows)


def test_a_cell_says_a_range_a_tick_or_the_values() -> None:
    fgm = ALL["fgm"]
    said = {
        head: {row.cells[index] for row in fgm.rows} for index, head in enumerate(fgm.heads)
    }  # fmt: skip
    assert "under 18" in said["age when it came to light"]
    assert "✓ yes" in said["learnt in the course of teaching work"]
    assert "told by the child" in said["how it is known"]


@pytest.mark.parametrize(
    ("fact", "accepts", "said"),
    [
        ("age_years", set(range(18, 121)), "18 or over"),
        ("age_years", {*range(5, 10), "unknown"}, "5 to 9 or not known"),
        ("age_years", {3}, "3"),
        ("weapon", {"yes", "unknown"}, "yes or not known"),
        ("concern_types", {"fgm", "hba"}, "FGM or honour-based abuse"),
    ],
)
def test_a_test_is_said_as_people_say_it(fact: str, accepts: set[str | int], said: str) -> None:
    assert needs_words(Match(fact, frozenset(accepts)), POLICY.schema[fact]) == said


def test_local_rules_are_marked_with_their_authority() -> None:
    marked = {row.rule.id: row.local for table in ALL.values() for row in table.rows if row.local}
    assert marked.keys() == {r.id for pack in POLICY.locals.values() for r in pack.rules}


def test_each_row_leads_to_its_rule_and_each_source_to_the_sources() -> None:
    files = documents(POLICY)
    for name, text in files.items():
        for target in text.split("](rules.md#")[1:]:
            rule = target.split(")")[0]
            assert f"\n### {rule.upper()}\n" in files["rules.md"], name
        for target in text.split("](sources.md#")[1:]:
            assert f"\n## {target.split(')')[0]}\n" in files["sources.md"], name


def test_every_clock_after_a_concern_is_told_with_what_starts_it() -> None:
    told = documents(POLICY)["clocks.md"]
    for pack in PACKS:
        for duty in pack.duties:
            assert f"| {duty.id}" in told
            assert duty.starts.replace("_", " ") in told


def test_the_csv_has_a_line_a_row_of_as_many_cells_as_its_head() -> None:
    for table in ALL.values():
        read = list(csv.reader(io.StringIO(csv_of(table))))
        assert len(read) == len(table.rows) + 1
        assert {len(line) for line in read} == {len(read[0])}


def test_web_pages_link_to_nothing_that_is_not_there() -> None:
    files = table_pages(POLICY)
    for text in files.values():
        for link in text.split('href="')[1:]:
            name, _, place = link.split('"')[0].partition("#")
            assert name in files
            assert not place or f'id="{place}"' in files[name]


def test_what_drifted_is_named() -> None:
    wanted = documents(POLICY)
    assert drift(POLICY, wanted) == []
    stale = {**wanted, "fgm.md": "other", "old.md": ""}
    del stale["neglect.csv"]
    assert drift(POLICY, stale) == [
        "neglect.csv is missing",
        "old.md is no rule's any more",
        "fgm.md does not say what the packs say",
    ]


def test_rendering_writes_checks_and_never_touches_files_of_others(tmp_path: Path) -> None:
    place = tmp_path / "rules"
    assert RUN.invoke(policy_app, ["render", str(place)]).exit_code == 0
    assert RUN.invoke(policy_app, ["render", str(place), "--check"]).exit_code == 0
    (place / "fgm.csv").write_text("rule,way,pack,changed")
    told = RUN.invoke(policy_app, ["render", str(place), "--check"])
    assert told.exit_code == 1
    assert "fgm.csv does not say what the packs say" in told.output
    (place / "README.md").write_text("mine")
    told = RUN.invoke(policy_app, ["render", str(place)])
    assert told.exit_code == 1
    assert "was not written by this command" in told.output
    assert (place / "README.md").read_text() == "mine"


def test_an_explanation_is_one_html_file_of_its_own(tmp_path: Path) -> None:
    body = tmp_path / "body.json"
    body.write_text(json.dumps({"school": {"urn": "999001"}, "facts": {"concern_types": ["fgm"]}}))
    told = RUN.invoke(
        policy_app, ["explain", str(body), "--at", "2026-11-20T14:00:00+00:00", "--html",
                     "--why-not", "LADO"],
    )  # fmt: skip
    assert told.exit_code == 0
    assert told.output.startswith("<!DOCTYPE html>")
    assert "not taken; the nearest rule is NAT-ADU-01" in told.output
    assert "//" not in told.output.split("</style>")[0]
