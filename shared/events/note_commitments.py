"""What an event says of words that a person wrote: a commitment, and nothing that can be guessed.

The words and the salt rest together, sealed, where they were written. Who is given both can hold
them against the audit log; when they are erased the commitment says nothing any more.
"""

from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Final

_LABEL: Final = b"handrail/note/v1\0"
SALT_BYTES: Final = 32


def committed(text: str, salt: bytes) -> bytes:
    """What is committed to: the label, the salt, the words in UTF-8."""
    if len(salt) != SALT_BYTES:
        raise ValueError("a salt is 32 bytes")
    return _LABEL + salt + text.encode()


def note_commitment(text: str, salt: bytes) -> str:
    """Base64url, without padding, of the SHA-256 of what is committed to."""
    return urlsafe_b64encode(sha256(committed(text, salt)).digest()).rstrip(b"=").decode()


def parted(content: bytes) -> tuple[str, bytes | None]:
    """The words and the salt again; without a salt what was committed to elsewhere."""
    if not content.startswith(_LABEL):
        return content.decode("utf-8", "replace"), None
    rest = content[len(_LABEL) :]
    return rest[SALT_BYTES:].decode("utf-8", "replace"), rest[:SALT_BYTES]
