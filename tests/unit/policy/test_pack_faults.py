"""Whatever is wrong with a pack, its author is told the file, the line and what to do, in words."""

import re
import shutil
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.policy import Policy, PolicyError, load_policy
from shared.policy.checks import problems, remarks
from shared.policy.load import PACKS, TEMPLATE, load_local, load_national
from shared.policy.packfile import Problems, read
from shared.policy.parts.gate import gate
from shared.policy.rules import Vocabulary
from tests.unit.policy.packs import HEAD, RULE, policy_with

TEXT = TEMPLATE.read_text(encoding="utf-8")
LINES = TEXT.splitlines()
# Lines that say something to the program.
SAID = [n for n, line in enumerate(LINES) if line.strip() and not line.lstrip().startswith("#")]
PLACE = re.compile(r"[a-z]+\.yaml:\d+: (rule [\w-]+: )?\S.{10,}", re.DOTALL)
# Words of the program that mean nothing to an author.
JARGON = re.compile(
    r"Traceback|Error\(|NoneType|attribute|CommentedMap|<class|unhashable|subscript|KeyError|'int'"
)
POLICY = load_policy()
ONE_DIRECTORY = [HealthCheck.function_scoped_fixture]  # each example writes the same file
FROM = "in_force: {from: 2026-09-01}"
LADDER = "ladder: {stages: [{school: us, authority: them}]}"
BABY = "{concern_types: neglect, age_years: under 2}"


def told(directory: Path, text: str) -> list[str]:
    """What the loader and the checks say about a local pack of this text; empty: nothing."""
    path = directory / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    try:
        pack = load_local(path, POLICY.schema, POLICY.national)
    except PolicyError as error:
        return list(error.problems)
    return list(problems(Policy(POLICY.schema, POLICY.national, {pack.authority: pack}, ())))


def test_the_template_loads_and_is_never_applied(tmp_path: Path) -> None:
    assert told(tmp_path, TEXT) == []
    assert "000" not in POLICY.locals
    pack = load_local(TEMPLATE, POLICY.schema, POLICY.national)
    teams = {code for code, route in POLICY.national.routes.items() if route.team}
    assert set(pack.contacts) == teams


def test_a_template_that_no_longer_loads_is_told_by_the_check(tmp_path: Path) -> None:
    text = (PACKS / "national.yaml").read_text(encoding="utf-8")
    changed = text.replace("  call_back_minutes:", "  ring_back_minutes:", 1)
    national = load_national(changed.encode(), "national.yaml", POLICY.schema)
    found = list(problems(Policy(POLICY.schema, national, {}, ())))
    assert any(line.startswith("template.yaml:") and "call_back_minutes" in line for line in found)


@settings(max_examples=80, deadline=None, suppress_health_check=ONE_DIRECTORY)
@given(
    st.sampled_from(SAID),
    st.sampled_from(
        ["", "nonsense", "nonsense: [1, 2]", "- 7", "x: {y: z}", "rules: 5", "contacts: [a]"]
    ),
)
def test_any_broken_line_is_answered_with_a_place_and_words(
    tmp_path: Path, number: int, instead: str
) -> None:
    indent = LINES[number][: len(LINES[number]) - len(LINES[number].lstrip())]
    text = "\n".join([*LINES[:number], indent + instead, *LINES[number + 1 :]])
    for line in told(tmp_path, text):
        assert PLACE.fullmatch(line), line
        assert not JARGON.search(line), line


@settings(max_examples=60, deadline=None, suppress_health_check=ONE_DIRECTORY)
@given(
    st.sampled_from([n for n in SAID if ":" in LINES[n]]),
    st.sampled_from(["", "5", "[]", "{}", "yes", "2026-01-01", "null", "[[1]]", "{a: {b: c}}"]),
)
def test_any_broken_value_is_answered_with_a_place_and_words(
    tmp_path: Path, number: int, value: str
) -> None:
    key = LINES[number].split(":", 1)[0]
    text = "\n".join([*LINES[:number], f"{key}: {value}", *LINES[number + 1 :]])
    for line in told(tmp_path, text):
        assert PLACE.fullmatch(line), line
        assert not JARGON.search(line), line


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ('authority: "000"', 'authority: "Kent"', "three-digit code"),
        ("extends: national", "extends: luton", "extends: national"),
        ("platform: no", "platform: maybe", "`platform` is yes or no, not `maybe`"),
        (FROM, "in_force: {from: 2026-09-01, to: 2026-01-01}", "ends before"),
        (FROM, "in_force: {}", "needs `from: YYYY-MM-DD`"),
        ('version: "1" ', 'version: "" ', "`version` is missing"),
        ("    channel: PHONE_ONLY", "    channel: FAX", "the channel is one of"),
        ('checked_on: "2026-11-21"', 'checked_on: "lately"', "the day it was last checked"),
        ("    phone: 01632 960100", "    note: ring them", "give its phone"),
        ("email: lado@example.org, ", "", "give its email"),
        ("portal: enquiry form, ", "", "give its portal or url or phone"),
        ("source: project", "source: hearsay", "unknown source `hearsay`"),
        ('from: "09:00", to: "17:00"', 'from: "17:00", to: "09:00"', "never open"),
        ("days: mon-fri", "days: weekdays", "hours are written"),
        ("value: 10", "value: ten", "a whole number"),
        ("value: 10", "value: 11", "longer than the national one"),
        ("by: WD(1)", "by: soon", "there is no clock `soon`"),
        ("from: 2026-09-02", "from: 2027-09-02", "in that order"),
        ("2026-11-27]", "2027-11-27]", "outside the days that are known"),
        ("2026-11-27]", "Friday]", "closed days are"),
        ("  authority:\n    from", "  our-school:\n    from", "neither `authority` nor"),
        ("withdraw: []", "withdraw: [rest]", "there is no permission `rest`"),
        ("age_years: 2}", "age_years: 1}", "both to match and not to"),
        (BABY, "{age_years: under 2, all: [{age_years: 3}]}", "exclude each other"),
        (BABY, f"{BABY}\n  in_force: {{from: 2020-01-01}}", "outside the pack's own"),
        ("rules:", f"{LADDER}\nrules:", "give each stage its days"),
        ("rules:", "duties:\n- {id: X, starts: birthday, examples: [1]}\nrules:", "is missing"),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_what_to_do(
    tmp_path: Path, before: str, after: str, says: str
) -> None:
    assert before in TEXT
    found = told(tmp_path, TEXT.replace(before, after, 1))
    assert any(says in line for line in found), found
    assert all(PLACE.fullmatch(line) for line in found)


