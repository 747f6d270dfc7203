"""`handrail policy keys | sign | release | diff` as a policy officer types them."""

import json
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from handrail.policy_cli import policy_app
from shared.policy.control.ledger import read_ledger
from tests.unit.policy.control.desk import LATER, LOCAL, Desk

EVERY_TIME_999 = "route: POLICE_999, priority: P0, by: now"
CONTACTS = """\
contacts:
  MASH: {channel: PHONE_ONLY, phone: 01632 960100, checked_on: "2026-11-01", source: project}
"""
SLOWER = LATER.replace("HOURS(1)", "HOURS(4)")


@pytest.fixture
def keys(desk: Desk, tmp_path: Path) -> dict[str, Path]:
    """Two more approvers, who made their keys themselves."""
    found = {}
    for name in ("C. Brown", "D. White"):
        found[name] = tmp_path / f"{name[0]}.pem"
        run(desk, "keys", "new", name, "--out", str(found[name]))
    return found


def run(desk: Desk, *words: str, code: int = 0) -> str:
    result = CliRunner().invoke(policy_app, [*words, "--packs", str(desk.packs)])
    assert result.exit_code == code, result.output
    return result.output


def sign(desk: Desk, keys: dict[str, Path], name: str, code: int = 0) -> str:
    words = ("sign", "testshire", "--key", str(keys[name]), "--approver", name)
    return run(desk, *words, code=code)


def test_a_pack_goes_from_a_draft_to_a_release_that_two_signed(
    desk: Desk, keys: dict[str, Path]
) -> None:
    desk.write(LOCAL)
    assert "not signed yet" in run(desk, "check", code=1)
    assert "nobody has signed testshire" in run(desk, "release", "testshire", code=1)
    assert "2 approvers have to sign it, and 1 did" in sign(desk, keys, "C. Brown")
    assert "2 approvers have to sign it" in run(desk, "release", "testshire", code=1)
    assert "can be released" in sign(desk, keys, "D. White")
    assert "testshire 1 is released, in force from 2026-09-01" in run(desk, "release", "testshire")
    assert "no problem found" in run(desk, "check")
    assert (desk.packs / "released" / "testshire@1.yaml").read_text() == LOCAL
    assert not (desk.packs / "signing" / "testshire.json").exists()


def test_who_changes_a_pack_after_a_signature_has_it_signed_again(
    desk: Desk, keys: dict[str, Path]
) -> None:
    desk.write(LOCAL)
    sign(desk, keys, "C. Brown")
    desk.write(LOCAL.replace("The youngest", "Infants"))
    told = sign(desk, keys, "D. White")
    assert "has changed since C. Brown signed; ask them to sign again" in told
    assert "1 did" in told
    sign(desk, keys, "C. Brown")
    desk.write(LOCAL)
    assert "has changed since it was signed" in run(desk, "release", "testshire", code=1)


def test_a_weaker_pack_is_signed_once_two_people_accept_the_region(
    desk: Desk, keys: dict[str, Path]
) -> None:
    desk.release(LOCAL)
    desk.write(SLOWER)
    told = sign(desk, keys, "C. Brown", code=1)
    assert "nobody accepts it" in told
    pasted = told[told.index("- region") :].replace("[]", "[C. Brown, D. White]")
    pasted = pasted.replace("reason:", "reason: A trial").replace("expires:", "expires: 2099-12-31")
    (desk.packs / "signing" / "accepted.yaml").write_text(f"accepted:\n{pasted}")
    for name in keys:
        sign(desk, keys, name)
    run(desk, "release", "testshire")
    (accepted,) = read_ledger(desk.packs).releases[-1].statement.accepted
    assert (accepted.reason, accepted.expires) == ("A trial", "2099-12-31")


def test_a_promise_that_is_not_kept_stops_a_release_whoever_signed_it(
    desk: Desk, keys: dict[str, Path]
) -> None:
    desk.write(LOCAL.replace("route: MASH, priority: P1, by: HOURS(1)", EVERY_TIME_999))
    for name in keys:
        sign(desk, keys, name)
    told = run(desk, "release", "testshire", code=1)
    assert "POLICE_999" in told
    assert "No acceptance covers a promise" in told
    assert list(desk.ledger.usable("testshire")) == []


