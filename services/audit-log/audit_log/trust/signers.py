"""Keys that sign: one line each, held only by the log's checkpointer or by a witness."""

import secrets
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey

from audit_log.trust.notes import Note, Signature
from audit_log.trust.plain import Malformed, base64_text, from_base64
from audit_log.trust.signatures import signature_line, signed_message
from audit_log.trust.vkeys import COSIGNATURE_ML_DSA_44, ED25519, VerifierKey

_MARK: Final = "PRIVATE+KEY"
SEED_BYTES: Final = 32


@dataclass(frozen=True)
class Signer:
    """seed: 32 secret bytes, of which the key pair is made. Never shown, `repr` included."""

    key: VerifierKey
    _private: Ed25519PrivateKey | MLDSA44PrivateKey
    _seed: bytes

    def __repr__(self) -> str:
        return f"Signer({self.key.name}+{self.key.key_id.hex()})"

    def sign(self, text: str, at: int) -> Signature:
        """at: seconds since 1970; a plain Ed25519 signature does not bear it."""
        stamp = None if self.key.algorithm == ED25519 else at
        raw = self._private.sign(signed_message(self.key, text, stamp))
        return signature_line(self.key, stamp, raw)

    def line(self) -> str:
        """As the key file holds it."""
        typed = base64_text(bytes([self.key.algorithm]) + self._seed)
        return f"{_MARK}+{self.key.name}+{self.key.key_id.hex()}+{typed}"


def signer(name: str, algorithm: int, seed: bytes | None = None) -> Signer:
    """Without a seed: a new key."""
    seed = secrets.token_bytes(SEED_BYTES) if seed is None else seed
    if len(seed) != SEED_BYTES:
        raise Malformed("a signing key is made from 32 bytes")
    private: Ed25519PrivateKey | MLDSA44PrivateKey = (
        MLDSA44PrivateKey.from_seed_bytes(seed)
        if algorithm == COSIGNATURE_ML_DSA_44
        else Ed25519PrivateKey.from_private_bytes(seed)
    )
    public = private.public_key().public_bytes_raw()
    return Signer(VerifierKey(name, algorithm, public), private, seed)


def parse_signer(line: str) -> Signer:
    mark, _, rest = line.partition("+KEY+")
    parts = rest.split("+", 2)
    if mark != "PRIVATE" or len(parts) != 3:  # noqa: PLR2004 - name, id, key
        raise Malformed(f"a signing key begins with {_MARK} and has three parts after it")
    name, key_id, typed = parts
    data = from_base64(typed)
    if not data:
        raise Malformed("a signing key has an algorithm")
    made = signer(name, data[0], data[1:])
    if made.key.key_id.hex() != key_id:
        raise Malformed("the signing key's id is not the one of its name and bytes")
    return made


def sign_note(text: str, signers: tuple[Signer, ...], at: int) -> Note:
    return Note(text, tuple(one.sign(text, at) for one in signers))
