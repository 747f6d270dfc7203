"""An audit of a copy finds it sound, or says which entries are not and why."""

import csv
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit_log.merkle import inclusion_proof, leaf_hash, root_of
from audit_log.trust.notes import parse_note
from audit_log.trust.prooffiles import ProofFile
from audit_log.trust.tilepaths import Tile
from audit_log.verifying.attacks import ATTACKS
from audit_log.verifying.audit import Wanted, audit, audit_proof
from audit_log.verifying.contents import Contents, missing
from audit_log.verifying.drill import examine, invented, run, set_scene
from audit_log.verifying.exports import (
    COLUMNS,
    Row,
    as_cells,
    as_line,
    audit_export,
    checkpoint_file,
)
from audit_log.verifying.laying import lay_out, put_tile
from audit_log.verifying.locating import first_difference
from audit_log.verifying.sources import Directory, Unreachable
from audit_log.verifying.tree import check_tree
from tests.unit.audit_log.verifying.conftest import Copy

SIZES = (1, 2, 255, 256, 257, 511, 512, 513, 700, 65_537)


@pytest.mark.parametrize("size", SIZES)
def test_a_sound_log_of_any_size_is_sound(tmp_path: Path, size: int) -> None:
    entries = [str(number).encode() for number in range(size)]
    root = lay_out(tmp_path, entries)
    assert root == root_of([leaf_hash(entry) for entry in entries])
    assert check_tree(Directory(tmp_path), size, root) == []
    assert check_tree(Directory(tmp_path), size, root, entries=False) == []
    assert check_tree(Directory(tmp_path), size, bytes(32)) != []


def test_two_processes_say_the_same_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit_log.verifying.tree._WORTH_A_PROCESS", 0)
    root = lay_out(tmp_path, list(invented(1100)))
    source = Directory(tmp_path)
    assert check_tree(source, 1100, root, processes=2) == []
    put_tile(tmp_path, Tile(-1, 3), b"\0\1x")
    two = check_tree(source, 1100, root, processes=2)
    assert two == check_tree(source, 1100, root)
    assert two


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_byte_changed_in_any_file_is_found(copy: Copy, data: st.DataObject) -> None:
    copy.lay_invented(600)
    files = sorted(path for path in copy.place.rglob("*") if path.is_file())
    file = data.draw(st.sampled_from(files))
    whole = file.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    changed = bytes([whole[at] ^ (1 << data.draw(st.integers(0, 7)))])
    file.write_bytes(whole[:at] + changed + whole[at + 1 :])
    try:
        assert audit(copy.source, Wanted(copy.policy)).exit_code != 0
    except (ValueError, Unreachable):
        assert file.name == "checkpoint"


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_taken_away_is_found(copy: Copy, data: st.DataObject) -> None:
    copy.lay_invented(600)
    tiles = sorted(path for path in (copy.place / "tile").rglob("*") if path.is_file())
    data.draw(st.sampled_from(tiles)).unlink()
    assert audit(copy.source, Wanted(copy.policy)).exit_code == 1


def test_without_a_key_nothing_is_called_verified(copy: Copy) -> None:
    copy.lay_invented(5)
    report = audit(copy.source, Wanted())
    assert (report.findings, report.exit_code) == ([], 3)
    assert audit(copy.source, Wanted(copy.policy)).exit_code == 0
    assert audit(copy.source, Wanted(copy.policy)).as_json()["verified"] is True


def test_every_attack_of_the_drill_is_found_and_located(tmp_path: Path) -> None:
    scene = set_scene(tmp_path, list(invented(700)))
    assert examine(scene, tmp_path / "sound").exit_code == 0
    assert len(ATTACKS) >= 10
    for name, attack in ATTACKS.items():
        outcome = run(scene, name, attack)
        assert (outcome.found, outcome.exact) == (True, True), outcome


def test_the_entry_that_differs_from_a_kept_copy_is_named(tmp_path: Path) -> None:
    entries = list(invented(600))
    lay_out(tmp_path / "kept", entries[:520])
    for at in (0, 255, 256, 519):
        other = [*entries[:at], b"another", *entries[at + 1 :]]
        lay_out(tmp_path / f"log{at}", other)
        sources = Directory(tmp_path / f"log{at}"), Directory(tmp_path / "kept")
        assert first_difference(sources[0], 600, sources[1], 520) == at
    lay_out(tmp_path / "same", entries)
    same = Directory(tmp_path / "same"), Directory(tmp_path / "kept")
    assert first_difference(same[0], 600, same[1], 520) is None


