"""Drops media from a request's body while it is read, so that they never touch anything else."""

import codecs

from intake.reading.binary import BinaryRuns
from intake.reading.blobs import WINDOW, TextBlobs
from intake.reading.marks import FIRST_BYTES, MEDIA_TYPES

MOST_BYTES = 25 * 1024 * 1024
MOST_TEXT = 256 * 1024
_FIRST = 1_024
_UTF_16 = {
    **dict.fromkeys((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE), "utf-16"),
    **{first + b"\x00": "utf-16-le" for first in (b"{", b"[", b'"')},
    **{b"\x00" + first: "utf-16-be" for first in (b"{", b"[", b'"')},
}


class TooLarge(ValueError):
    """More than a concern can be: of the body as sent, or of what remains without media."""

    def __init__(self, limit: int) -> None:
        super().__init__("the body is too large")
        self.limit = limit


class MediaFilter:
    """Feed the chunks as they come, then finish; it holds at most two windows besides the text.

    What is decided depends on the bytes alone and never on how they were cut into chunks.
    """

    def __init__(self, content_type: str | None = None) -> None:
        self.whole_body_dropped = (content_type or "").strip().lower().startswith(MEDIA_TYPES)
        self._seen = self._kept_bytes = 0
        self._waiting = bytearray()
        self._kept: list[bytes] = []
        self._binary, self._blobs = BinaryRuns(), TextBlobs()
        self._decoder: codecs.IncrementalDecoder | None = None
        self._started = False

    @property
    def dropped_media(self) -> int:
        return self._binary.runs + self._blobs.dropped + self.whole_body_dropped

    def feed(self, chunk: bytes) -> None:
        self._seen += len(chunk)
        if self._seen > MOST_BYTES:
            raise TooLarge(MOST_BYTES)
        if self.whole_body_dropped:
            return
        for start in range(0, len(chunk), WINDOW):
            self._waiting += chunk[start : start + WINDOW]
            while len(self._waiting) >= WINDOW:
                self._window(bytes(self._waiting[:WINDOW]))
                del self._waiting[:WINDOW]

    def finish(self) -> bytes:
        """The body without its media."""
        self._window(bytes(self._waiting), last=True)
        self._waiting.clear()
        return b"" if self.whole_body_dropped else b"".join(self._kept)

    def _window(self, window: bytes, *, last: bool = False) -> None:
        if not self._started:
            self._start(window)
        if self.whole_body_dropped:
            return
        if self._decoder is not None:
            window = self._decoder.decode(window, last).encode("utf-8", "replace")
        window = self._binary.feed(window) + (self._binary.finish() if last else b"")
        kept = self._blobs.feed(window, last=last)
        self._kept_bytes += len(kept)
        if self._kept_bytes > MOST_TEXT:
            raise TooLarge(MOST_TEXT)
        self._kept.append(kept)

    def _start(self, window: bytes) -> None:
        self._started = True
        if FIRST_BYTES.match(window.lstrip()[:_FIRST]):
            self.whole_body_dropped = True
        elif encoding := _UTF_16.get(window[:2]):
            self._decoder = codecs.getincrementaldecoder(encoding)("replace")


def without_media(body: bytes, content_type: str | None = None) -> tuple[bytes, int]:
    """The body without its media, and how many pieces went."""
    media = MediaFilter(content_type)
    media.feed(body)
    return media.finish(), media.dropped_media
