"""Drops base64, hex and number dumps, data: URIs and links to media from a stream of text."""

import re

from intake.reading.gate import may_hold_media
from intake.reading.links import DATA, URL, media_in
from intake.reading.marks import MARK
from intake.reading.runs import Runs

WINDOW = 65_536
# No piece of text that could turn out to be media is longer than this before it is judged.
_HOLD = 8_192

_JOIN = rb"(?:[ \t\r\n,:;]|\\[nrtbf]|\\u000[9aAdD]|(?:%|\\{1,2}x)(?=[0-9a-fA-F]{2}(?![0-9a-fA-F])))"
_UNIT = rb"(?:[A-Za-z0-9+/=_-]|\\/|\\u00(?:2[bBdDfF]|3[dD]|5[fF]))"
_JWT = rb"eyJ[\w-]{5,1000}\.eyJ[\w-]{5,4000}\.[\w-]{16,1000}(?![\w.-])"
_UUID = rb"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?![\w+/=-])"
_DUMP_LINE = rb"[0-9a-fA-F]{7,8}:? {1,2}(?:[0-9a-fA-F]{2,4} {1,2}){7,16}[^\n\r\"\\]{0,20}"
_DUMP = rb"(?:" + _DUMP_LINE + rb"(?:\\[nr]|[\r\n]){0,4}){1,40}"
_PIECES = re.compile(
    rb"(?P<data>" + DATA + rb")|(?P<link>" + URL + rb")|(?P<known>" + _JWT + rb"|" + _UUID + rb")"
    rb"|(?P<dump>" + _DUMP + rb")|(?P<token>" + _UNIT + rb"++)|(?P<join>" + _JOIN + rb"++)"
    rb"|(?P<other>\\u[0-9a-fA-F]{4}|\\.|\\|[^A-Za-z0-9+/=_\- \t\r\n,:;\\]+)",
    re.DOTALL,
)
_PAYLOAD = re.compile(rb"(?:[^\x00-\x20\"\\<>]|\\/|\\u002[fF])*+")
_ESCAPED_UNIT = re.compile(rb"\\/|\\u00..")
_SAME_TOKEN = re.compile(_UNIT + rb"*+")


class TextBlobs:
    """Feed it windows of text; each answer is the text that is certainly to be kept."""

    def __init__(self) -> None:
        self.dropped = 0
        self._held = b""
        self._broken_off: re.Pattern[bytes] | None = None
        self._runs = Runs()

    def feed(self, window: bytes, *, last: bool = False) -> bytes:
        text = self._held + window
        if self._broken_off is None and not self._runs.dropping and not may_hold_media(text):
            cut = len(text) if last else max(0, len(text) - _HOLD)
            self._held = text[cut:]
            return text[:cut]
        return self._scan(text, last)

    def _scan(self, text: bytes, last: bool) -> bytes:
        resumed = self._runs.dropping
        at = self._resume(text)
        cut = len(text) if last else len(text) - _HOLD
        while at < cut and (piece := _PIECES.match(text, at)):
            at = self._piece(piece, text)
        runs, to = self._runs, at
        if last:
            runs.stop()
        elif runs.dropping:
            self._broken_off = self._broken_off or (_SAME_TOKEN if runs.end == at else None)
            runs.found.append((runs.start, runs.end, False))
            to = runs.end
        elif (start := runs.earliest()) is not None and start > cut - _HOLD:
            to = start
        self._held = text[to:]
        kept = self._cut_out(text[:to], resumed)
        runs.next_window()
        return kept

    def _resume(self, text: bytes) -> int:
        if self._broken_off is None:
            return 0
        rest = self._broken_off.match(text)
        end = rest.end() if rest else 0
        if end < len(text):
            self._broken_off = None
        self._runs.end = end
        return end

    def _piece(self, piece: re.Match[bytes], text: bytes) -> int:
        runs, kind, end = self._runs, piece.lastgroup, piece.end()
        if kind == "token":
            runs.token(_unescaped(piece[0]), piece.start(), end)
        elif kind == "other":
            runs.other(piece[0])
        elif kind == "data":
            runs.stop()
            payload = _PAYLOAD.match(text, end)
            end = payload.end() if payload else end
            runs.drop(piece.start(), end)
            self._broken_off = _PAYLOAD if end == len(text) else None
        elif kind == "link":
            runs.stop()
            end = self._link(piece)
        elif kind == "dump":
            runs.stop()
            runs.found.append((piece.start(), end, False))
        elif kind == "known":
            runs.stop()
        return end

    def _link(self, piece: re.Match[bytes]) -> int:
        """A link to media, or one that carries media, goes; any other is kept as it stands."""
        gone = media_in(piece[0])
        if not gone:
            return piece.end()
        self._runs.found.append((piece.start(), piece.start() + gone, False))
        return piece.start() + gone

    def _cut_out(self, text: bytes, resumed: bool) -> bytes:
        kept, at = [], 0
        for start, end, as_number in self._runs.found:
            kept.append(text[at:start])
            if not (resumed and start == 0):
                self.dropped += 1
                kept.append(b"0" if as_number else MARK)
            at = max(at, end)
        self._runs.found.clear()
        kept.append(text[at:])
        return b"".join(kept)


def _unescaped(token: bytes) -> bytes:
    return _ESCAPED_UNIT.sub(b"/", token) if b"\\" in token else token