def test_every_fault_of_a_pack_is_told_at_once(tmp_path: Path) -> None:
    text = TEXT.replace("value: 10", "value: 99").replace("by: HOURS(1)", "by: whenever")
    assert len(told(tmp_path, text)) == 2


def test_two_packs_of_one_authority_leave_the_second_out(tmp_path: Path) -> None:
    (tmp_path / "another.yaml").write_text(HEAD)
    policy = policy_with(tmp_path, HEAD + RULE)
    assert len(policy.locals) == 1
    (alarm,) = policy.alarms
    assert "already has another.yaml; keep one of the two" in alarm


NEEDS_EST = "EST: {until: est_agreed}"
GENERAL = "general: {case_facts_in_text: no, is_concern: no,"
BACK = "put that back"


@pytest.mark.parametrize(
    ("audience", "before", "after", "says"),
    [
        ("press", "state: DENY", "state: HOLD", "public: it can only be DENY"),
        ("foi", "state: DENY", "state: DENY\n    released: {to: ALLOW_TEMPLATE}", "public: it can"),
        ("all_parents", NEEDS_EST, "EST: {}", BACK),
        ("other_schools", NEEDS_EST, "EST: {until: est_agreed, while: {is_concern: yes}}", BACK),
        ("other_schools", "when: {case_facts_in_text: no}", "when: {police_agreed: yes}", BACK),
        ("other_schools", "to: ALLOW_TEMPLATE", "to: ALLOW_PERSON", BACK),
        ("all_parents", GENERAL, "general: {is_concern: no,", BACK),
        ("all_parents", GENERAL, "general: {case_facts_in_text: no,", BACK),
        ("subject_parents", "not_while: [tell_family, ", "not_while: [", "while tell_family holds"),
        ("subject_parents", "consent_unsafe: no}", "weapon: no}", "cannot look at `weapon`"),
        ("sar", "state: REFER_DPO", "state: ALLOW_PERSON", "no audience and state"),
    ],
)
def test_no_pack_opens_the_gate_further_than_its_floor(
    audience: str, before: str, after: str, says: str
) -> None:
    national = POLICY.national
    text = (PACKS / "national.yaml").read_text(encoding="utf-8")
    text = text[text.index("\ngate:\n") : text.index("\nrules:\n")]
    start = text.index(f"  {audience}:\n    state:")
    assert before in text[start : start + 900]
    changed = text[:start] + text[start:].replace(before, after, 1)
    words = Vocabulary(
        POLICY.schema,
        frozenset(national.routes),
        frozenset(national.owners),
        frozenset(national.prohibitions),
        frozenset(national.permissions),
        national.sources,
    )
    found = Problems("national.yaml")
    gate(read(changed.encode(), "national.yaml")[0], words, found)
    assert len(found.found) == 1
    assert says in found.found[0]
    assert PLACE.fullmatch(found.found[0])


def test_the_check_says_what_waits_what_is_old_and_what_has_run_out(tmp_path: Path) -> None:
    shutil.copy(PACKS / "national.yaml", tmp_path)
    shutil.copy(PACKS / "luton.yaml", tmp_path)
    said = "\n".join(remarks(load_policy(tmp_path), date(2028, 6, 1)))
    assert "NAT-LAW-01" in said
    assert "enacted and not in force" in said
    assert "the contact for MASH was last checked on 2026-11-21" in said
    assert "the school calendar of authority ended on 2026-11-30" in said
    assert "bank holidays are known to" in said
