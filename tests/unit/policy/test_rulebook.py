"""Every rule of the rulebook has its place: a pack, the program, or a reason why neither."""

import re
from itertools import groupby
from pathlib import Path

import pytest

from shared.policy import load_policy

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "reference" / "rulebook.md"
POLICY = load_policy()
NATIONAL = POLICY.national
# How many rules each chapter of the rulebook has: a row that is lost is noticed.
CHAPTERS = {
    "GEN": 12, "EMG": 8, "FGM": 16, "PRV": 8, "ONL": 14, "CCA": 8, "ADU": 16, "DAB": 8, "EXP": 6,
    "HBA": 5, "ATT": 10, "ERL": 10, "LAC": 9, "ESC": 6, "CON": 8, "NDI": 16, "EST": 3, "REC": 9,
    "AUD": 8, "XBR": 4, "DQ": 13, "LAW": 5,
}  # fmt: skip
ROW = re.compile(r"\| (R-[A-Z]+-\d\d) \| ([^|]+) \| ([^|]+) \| ([^|]*)\|")


def rows() -> dict[str, tuple[list[str], str]]:
    found = {}
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if match := ROW.fullmatch(line):
            found[match[1]] = re.findall(r"`([^`]+)`", match[3]), match[4].strip()
    return found


def pack_rules() -> dict[str, str]:
    """Each rule and duty of the packs, and the rule of the rulebook that it says it comes from."""
    found = {entry.rule.id: entry.rule.rule for entry in NATIONAL.stand_ins}
    for pack in (NATIONAL, *POLICY.locals.values()):
        found |= {rule.id: rule.rule for rule in pack.rules}
        found |= {duty.id: duty.rule for duty in pack.duties}
    return found


def exists(kind: str, name: str) -> bool:
    contacts = {code for pack in POLICY.locals.values() for code in pack.contacts}
    known = {
        "gate": NATIONAL.gate, "setting": NATIONAL.settings, "route": NATIONAL.routes,
        "fact": POLICY.schema.facts, "contact": contacts,
        "clock": {track.name for track in NATIONAL.tracks},
    }  # fmt: skip
    return (ROOT / name).exists() if kind == "code" else name in known[kind]


def test_every_rule_of_the_rulebook_is_listed() -> None:
    families = groupby(sorted(rows()), key=lambda name: name.split("-")[1])
    assert {family: len(list(names)) for family, names in families} == CHAPTERS


@pytest.mark.parametrize("name", sorted(rows()))
def test_a_rule_of_the_rulebook_has_its_place_or_a_reason_why_not(name: str) -> None:
    where, note = rows()[name]
    assert where or note
    rules = pack_rules()
    for place in where:
        kind, _, rest = place.partition(":")
        assert place in rules or (place == "ladder" and NATIONAL.ladder) or exists(kind, rest), (
            place
        )


def test_every_rule_of_a_pack_is_listed_under_the_rule_it_comes_from() -> None:
    listed = rows()
    lost = {id_: rule for id_, rule in pack_rules().items() if id_ not in listed[rule][0]}
    assert lost == {}
