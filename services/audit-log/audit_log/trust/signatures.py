"""What each kind of key signs, and whether a signature holds: Ed25519, cosignatures, ML-DSA-44."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from audit_log.trust.checkpoints import Checkpoint, parse_checkpoint
from audit_log.trust.notes import Note, Signature
from audit_log.trust.plain import MAX_SIZE, Malformed
from audit_log.trust.vkeys import COSIGNATURE_ML_DSA_44, ED25519, VerifierKey

SIGNATURE_BYTES: Final = {0x01: 64, 0x04: 8 + 64, 0x06: 8 + 2420}
_SUBTREE: Final = b"subtree/v1\n\0"
_MAX_NAME: Final = 255


class BadSignature(ValueError):
    """A known key's signature does not hold: the note was changed, or is a forgery."""


@dataclass(frozen=True)
class Vouched:
    """A key that signed the note, and when it says it did (a log's Ed25519 key says no time)."""

    key: VerifierKey
    at: int | None


def cosigned_text(text: str, at: int) -> bytes:
    """What an Ed25519 cosignature is over."""
    return f"cosignature/v1\ntime {at}\n{text}".encode()


def cosigned_tree(name: str, at: int, checkpoint: Checkpoint) -> bytes:
    """What an ML-DSA-44 cosignature is over: the tree, whatever extension lines say."""
    parts = [_SUBTREE]
    for text in (name, checkpoint.origin):
        encoded = text.encode()
        if len(encoded) > _MAX_NAME:
            raise Malformed("a name is too long to be cosigned")
        parts.append(bytes([len(encoded)]) + encoded)
    cosigner, origin = parts[1:]
    span = struct.pack(">QQ", 0, checkpoint.size)
    return _SUBTREE + cosigner + struct.pack(">Q", at) + origin + span + checkpoint.root


def signed_message(key: VerifierKey, text: str, at: int | None) -> bytes:
    """at: seconds since 1970, or None for a key whose signature bears no time."""
    if key.algorithm == ED25519:
        return text.encode()
    if at is None:
        raise Malformed("a cosignature bears a time")
    if key.algorithm == COSIGNATURE_ML_DSA_44:
        return cosigned_tree(key.name, at, parse_checkpoint(text))
    return cosigned_text(text, at)


def check(key: VerifierKey, text: str, signature: bytes) -> int | None:
    """The time that the signature bears. Raises `BadSignature` where it does not hold."""
    if len(signature) != SIGNATURE_BYTES[key.algorithm]:
        raise BadSignature
    at = None
    if key.algorithm != ED25519:
        at, signature = int.from_bytes(signature[:8], "big"), signature[8:]
        if at > MAX_SIZE:
            raise BadSignature
    ml_dsa = key.algorithm == COSIGNATURE_ML_DSA_44
    try:
        public = (
            MLDSA44PublicKey.from_public_bytes(key.public)
            if ml_dsa
            else Ed25519PublicKey.from_public_bytes(key.public)
        )
        public.verify(signature, signed_message(key, text, at))
    except (InvalidSignature, ValueError) as error:
        raise BadSignature from error
    return at


def vouchers(note: Note, keys: Iterable[VerifierKey]) -> list[Vouched]:
    """Those of the keys that signed the note, each once; unknown keys are passed over.

    One bad signature of a known key spoils the whole note: nobody but a forger makes such a note.
    """
    known = {(key.name, key.key_id): key for key in keys}
    found: dict[VerifierKey, Vouched] = {}
    for one in note.signatures:
        key = known.get((one.name, one.key_id))
        if key is not None:
            at = check(key, note.text, one.signature)
            found.setdefault(key, Vouched(key, at))
    return list(found.values())


def signed_by(note: Note, key: VerifierKey) -> bool:
    return any(vouched.key == key for vouched in vouchers(note, [key]))


def signature_line(key: VerifierKey, at: int | None, raw: bytes) -> Signature:
    stamp = b"" if at is None else struct.pack(">Q", at)
    return Signature(key.name, key.key_id, stamp + raw)
