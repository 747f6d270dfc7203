"""A witness answers as the tlog-witness protocol has it, and never agrees to a second history."""

import asyncio
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from audit_log.merkle import EMPTY_ROOT, consistency_proof, leaf_hash, root_of
from audit_log.trust.checkpoints import Checkpoint
from audit_log.trust.notes import Note, Signature, parse_note, parse_signatures
from audit_log.trust.plain import base64_text
from audit_log.trust.signatures import vouchers
from audit_log.trust.signers import Signer, parse_signer, sign_note, signer
from audit_log.trust.vkeys import COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44, ED25519
from audit_log.trust.witnessing import AddCheckpoint, origin_hash
from audit_log.witness.app import witness_app
from audit_log.witness.memory import Memory
from handrail.auditing.witness import key_file
from shared.clock import SetClock
from tests.journey.audit_log.trust.conftest import ORIGIN, served

LOG = signer(ORIGIN, ED25519)
KEYS = tuple(signer("witness.example", k) for k in (COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44))
LEAVES = [leaf_hash(str(number).encode()) for number in range(40)]
OTHER = [leaf_hash(b"another history"), *LEAVES[1:]]


def note(size: int, *signers: Signer, leaves: list[bytes] = LEAVES) -> Note:
    tree = Checkpoint(ORIGIN, size, root_of(leaves[:size]))
    return sign_note(str(tree), signers or (LOG,), 1)


def asked(old: int, size: int, *, leaves: list[bytes] = LEAVES) -> bytes:
    proof = consistency_proof(leaves[:size], old) if 0 < old < size else []
    return bytes(AddCheckpoint(old, tuple(proof), note(size, leaves=leaves)))


@pytest.fixture
async def witness(tmp_path: Path, clock: SetClock) -> AsyncIterator[httpx2.AsyncClient]:
    with closing(Memory(tmp_path / "latest.sqlite")) as memory:
        async with (
            served(witness_app(memory, KEYS, [LOG.key], clock)) as url,
            httpx2.AsyncClient(base_url=url) as client,
        ):
            yield client


async def add(witness: httpx2.AsyncClient, body: bytes) -> httpx2.Response:
    return await witness.post("/add-checkpoint", content=body)


async def test_a_log_that_grows_is_cosigned_by_each_key_of_the_witness(
    witness: httpx2.AsyncClient, clock: SetClock
) -> None:
    for old, size in ((0, 3), (3, 8), (8, 8), (8, 9), (9, 40)):
        answer = await add(witness, asked(old, size))
        assert answer.status_code == 200, answer.text
        cosigned = Note(note(size).text, parse_signatures(answer.text))
        found = vouchers(cosigned, [one.key for one in KEYS])
        assert [one.key for one in found] == [one.key for one in KEYS]
        assert {one.at for one in found} == {int(clock.now().timestamp())}


async def test_the_newest_checkpoint_is_shown_with_its_cosignatures_and_no_strangers_words(
    witness: httpx2.AsyncClient,
) -> None:
    where = f"/{origin_hash(ORIGIN)}/checkpoint"
    assert (await witness.get(where)).status_code == 404
    stranger = Signature("stranger.example", b"1234", b"anything")
    await add(witness, bytes(AddCheckpoint(0, (), note(5).with_signatures(stranger))))
    answer = await witness.get(where)
    shown = parse_note(answer.content)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert [one.name for one in shown.signatures] == [ORIGIN, *[one.key.name for one in KEYS]]
    assert len(vouchers(shown, [LOG.key, *(one.key for one in KEYS)])) == 3


async def test_one_that_stands_elsewhere_says_where_it_stands(witness: httpx2.AsyncClient) -> None:
    await add(witness, asked(0, 8))
    for old in (0, 3, 9):
        answer = await add(witness, asked(old, 20))
        assert (answer.status_code, answer.text) == (409, "8\n")
        assert answer.headers["content-type"] == "text/x.tlog.size"


