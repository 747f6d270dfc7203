"""Finds in a text what could identify a child, family, school or incident, near misses included.

R-NDI-04 to 06: names, school, year group, places, accounts, apps and times, alone or together.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from rapidfuzz import fuzz

# How alike two words must be to count as one, of 100; short words must be the same. One letter of
# five may differ.
_ALIKE: Final = 80.0
_SHORT: Final = 4
_LETTERS: Final = r"(?:[^\W_]|[\u0300-\u036f])+"
_PART: Final = re.compile(_LETTERS)
_WORD: Final = re.compile(rf"{_LETTERS}(?:['’‘-]{_LETTERS})*")
_OWNERS: Final = re.compile(r"['’‘]s$", re.IGNORECASE)
# Letters that have no accent to take off, and stand for these.
_PLAIN: Final = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "æ": "ae", "œ": "oe"})
# Characters that nobody sees: they would part a name in two.
_UNSEEN: Final = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]")
_MONTHS: Final = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_APPS: Final = (
    r"snapchat|tik ?tok|instagram|whats ?app|discord|roblox|fortnite|minecraft|telegram|facebook"
    r"|messenger|youtube|twitch|omegle|yubo|kik|signal|steam"
)
_NUMBERS: Final = (
    r"(?:\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen)"
)
# What may never stand in a letter about anything that happened.
_ALWAYS: Final = {
    "year_group": rf"\b(?:years?|yrs?|y)\s*-?\s*{_NUMBERS}\b|\breception\b|\bsixth form\b"
    r"|\bkey stage\b|\bks\d\b|\bnursery\b|\b(?:class|form)\s+\d\w*",
    "age": rf"\baged\s+{_NUMBERS}\b|\b{_NUMBERS}[\s-]+years?[\s-]+old\b",
    "time": r"\b\d{1,2}[:.]\d{2}\b|\b\d{1,2}\s*[ap]\.?m\b|\b\d{1,2}[/.-]\d{1,2}(?:[/.-]\d{2,4})?\b"
    r"|\bo['’]clock\b",
    "day": r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b|\byesterday\b|\btonight\b"
    r"|\b(?:last|this) (?:week(?:end)?|month|night|morning|afternoon|evening)\b",
    "date": rf"\b\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?(?:{_MONTHS})\w*\b"
    rf"|\b(?:{_MONTHS})[a-z]*\s+\d{{1,2}}(?:st|nd|rd|th)?\b",
    "account": r"@\w[\w.-]*|\bhttps?://\S+|\bwww\.\S+|\b[\w.+-]+@[\w-]+\.\w+"
    r"|\b[\w-]+\.(?:com|co|org|net|uk|gg|io|tv|me|app)\b",
    "number": r"\b[+\d][\d ()-]{4,}\d\b",
    "place": r"\b[A-Z]{1,2}\d[A-Z\d]?\s*\d[A-Z]{2}\b",
    "person": r"\b(?:mr|mrs|ms|miss|dr|sir)\.?\s+\w+",
    "app": rf"\b(?:{_APPS})\b",
}
_PATTERNS: Final = {kind: re.compile(said, re.IGNORECASE) for kind, said in _ALWAYS.items()}
# A capital inside a sentence is somebody's or some place's name; these bodies anyone may name.
_MAY_BE_NAMED: Final = frozenset({"CEOP", "NSPCC", "Childline", "I"})
_NOT_A_WORD: Final = " \t\"'“”‘’([{–—-/"
_STORY_WORDS: Final = 8
# A word in letters apart.
_SPELT: Final = re.compile(r"\b[^\W_](?:[ .-]+[^\W_]\b){2,}")
# In a member for a name, and no name.
_NO_NAMES: Final = frozenset(
    ("the", "a", "an", "and", "of", "not", "no", "known", "unknown", "school", "child", "pupil")
)
# Everyday words, which identify nobody.
_COMMON: Final = frozenset(Path(__file__).with_name("everyday-words.txt").read_text().split())


@dataclass(frozen=True, slots=True)
class Found:
    """Characters start to end of `field` are of this kind. What they matched is not told."""

    field: str
    start: int
    end: int
    kind: str


def identifying_words(details: Iterable[Any]) -> frozenset[str]:
    """Folded words that could tell who it is about: of short members, such as names and addresses,
    every word; of a story, those with a capital or a number, or all where it has no capitals."""
    told = list(_texts(list(details)))
    words = {form for text, _ in told for word in _telling(text) for form in _forms(word)}
    # Somebody may be called Lane or May: an everyday word that is a name tells as well.
    called = {form for text, is_name in told if is_name for form in _called(text)}
    few = {form for form in words if form.isdecimal() and len(form) < _SHORT - 1}
    return frozenset((words - _COMMON - few) | called)


def _called(text: str) -> Iterator[str]:
    for word in _WORD.findall(text):
        if word[0].isupper() and word.casefold() not in _NO_NAMES:
            yield from _forms(word)


def _telling(text: str) -> list[str]:
    words = _WORD.findall(text)
    if len(words) < _STORY_WORDS or text.islower():
        return words
    return [word for word in words if not word.islower()]


def _forms(word: str) -> set[str]:
    """A word as it may be written: without accents, run together, each part of it, not as its
    owner's nor as several."""
    word = _OWNERS.sub("", word)
    parts = [_folded(part) for part in _PART.findall(word)]
    forms = {form for form in ("".join(parts), *parts) if len(form) > 1}
    several = (form for form in forms - _COMMON if form.endswith("s") and len(form) >= _SHORT)
    return forms | {form[:-1] for form in several}