def test_a_key_opens_for_its_own_approver_alone(desk: Desk, keys: dict[str, Path]) -> None:
    desk.write(LOCAL)
    swapped = dict(zip(keys, reversed(keys.values()), strict=True))
    assert "is not enrolled with this key" in sign(desk, swapped, "C. Brown", code=1)
    (desk.packs / "no.pem").write_text("no key")
    told = sign(desk, {"C. Brown": desk.packs / "no.pem"}, "C. Brown", code=1)
    assert "it is no private key" in told
    told = sign(desk, {"C. Brown": desk.packs / "none.pem"}, "C. Brown", code=1)
    assert "cannot be read" in told


def test_a_private_key_is_its_owners_alone_and_never_replaced(
    desk: Desk, keys: dict[str, Path]
) -> None:
    file = keys["C. Brown"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "never replaced" in run(desk, "keys", "new", "E", "--out", str(file), code=1)
    other = file.with_name("other.pem")
    assert "enrolled already" in run(desk, "keys", "new", "C. Brown", "--out", str(other), code=1)
    assert not other.exists()
    known = json.loads((desk.packs / "approvers.json").read_text())
    assert [entry["name"] for entry in known["approvers"]][-2:] == ["C. Brown", "D. White"]


def test_a_key_with_a_passphrase_asks_for_it(desk: Desk, tmp_path: Path) -> None:
    key, packs = tmp_path / "sealed.pem", str(desk.packs)
    made = ["keys", "new", "F. Green", "--out", str(key), "--passphrase", "--packs", packs]
    result = CliRunner().invoke(policy_app, made, input="a long one\na long one\n")
    assert result.exit_code == 0, result.output
    desk.write(LOCAL)
    signing = ["sign", "testshire", "--key", str(key), "--approver", "F. Green", "--packs", packs]
    assert CliRunner().invoke(policy_app, signing, input="a long one\n").exit_code == 0
    wrong = CliRunner().invoke(policy_app, signing, input="another\n")
    assert wrong.exit_code == 1
    assert "the passphrase is another" in wrong.output


def test_a_broken_pack_is_refused_with_its_line(desk: Desk, keys: dict[str, Path]) -> None:
    desk.write(LOCAL.replace("under 2", "under two"))
    assert "testshire.yaml:9: rule TST-NEG-01" in sign(desk, keys, "C. Brown", code=1)
    (desk.packs / "testshire.yaml").unlink()
    assert "testshire.yaml cannot be read" in sign(desk, keys, "C. Brown", code=1)


def test_a_difference_shows_five_regions_and_counts_the_rest(desk: Desk) -> None:
    desk.release(LOCAL)
    older = LATER.replace("under 2", "under 9").replace("age_years: 2}", "age_years: 9}")
    desk.write(older)
    told = run(desk, "diff", "released", str(desk.packs))
    assert "LOST: nothing" in told
    found = int(told.split("GAINED: ")[1].split()[0])
    assert found > 5
    assert told.count("[gained-") == 5
    assert f"and {found - 5} more; --all shows them" in told
    whole = run(desk, "diff", "released", str(desk.packs), "--all")
    assert whole.count("[gained-") == found
    assert "TST-NEG-01: HEALTH P2 by WD(1)" in whole
    assert "age: 2 to 8" in whole
    assert run(desk, "diff", "testshire@1", "testshire@1").count("nothing") == 4
    assert "there are: 1" in run(desk, "diff", "testshire@7", "testshire@1", code=1)
    assert "is no directory of packs" in run(desk, "diff", "released", "elsewhere", code=1)


def test_words_sources_and_numbers_that_change_are_shown_and_need_nobody(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = LOCAL + CONTACTS
    desk.release(text)
    for before, after in (
        ('version: "1"', 'version: "2"'), ("960100", "960199"), ('para: ""', "para: page 14"),
        ("title: Neglect of a child under two", "title: Neglect of an infant"),
    ):  # fmt: skip
        assert before in text
        text = text.replace(before, after)
    desk.write(text)
    monkeypatch.setenv("HANDRAIL_PACKS", str(desk.packs))  # as the services have it
    told = CliRunner().invoke(policy_app, ["diff", "released", str(desk.packs)]).output
    assert told.count("nothing") == 3
    assert "SAYS OTHERWISE: 3" in told
    for line in (
        "testshire TST-NEG-01: title", "before: Neglect of a child under two",
        "testshire MASH: phone",
        "now:    01632 960199", "now:    project default, for sign-off page 14",
    ):  # fmt: skip
        assert line in told
    assert desk.statement().accepted == ()
