"""Says, as fast as memory is scanned, that a text cannot hold media, as nearly none does."""

import re

from intake.reading.links import may_link_to_media
from intake.reading.marks import FIRST_CHARACTERS


def _class_of(byte: int) -> int:
    char = chr(byte)
    if byte < 128 and char.isalnum():  # noqa: PLR2004 - ASCII
        return ord("U" if char.isupper() else "l" if char.islower() else "d")
    return ord(" " if char in " \t\r\n,:;" else "b" if char in "+/=_-\\" else ".")


_CLASSES = bytes(map(_class_of, range(256)))
_ONE_CLASS = _CLASSES.translate(bytes.maketrans(b"Uldb", b"xxxx"))
_HEX = bytes(ord("h") if b in b"0123456789abcdefABCDEF" else ord(".") for b in range(256))
_SEPARATORS = b" \t\r\n,:;xX%\\"
_ESCAPED_SPACE = re.compile(rb"\\[nrt]|\\u000[9aAdD]")
_MANY_SHORTS = re.compile(rb"(?:[^ ]{1,6}+ {1,4}+){48}")
_MIXED = (b"lU", b"ld", b"dl")
# Below what any run that is dropped must have; see the runs' own limits.
_LEAST_MIXED, _LEAST_FILE, _LEAST_RUN, _LEAST_HEX = 36, b"x" * 40, b"x" * 1024, b"h" * 64
_LEAST_SPAN, _BLOCK, _LEAST_SPACES = 192, 128, 31


def may_hold_media(text: bytes) -> bool:
    if may_link_to_media(text, text.lower()):
        return True
    solid = text.translate(_ONE_CLASS)
    if _LEAST_FILE in solid and (_LEAST_RUN in solid or any(m in text for m in FIRST_CHARACTERS)):
        return True
    classes = text.translate(_CLASSES)
    return (
        sum(map(classes.count, _MIXED)) >= _LEAST_MIXED
        or _LEAST_HEX in text.translate(_HEX, _SEPARATORS)
        or any(_many_shorts(span) for span in text.split(b'"') if len(span) >= _LEAST_SPAN)
    )


def _many_shorts(span: bytes) -> bool:
    if b"\\" in span:
        span = _ESCAPED_SPACE.sub(b"  ", span)
    classes = span.translate(_CLASSES)
    blocks = range(0, len(classes), _BLOCK)
    dense = any(classes.count(b" ", i, i + _BLOCK) >= _LEAST_SPACES for i in blocks)
    return dense and _MANY_SHORTS.search(classes) is not None