def altered() -> Iterator[tuple[str, bytes, int]]:
    """(what is wrong, a request to a witness that stands at 8, the status that it must get)."""
    good = asked(8, 20)
    stranger = signer(ORIGIN, ED25519)
    bad = Signature(ORIGIN, LOG.key.key_id, bytes(64))
    unknown = sign_note(str(Checkpoint("other.example", 20, bytes(32))), (LOG,), 1)
    yield "another log", bytes(AddCheckpoint(8, (), unknown)), 404
    yield "not the log's key", bytes(AddCheckpoint(8, (), note(20, stranger))), 403
    yield "a bad signature", bytes(AddCheckpoint(8, (), Note(note(20).text, (bad,)))), 403
    yield (
        "a bad signature beside a good one",
        bytes(AddCheckpoint(8, (), note(20).with_signatures(bad))),
        403,
    )
    yield "old above the size", asked(21, 20), 400
    yield "no proof", bytes(AddCheckpoint(8, (), note(20))), 422
    yield "another history", asked(8, 20, leaves=OTHER), 422
    yield "another root of the same size", asked(8, 8, leaves=OTHER), 422
    yield "a proof where none is needed", bytes(AddCheckpoint(8, (bytes(32),), note(8))), 422
    yield "no old line", good.replace(b"old 8\n", b""), 400
    yield "old with a zero before it", good.replace(b"old 8", b"old 08"), 400
    yield "a hash too short", good.replace(b"old 8\n", b"old 8\nAAAA\n"), 400
    line = base64_text(bytes(32)).encode() + b"\n"
    yield "a proof too long", good.replace(b"old 8\n", b"old 8\n" + 64 * line), 400
    yield "no note", b"old 8\n\nnothing\n", 400
    yield "no text", b"\xff\xfe", 400
    yield "a body too large", bytes(300_000), 400


@pytest.mark.parametrize(
    ("body", "status"), [row[1:] for row in altered()], ids=[row[0] for row in altered()]
)
async def test_what_is_wrong_gets_its_status_and_moves_nothing(
    witness: httpx2.AsyncClient, body: bytes, status: int
) -> None:
    assert (await add(witness, asked(0, 8))).status_code == 200
    assert (await add(witness, body)).status_code == status
    assert (await add(witness, asked(8, 20))).status_code == 200


async def test_an_empty_log_has_one_root_and_needs_no_proof(witness: httpx2.AsyncClient) -> None:
    lie = sign_note(str(Checkpoint(ORIGIN, 0, bytes(32))), (LOG,), 1)
    assert (await add(witness, bytes(AddCheckpoint(0, (), lie)))).status_code == 422
    true = sign_note(str(Checkpoint(ORIGIN, 0, EMPTY_ROOT)), (LOG,), 1)
    assert (await add(witness, bytes(AddCheckpoint(0, (), true)))).status_code == 200
    assert (await add(witness, asked(0, 4)[:6] + b"AAAA")).status_code == 400
    proof = bytes(AddCheckpoint(0, (bytes(32),), note(4)))
    assert (await add(witness, proof)).status_code == 422
    assert (await add(witness, asked(0, 4))).status_code == 200


async def test_of_two_histories_at_once_only_one_is_ever_cosigned(
    witness: httpx2.AsyncClient,
) -> None:
    answers = await asyncio.gather(
        *(
            add(witness, asked(0, size, leaves=leaves))
            for size in range(1, 9)
            for leaves in (LEAVES, OTHER)
        )
    )
    assert sorted(one.status_code for one in answers) == [200] + [409] * 15


def start(place: Path) -> tuple["subprocess.Popen[bytes]", str]:
    command = [Path(sys.executable).with_name("handrail"), "audit", "witness", "serve"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [*map(str, command), "--dir", str(place), "--port", str(port)],
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            httpx2.get(f"{url}/{origin_hash(ORIGIN)}/checkpoint")
        except httpx2.HTTPError:
            time.sleep(0.05)
            continue
        return process, url
    raise AssertionError("the witness does not answer")


def test_a_witness_killed_at_any_moment_stands_where_it_cosigned(tmp_path: Path) -> None:
    handrail = str(Path(sys.executable).with_name("handrail"))
    made = [handrail, "audit", "witness"]
    place = ["--dir", str(tmp_path)]
    subprocess.run([*made, "init", *place, "--name", "w.example"], check=True, capture_output=True)
    subprocess.run([*made, "trust", *place, str(LOG.key)], check=True, capture_output=True)
    key = parse_signer(key_file(tmp_path).read_text().split()[0]).key
    stands = 0
    for size in (7, 19, 33):
        process, url = start(tmp_path)
        try:
            answer = httpx2.post(f"{url}/add-checkpoint", content=asked(stands, size))
            assert answer.status_code == 200, answer.text
            assert vouchers(Note(note(size).text, parse_signatures(answer.text)), [key])
            again = httpx2.post(f"{url}/add-checkpoint", content=asked(stands, size, leaves=OTHER))
            assert (again.status_code, again.text) == (409, f"{size}\n")
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        stands = size
    with closing(sqlite3.connect(tmp_path / "latest.sqlite")) as kept:
        (data,) = kept.execute("SELECT note FROM latest").fetchone()
    assert parse_note(data).text == note(33).text
