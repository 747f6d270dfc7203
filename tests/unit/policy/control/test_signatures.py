"""Only what enough approvers have signed, as it stands, counts as released."""

import json
from base64 import b64decode
from dataclasses import replace
from datetime import date, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from tests.unit.policy.control.desk import LATER, LOCAL, TODAY, Desk


def test_two_approvers_release_a_pack(desk: Desk) -> None:
    release = desk.release(LOCAL)
    assert desk.ledger.why_not(release) is None
    assert [r.statement.version for r in desk.ledger.usable("testshire")] == ["1"]


def test_one_approver_is_not_enough_and_one_who_signs_twice_is_still_one(desk: Desk) -> None:
    desk.write(LOCAL)
    release = desk.signed(desk.statement(), by=("A. Smith", "A. Smith"))
    assert desk.ledger.why_not(release) == "2 approvers have to sign it, and 1 did"


def test_a_signature_covers_every_word_of_the_statement(desk: Desk) -> None:
    desk.write(LOCAL)
    release = desk.signed(desk.statement())
    said = release.statement
    for changed in (
        replace(said, version="9"),
        replace(said, hash="sha256:0"),
        replace(said, in_force="2020-01-01"),
        replace(said, follows="sha256:1"),
        replace(said, in_force_to="2030-01-01"),
    ):
        why = desk.ledger.approvers.why_not(replace(release, statement=changed))
        assert why == "the signature of A. Smith, B. Jones is not good"


def test_a_signature_is_its_approvers_own_and_of_its_day(desk: Desk) -> None:
    desk.write(LOCAL)
    release = desk.signed(desk.statement())
    first, second = release.approvals
    swapped = replace(second, approver=first.approver)
    older = replace(second, on=str(TODAY - timedelta(days=1)))
    for forged in (swapped, older):
        why = desk.ledger.approvers.why_not(replace(release, approvals=(first, forged)))
        assert why is not None
        assert "is not good" in why


def test_a_key_that_is_not_enrolled_signs_nothing(desk: Desk) -> None:
    desk.write(LOCAL)
    desk.keys["C. Stranger"] = Ed25519PrivateKey.generate()
    release = desk.signed(desk.statement(), by=("A. Smith", "C. Stranger"))
    assert desk.ledger.why_not(release) == "the signature of C. Stranger is not good"


def test_who_has_left_signs_no_more_but_what_they_signed_stays(desk: Desk) -> None:
    release = desk.release(LOCAL)
    desk.enrol("B. Jones", until=str(TODAY))
    assert desk.ledger.why_not(release) is None
    desk.write(LATER)
    late = desk.signed(desk.statement(), on=TODAY + timedelta(days=1))
    assert desk.ledger.approvers.why_not(late) == "the signature of B. Jones is not good"


def test_a_released_file_that_somebody_changed_is_not_used(desk: Desk) -> None:
    release = desk.release(LOCAL)
    desk.ledger.file_of(release).write_text(LOCAL.replace("HOURS(1)", "HOURS(4)"))
    why = desk.ledger.why_not(release)
    assert why == "released/testshire@1.yaml was changed since it was signed"
    assert list(desk.ledger.usable("testshire")) == []


def test_a_name_cannot_reach_outside_the_directory(desk: Desk) -> None:
    desk.write(LOCAL)
    said = replace(desk.statement(), version="../../secret")
    why = desk.ledger.why_not(desk.signed(said))
    assert why is not None
    assert "letters, digits, dots and dashes" in why


def test_the_lock_reads_back_as_it_was_written(desk: Desk) -> None:
    release = desk.release(LOCAL)
    assert desk.ledger.releases[-1] == release
    assert desk.ledger.releases[-1].statement.starts == date(2026, 9, 1)


def test_a_signature_can_be_verified_by_the_published_words_alone(desk: Desk) -> None:
    desk.release(LOCAL)
    entry = json.loads((desk.packs / "released.lock").read_text())["releases"][-1]
    known = json.loads((desk.packs / "approvers.json").read_text())["approvers"]
    statement = {name: value for name, value in entry.items() if name != "approvals"}
    assert len(entry["approvals"]) == 2
    for approval in entry["approvals"]:
        said = {"statement": statement, "approver": approval["approver"], "on": approval["on"]}
        text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        key = next(each["key"] for each in known if each["name"] == approval["approver"])
        Ed25519PublicKey.from_public_bytes(b64decode(key)).verify(
            b64decode(approval["signature"]), b"handrail pack release v1\n" + text.encode()
        )
