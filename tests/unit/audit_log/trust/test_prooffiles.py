"""A proof in a file says the same for ever: which entry, in which tree, and who vouches for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_log.merkle import inclusion_proof, leaf_hash, root_of
from audit_log.trust.checkpoints import Checkpoint
from audit_log.trust.plain import Malformed
from audit_log.trust.policy import parse_policy
from audit_log.trust.prooffiles import ProofFile, parse_proof_file
from audit_log.trust.signers import sign_note, signer
from audit_log.trust.vkeys import COSIGNATURE_ED25519, ED25519

ENTRIES = [f'{{"entry":{number}}}'.encode() for number in range(21)]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]
LOG = signer("log.example/handrail", ED25519)
WITNESS = signer("witness.example", COSIGNATURE_ED25519)
POLICY = parse_policy(f"log {LOG.key}\nwitness w {WITNESS.key}\nquorum w\n".encode())


def made(index: int, *, extra: bytes | None = None, cosigned: bool = True) -> ProofFile:
    checkpoint = Checkpoint(LOG.key.name, len(LEAVES), root_of(LEAVES))
    signers = (LOG, WITNESS) if cosigned else (LOG,)
    note = sign_note(str(checkpoint), signers, 1_700_000_000)
    return ProofFile(index, tuple(inclusion_proof(LEAVES, index)), note, extra)


@given(st.integers(0, 20), st.none() | st.binary())
def test_a_proof_is_read_as_it_was_written_and_proves_its_entry(
    index: int, extra: bytes | None
) -> None:
    proof = parse_proof_file(bytes(made(index, extra=extra)))
    assert proof == made(index, extra=extra)
    assert proof.holds(ENTRIES[index])
    assert POLICY.judge(proof.checkpoint).trusted


@given(st.integers(0, 20), st.integers(0, 20))
def test_it_proves_no_other_entry(index: int, other: int) -> None:
    proof = made(index)
    assert proof.holds(ENTRIES[other]) == (index == other)
    assert not proof.holds(ENTRIES[index] + b" ")


def test_without_the_quorum_it_holds_and_is_not_trusted() -> None:
    proof = made(4, cosigned=False)
    assert proof.holds(ENTRIES[4])
    assert not POLICY.judge(proof.checkpoint).trusted


def test_a_log_of_one_entry_has_a_proof_without_hashes() -> None:
    checkpoint = Checkpoint(LOG.key.name, 1, LEAVES[0])
    note = sign_note(str(checkpoint), (LOG,), 0)
    proof = parse_proof_file(bytes(ProofFile(0, (), note)))
    assert proof.holds(ENTRIES[0])


GOOD = bytes(made(3))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        GOOD.replace(b"@v1", b"@v2"),
        GOOD.replace(b"index 3", b"index 03"),
        GOOD.replace(b"index 3\n", b""),
        GOOD.replace(b"index 3", b"extra !\nindex 3"),
        GOOD.replace(b"index 3\n", b"index 3\nAAAA\n"),
        GOOD.replace(
            b"index 3\n", b"index 3\n" + b"A" * 43 + b"=\n" * 1 + (b"A" * 43 + b"=\n") * 70
        ),
        GOOD.replace(b"index", b"ind\xc3\xa9x"),
        GOOD.replace(b"\n\n", b"\n"),
        b"c2sp.org/tlog-proof@v1\n\n",
    ],
)
def test_what_is_no_proof_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_proof_file(data)