def _folded(word: str) -> str:
    plain = unicodedata.normalize("NFKD", word.casefold().translate(_PLAIN))
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def find(fields: dict[str, str], known: frozenset[str]) -> list[Found]:
    """All places, in order; a place that two reasons name is told once."""
    found: dict[tuple[str, int, int], Found] = {}
    for field, text in fields.items():
        for one in (*_of_the_case(field, text, known), *_always(field, text)):
            found.setdefault((one.field, one.start, one.end), one)
    return sorted(found.values(), key=lambda one: (one.field, one.start, one.end))


def _always(field: str, text: str) -> Iterator[Found]:
    for kind, pattern in _PATTERNS.items():
        for match in pattern.finditer(text):
            yield Found(field, match.start(), match.end(), kind)
    for match in _WORD.finditer(text):
        if _inside(text, match) or _initial(match[0]):
            yield Found(field, match.start(), match.end(), "name")
    for match in _UNSEEN.finditer(text):
        yield Found(field, match.start(), match.end(), "unseen")


def _inside(text: str, match: re.Match[str]) -> bool:
    """A capital that begins no sentence."""
    word = _OWNERS.sub("", match[0])
    if not word[0].isupper() or word in _MAY_BE_NAMED or word[:2] in ("I'", "I’"):
        return False
    before = text[: match.start()].rstrip(_NOT_A_WORD)
    return bool(before) and before[-1] not in ".!?"


def _initial(word: str) -> bool:
    return len(word) == 1 and word.isupper() and word not in ("A", "I")


def _of_the_case(field: str, text: str, known: frozenset[str]) -> Iterator[Found]:
    words = list(_WORD.finditer(text))
    for match in words:
        if any(form in known or _nearly(form, known) for form in _forms(match[0])):
            yield Found(field, match.start(), match.end(), "of_the_case")
    apart = [(one.start(), other.end()) for one, other in pairwise(words)]
    apart += [run.span() for run in _SPELT.finditer(text)]
    for start, end in apart:
        together = "".join(_folded(part) for part in _PART.findall(text[start:end]))
        if len(together) >= _SHORT - 1 and together in known:
            yield Found(field, start, end, "of_the_case")


def _nearly(word: str, known: frozenset[str]) -> bool:
    """A name misspelt is still the name."""
    if len(word) < _SHORT or word in _COMMON:
        return False
    return any(len(other) >= _SHORT and fuzz.ratio(word, other) >= _ALIKE for other in known)


def _texts(value: Any, *, is_name: bool = False) -> Iterator[tuple[str, bool]]:
    """Each text, and whether its member is for a name."""
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        yield str(value), is_name
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _texts(part, is_name=is_name or "name" in str(key).casefold())
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part, is_name=is_name)
