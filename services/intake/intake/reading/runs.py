"""Tells a run of encoded bytes from ordinary words, and where it starts and ends."""

import re

from intake.reading.marks import STARTS_LIKE_A_FILE

_SUB_WORD = re.compile(rb"[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_NUMBER_PARTS = b"0123456789-/=_+"
_PLAIN_SHORT = re.compile(rb"[a-z]+|[A-Z][a-z]+|[IA]")
_NUMBER = re.compile(rb"-?[0-9]+")
# The score grows by the length of each token no person would write and shrinks with each word.
ENOUGH, _CAP, _MOST, _WORD, _LONG_WORD, _FILE = 240, 80, 240, 8, 24, 40
# A dump of single bytes: this many tokens of at most three characters, and this many different.
_SHORTS, _DIFFERENT = 96, 24
_UNBROKEN, _GROUP, _SHORT, _SHORTEST = 4_096, 16, 3, 2
_HAS_ALNUM = re.compile(rb"[A-Za-z0-9]")


def is_word(token: bytes) -> bool:
    """Whether a person or a system could have written this: words, numbers, ids of few parts."""
    if token.isalpha() and (token.islower() or token.isupper() or token[1:].islower()):
        return True
    sample = token[:512]
    if 5 * len(sample.translate(None, _NUMBER_PARTS)) <= len(sample):
        return True
    return len(_SUB_WORD.findall(sample)) <= 1 + len(sample) // 5


def starts_a_file(token: bytes) -> bool:
    return len(token) >= _FILE and STARTS_LIKE_A_FILE.match(token) is not None


def _is_short(token: bytes) -> bool:
    """One byte, written as a number or in hex, or a few letters."""
    return len(token) <= (_SHORT + 1 if token[:1] in b"-0" else _SHORT)


class Runs:
    """Follows the tokens of a text; `found` lists what to drop as (start, end, as a number)."""

    def __init__(self) -> None:
        self.found: list[tuple[int, int, bool]] = []
        self.dropping = False
        self.start = self.end = 0
        self._score = self._score_at_end = self._cap = 0
        self._shorts = self._shorts_start = 0
        self._different: set[bytes] = set()
        self._numbers = False
        self._single = False  # a dump of single bytes or letters
        self._widest = 0  # groups are of one width: what is wider is no longer of the run

    def token(self, token: bytes, at: int, end: int) -> None:
        if self.dropping:
            self._follow(token, at, end)
            return
        if len(token) >= _UNBROKEN or starts_a_file(token):
            self.drop(at, end)
        elif is_word(token):
            self._score = max(0, self._score - min(_LONG_WORD, _WORD + len(token)))
        else:
            if not self._score:
                self.start, self._widest = at, 0
            self._score += len(token)
            self._widest = max(self._widest, len(token))
            if self._score >= ENOUGH:
                self.drop(self.start, end, widest=self._widest)
        if not self.dropping:
            self._short(token, at, end)

    def other(self, text: bytes) -> None:
        """What stands between tokens and is not white space, comma or colon."""
        if len(text) > _SHORTEST or text[-1] in b'"[]{}':
            self.stop()
        elif self.dropping:
            self._wane(_WORD)
        else:
            self._score = max(0, self._score - _WORD // 2)

    def drop(self, start: int, end: int, *, single: bool = False, widest: int = _UNBROKEN) -> None:
        self._single, numbers = single, single and self._numbers
        self._widest = widest
        self._forget()
        self.dropping, self.start, self.end, self._numbers = True, start, end, numbers
        self._score = self._score_at_end = self._cap = _CAP

    def stop(self) -> None:
        if self.dropping:
            self.found.append((self.start, self.end, self._numbers))
        self.dropping = False
        self._forget()

    def earliest(self) -> int | None:
        """Where the run that may be beginning begins."""
        starts = [self.start] * bool(self._score) + [self._shorts_start] * bool(self._shorts)
        return min(starts, default=None)

    def next_window(self) -> None:
        """The text from `end` on is read again, at position 0, when dropping; else all anew."""
        if self.dropping:
            self.start = self.end = 0
            self._score = self._score_at_end
        else:
            self._forget()

    def _short(self, token: bytes, at: int, end: int) -> None:
        if not _is_short(token):
            self._shorts = 0
            return
        if not self._shorts:
            self._shorts_start, self._numbers = at, True
            self._different.clear()
        self._shorts += 1
        self._different.add(token)
        self._numbers = self._numbers and _NUMBER.fullmatch(token) is not None
        if self._shorts >= _SHORTS and len(self._different) >= _DIFFERENT:
            self.drop(self._shorts_start, end, single=True)

    def _follow(self, token: bytes, at: int, end: int) -> None:
        if not _HAS_ALNUM.search(token):
            return
        if not _is_short(token) if self._single else len(token) > self._widest:
            self.stop()
            self.token(token, at, end)
        elif self._single and _PLAIN_SHORT.fullmatch(token):
            self._wane(2)
        elif not self._single and len(token) <= _GROUP and is_word(token):
            self._wane(_LONG_WORD if token.isalpha() and len(token) > _SHORT else 2 * _WORD)
        elif not self._single and token.isalpha() and is_word(token):
            self.stop()
        else:
            self.end = end
            # After a line one word ends it; the longer small groups go on, the surer they are.
            self._cap = min(_MOST, self._cap + 1)
            most = _LONG_WORD if len(token) > _GROUP else self._cap
            self._score = self._score_at_end = min(most, self._score + 2 * len(token))

    def _wane(self, by: int) -> None:
        self._score -= by
        if self._score <= 0:
            self.stop()

    def _forget(self) -> None:
        self._score = self._shorts = 0
        self._different.clear()