def test_a_proof_file_is_audited_alone(copy: Copy) -> None:
    entries = list(invented(21))
    note = copy.lay(entries)
    leaves = [leaf_hash(entry) for entry in entries]
    proof = ProofFile(4, tuple(inclusion_proof(leaves, 4)), note)
    assert audit_proof(proof, entries[4], copy.policy).exit_code == 0
    assert audit_proof(proof, entries[4], None).exit_code == 3
    wrong = audit_proof(proof, entries[5], copy.policy)
    assert (wrong.exit_code, wrong.findings[0].first) == (1, 4)


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_an_export_is_audited_line_by_line(copy: Copy, tmp_path: Path, suffix: str) -> None:
    entries = list(invented(21))
    note = copy.lay(entries)
    leaves = [leaf_hash(entry) for entry in entries]
    rows = [Row(at, entries[at], tuple(inclusion_proof(leaves, at))) for at in (2, 3, 20)]
    file = tmp_path / f"export{suffix}"
    checkpoint_file(file).write_bytes(bytes(note))
    _write(file, rows)
    report = audit_export(file, copy.policy, completeness=False)
    assert (report.exit_code, report.entries) == (0, 3)
    _write(file, [rows[0], Row(3, entries[4], rows[1].proof), rows[2]])
    found = audit_export(file, copy.policy, completeness=False).findings
    assert [one.first for one in found] == [3]
    _write(file, [rows[1], rows[0]])
    assert audit_export(file, copy.policy, completeness=False).exit_code == 1
    file.write_text(file.read_text()[:-9])
    with pytest.raises(ValueError, match=r"cut|base64|hash"):
        audit_export(file, copy.policy, completeness=False)


def _write(file: Path, rows: list[Row]) -> None:
    if file.suffix == ".jsonl":
        file.write_text("".join(f"{as_line(row)}\n" for row in rows))
        return
    with file.open("w", newline="") as out:
        table = csv.writer(out)
        table.writerow(COLUMNS)
        table.writerows(as_cells(row) for row in rows)


def entry(producer: str, sequence: int, **more: object) -> bytes:
    members = {
        "id": f"{producer}-{sequence}", "producer": producer, "sequence": sequence,
        "type": "task.opened", "version": 1,
    }  # fmt: skip
    return json.dumps(members | more, sort_keys=True, separators=(",", ":")).encode()


def found_in(*entries: bytes) -> list[str]:
    contents = Contents()
    for seq, one in enumerate(entries):
        contents.take(seq, one)
    return [str(one) for one in contents.findings + contents.gaps()]


def test_a_number_that_a_producer_counted_and_the_log_lacks_is_named() -> None:
    closed = entry("a", 5, type="audit.producer_closed", data={"producer": "b", "last_sequence": 4})
    assert found_in(entry("a", 1), entry("b", 1), entry("a", 2)) == []
    found = found_in(entry("a", 1), entry("a", 4), entry("b", 2), entry("b", 1), closed)
    assert found == [
        "entries 0 to 1: a counted numbers 2 to 3, which the log does not have",
        "entries 2 to 4: b counted numbers 3 to 4, which the log does not have",
    ]


def test_two_events_with_one_number_are_a_finding() -> None:
    assert found_in(entry("a", 1), entry("a", 2), entry("a", 1, id="another")) == [
        "entry 2: it bears the number 1 of a, as entry 0 does"
    ]


@pytest.mark.parametrize(
    "payload",
    [b"", b"[]", b"{}", b"\xff", b'{"type":1}', entry("a", 1) + b" ", b'{"a":1,"a":2}'],
)
def test_what_is_no_entry_of_ours_is_said(payload: bytes) -> None:
    assert found_in(payload) == ["entry 0: it is no canonical entry of this log"]


def test_numbers_of_more_than_64_bits_are_no_harm() -> None:
    assert found_in(entry("a", 1, data={"large": 10**30})) == []


def test_conflicts_and_unreadable_records_are_for_a_person_to_see() -> None:
    contents = Contents()
    contents.take(0, b'{"type":"audit.conflict"}')
    assert (contents.findings, len(contents.remarks())) == ([], 1)


@given(st.sets(st.integers(1, 60)), st.integers(0, 60))
def test_the_runs_are_all_that_is_missing(numbers: set[int], closed: int) -> None:
    runs = missing(numbers, closed)
    told = {number for first, last in runs for number in range(first, last + 1)}
    assert told == set(range(1, max(numbers | {closed, 0}) + 1)) - numbers


def test_the_checkpoint_that_came_before_must_be_extended(copy: Copy) -> None:
    entries = list(invented(300))
    old = copy.lay(entries[:100])
    copy.lay(entries)
    assert audit(copy.source, Wanted(copy.policy, old)).exit_code == 0
    copy.lay([b"another", *entries[1:]])
    assert audit(copy.source, Wanted(copy.policy, old)).exit_code == 1
    copy.lay(entries[:50])
    (found,) = audit(copy.source, Wanted(copy.policy, old)).findings
    assert (found.first, found.last) == (50, 99)
    assert parse_note(bytes(old)) == old
