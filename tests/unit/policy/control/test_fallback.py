"""There is always a policy: what cannot be used gives way to what was signed last."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.policy import Policy
from shared.policy.control.dated import DatedPolicies
from shared.policy.control.ledger import APPROVERS, LOCK, weaknesses
from shared.policy.control.opening import open_packs
from shared.policy.load import PACKS
from tests.unit.policy.control.desk import LATER, LOCAL, Desk
from tests.unit.policy.packs import HEAD, RULE

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
LA = "341"


def versions(policies: DatedPolicies, at: datetime = NOW) -> dict[str, str]:
    policy = policies.at(at)
    return {pack.ref.id: pack.ref.version for pack in (policy.national, *policy.locals.values())}


def only_trouble(policies: DatedPolicies) -> tuple[str, str, str]:
    (trouble,) = policies.troubles(NOW)
    return trouble.pack, trouble.why, trouble.instead


def test_what_is_released_decides_and_is_no_trouble(desk: Desk) -> None:
    desk.release(LOCAL)
    policies = open_packs(desk.packs)
    assert versions(policies)["testshire"] == "1"
    assert policies.troubles(NOW) == ()
    assert policies.state(NOW)["signed"] is True


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        ("pack: testshire\n  version: 2\n", "testshire.yaml:2: this is not valid YAML"),
        (LATER.replace("concern_types: neglect,", "concern_type: neglect,"),
         "there is no fact `concern_type`"),
        (LATER.replace("in_force: {from: 2026-09-01}\n", ""), "`in_force` is missing"),
        (LATER.replace('  cite:\n  - {source: project, para: "", tag: D}\n', ""), "no citation"),
        (LATER.replace("age_years: under 2}", "all: [{age_years: 1}, {age_years: 9 or over}]}"),
         "its conditions exclude each other"),
    ],
    ids=["not YAML", "unknown fact", "undated", "uncited", "contradictory"],
)  # fmt: skip
def test_a_broken_draft_gives_way_to_its_last_signed_version(
    desk: Desk, broken: str, says: str
) -> None:
    desk.release(LOCAL)
    desk.write(broken)
    policies = open_packs(desk.packs)
    assert versions(policies)["testshire"] == "1"
    pack, why, instead = only_trouble(policies)
    assert (pack, instead) == ("testshire", "testshire 1 decides, as it was signed")
    assert why.startswith("testshire.yaml:")
    assert says in why


def test_a_sound_draft_that_nobody_signed_does_not_decide(desk: Desk) -> None:
    desk.release(LOCAL)
    desk.write(LATER)
    policies = open_packs(desk.packs)
    assert versions(policies)["testshire"] == "1"
    _, why, _ = only_trouble(policies)
    assert "changed since 1 was signed" in why
    assert "check, sign and release it" in why


def test_without_a_signed_version_the_national_rules_alone_decide(desk: Desk) -> None:
    desk.write(LOCAL)
    policies = open_packs(desk.packs)
    assert set(versions(policies)) == {"national"}
    assert only_trouble(policies)[2] == "the national rules alone decide there"


def test_a_broken_national_draft_gives_way_too(desk: Desk) -> None:
    desk.write("pack: national\n", "national")
    policies = open_packs(desk.packs)
    assert versions(policies)["national"] == desk.ledger.releases[0].statement.version
    assert only_trouble(policies)[1].startswith("national.yaml:1:")


def test_a_released_file_that_was_changed_gives_way_to_the_one_before(desk: Desk) -> None:
    desk.release(LOCAL)
    second = desk.release(LATER)
    desk.ledger.file_of(second).write_text(LATER.replace("P1", "P3"))
    policies = open_packs(desk.packs)
    assert versions(policies)["testshire"] == "1"
    assert "was changed since it was signed" in only_trouble(policies)[1]
    (told,) = weaknesses(desk.ledger, NOW.date())
    assert told.startswith("released.lock:1: testshire 2: released/testshire@2.yaml was changed")


def test_a_lock_that_cannot_be_read_leaves_the_packs_that_came_with_handrail(desk: Desk) -> None:
    (desk.packs / LOCK).write_text("{")
    policies = open_packs(desk.packs)
    assert {"national", "kent", "luton", "norfolk"} <= set(versions(policies))
    assert policies.troubles(NOW)[0].why.startswith("released.lock: this is no lock")


def test_a_directory_that_is_not_there_leaves_them_as_well(tmp_path: Path) -> None:
    policies = open_packs(tmp_path / "nowhere")
    assert "national" in versions(policies)
    assert policies.troubles(NOW)[0].instead == "the packs that came with Handrail decide"


def test_where_the_approvers_are_kept_elsewhere_the_directory_cannot_free_itself(
    desk: Desk, tmp_path: Path
) -> None:
    apart = tmp_path / "approvers.json"
    (desk.packs / APPROVERS).rename(apart)
    desk.write(LOCAL)
    assert set(versions(open_packs(desk.packs, apart))) == {"national"}


@pytest.mark.parametrize("wrong", ["forbid: [nothing_of_the_kind]\n", "- [\n"])
def test_a_directory_that_nobody_controls_is_read_as_it_stands(tmp_path: Path, wrong: str) -> None:
    (tmp_path / "national.yaml").write_bytes((PACKS / "national.yaml").read_bytes())
    (tmp_path / "testshire.yaml").write_text(HEAD + RULE)
    policies = open_packs(tmp_path)
    assert versions(policies)["testshire"] == "1"
    assert policies.state(NOW)["signed"] is False
    (tmp_path / "testshire.yaml").write_text(HEAD + wrong)
    policies = open_packs(tmp_path)
    assert set(versions(policies)) == {"national"}
    assert only_trouble(policies)[0] == "testshire"


def test_a_policy_is_compiled_once_for_all_services_of_a_process(desk: Desk) -> None:
    desk.release(LOCAL)
    first: Policy = open_packs(desk.packs).at(NOW)
    assert open_packs(desk.packs).at(NOW) is first
