"""Numbers and bytes as the formats write them: one spelling each, any other is refused."""

import base64
import binascii
import re

HASH_BYTES = 32
MAX_SIZE = 2**63 - 1
CONTROL = re.compile(r"[\x00-\x1f]")
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


class Malformed(ValueError):
    """Not of its format. The words say what is wrong with it and never quote it."""


def decimal(text: str) -> int:
    if not _DECIMAL.fullmatch(text) or int(text) > MAX_SIZE:
        raise Malformed("a number is decimal, without sign or leading zero, below 2^63")
    return int(text)


def base64_text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def from_base64(text: str) -> bytes:
    """Strict: one text for each value, so that no signature can be respelt."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise Malformed("it is not base64") from error
    if base64_text(data) != text:
        raise Malformed("it is not base64 in its one canonical spelling")
    return data


def hash_of(text: str) -> bytes:
    found = from_base64(text)
    if len(found) != HASH_BYTES:
        raise Malformed("a hash is 32 bytes long")
    return found
