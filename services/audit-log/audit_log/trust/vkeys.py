"""Verifier keys: a name, an algorithm and a public key in one line (C2SP signed-note)."""

import hashlib
from dataclasses import dataclass
from typing import Final

from audit_log.trust.plain import CONTROL, Malformed, base64_text, from_base64

ED25519: Final = 0x01
COSIGNATURE_ED25519: Final = 0x04
COSIGNATURE_ML_DSA_44: Final = 0x06
PUBLIC_BYTES: Final = {ED25519: 32, COSIGNATURE_ED25519: 32, COSIGNATURE_ML_DSA_44: 1312}
# What a log may sign its checkpoints with, and what a witness may add.
LOG_ALGORITHMS: Final = frozenset({ED25519, COSIGNATURE_ML_DSA_44})
WITNESS_ALGORITHMS: Final = frozenset({COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44})


def checked_name(name: str) -> str:
    """A key's name: no white space of any alphabet, no plus sign, no control character."""
    if not name or "+" in name or CONTROL.search(name) or any(map(str.isspace, name)):
        raise Malformed("a key's name is not empty and has neither spaces nor a plus sign")
    return name


@dataclass(frozen=True)
class VerifierKey:
    """public: the raw public key. The id is a label for finding the key, never a proof of it."""

    name: str
    algorithm: int
    public: bytes

    def __post_init__(self) -> None:
        checked_name(self.name)
        if PUBLIC_BYTES.get(self.algorithm) != len(self.public):
            raise Malformed("the key is of no algorithm known here, or not of its length")

    @property
    def key_id(self) -> bytes:
        typed = bytes([self.algorithm]) + self.public
        return hashlib.sha256(self.name.encode() + b"\n" + typed).digest()[:4]

    def __str__(self) -> str:
        typed = base64_text(bytes([self.algorithm]) + self.public)
        return f"{self.name}+{self.key_id.hex()}+{typed}"


def parse_vkey(text: str) -> VerifierKey:
    name, first, rest = text.partition("+")
    key_id, second, typed = rest.partition("+")
    if not first or not second:
        raise Malformed("a verifier key has three parts, with plus signs between them")
    data = from_base64(typed)
    if not data:
        raise Malformed("a verifier key has an algorithm")
    key = VerifierKey(name, data[0], data[1:])
    if key.key_id.hex() != key_id:
        raise Malformed("the key's id is not the one of its name and bytes: it was changed")
    return key
