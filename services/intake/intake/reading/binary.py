"""Drops runs of binary bytes from a stream, raw or written as JSON escapes."""

import re

from intake.reading.marks import MARK

_ESCAPED = rb"\\u00(?:0[0-8bBcCeEfF]|1[0-9a-fA-F]|7[fF]|[89][0-9a-fA-F])"
_ESCAPED_BAD = re.compile(_ESCAPED)
_PRINTABLE = b"\t\n\r" + bytes(range(0x20, 0x7F))
_HIGH = bytes(range(0x80, 0x100))
_PIECES = re.compile(
    rb"(?P<bad>[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]+|\xc2[\x80-\x9f]|" + _ESCAPED + rb")"
    rb"|(?P<text>[\x09\x0a\x0d\x20-\x5b\x5d-\x7e]+)"
    rb"|(?P<char>\\u[0-9a-fA-F]{4}|\\.|\\|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3})"
    rb"|(?P<stray>[\x80-\xff])",
    re.DOTALL,
)
_CONTROL_IN_UTF8 = re.compile(rb"\xc2[\x80-\x9f]")
_CUT_SHORT = re.compile(
    rb"(?:\\(?:u[0-9a-fA-F]{0,3})?|[\xc2-\xdf]|[\xe0-\xef][\x80-\xbf]?"
    rb"|[\xf0-\xf4][\x80-\xbf]{0,2})\Z"
)
# A run starts strictly, so that text in an old code page is never taken for one, and ends
# leniently, because chance makes some binary bytes look like text.
_BADS_TO_START, _TEXT_TO_END = 8, 48
# High bytes alone may be an old code page; control characters in text are never meant.
_GAP_OF_STRAYS, _GAP_TO_START = 7, 15


class BinaryRuns:
    def __init__(self) -> None:
        self.runs = 0
        self._tail = b""
        self._bads = 0
        self._pending = bytearray()  # at most 8 gaps of 15 characters, or 48 characters
        self._gap = 0
        self._dropping = False
        self._surely = False  # more than an old code page's letters
        self._raw = False  # bytes that are no text at all, and not their escapes

    def feed(self, chunk: bytes) -> bytes:
        chunk = self._tail + chunk
        cut = _CUT_SHORT.search(chunk, max(0, len(chunk) - 6))
        self._tail = chunk[cut.start() :] if cut else b""
        return self._pass(chunk[: len(chunk) - len(self._tail)])

    def finish(self) -> bytes:
        out = self._pass(self._tail) + bytes(self._pending)
        self._tail = b""
        self._pending.clear()
        return out

    def _pass(self, chunk: bytes) -> bytes:
        if not self._bads and not self._dropping and _is_text(chunk):
            return chunk
        out = bytearray()
        for piece in _PIECES.finditer(chunk):
            if piece.lastgroup == "text":
                self._text(piece[0], len(piece[0]), out)
            elif piece.lastgroup == "char":
                self._text(piece[0], 1, out)
            else:
                self._bad(piece[0], out)
        return bytes(out)

    def _text(self, text: bytes, characters: int, out: bytearray) -> None:
        if not self._dropping and not self._bads:
            out += text
            return
        self._pending += text
        self._gap += characters
        string_ends = not self._raw and text[:1] != b"\\" and b'"' in text
        if string_ends or self._gap > self._gap_allowed():
            out += self._pending
            self._pending.clear()
            self._dropping, self._bads, self._gap = False, 0, 0
            self._raw = self._surely = False

    def _gap_allowed(self) -> int:
        if self._dropping:
            return _TEXT_TO_END
        return _GAP_TO_START if self._surely else _GAP_OF_STRAYS

    def _bad(self, bad: bytes, out: bytearray) -> None:
        self._gap = 0
        self._surely = self._surely or not (len(bad) == 1 and bad[0] >= _HIGH[0])
        self._raw = self._raw or bad[0] not in b"\\\xc2"
        if self._dropping:
            self._pending.clear()
            return
        self._bads += 1 if bad[0] == ord("\\") else len(bad)
        self._pending += bad
        if self._bads >= _BADS_TO_START:
            self._pending.clear()
            self._dropping = True
            self.runs += 1
            out += MARK


def _is_text(chunk: bytes) -> bool:
    if b"\\u00" in chunk and _ESCAPED_BAD.search(chunk):
        return False
    strange = chunk.translate(None, _PRINTABLE)
    if not strange:
        return True
    if strange.translate(None, _HIGH):
        return False
    try:
        chunk.decode()
    except UnicodeDecodeError:
        return False
    return _CONTROL_IN_UTF8.search(chunk) is None
