"""Finds in a text what could identify a child, family, school or incident, near misses included.

R-NDI-04 to 06: names, school, year group, places, accounts, apps and times, alone or together.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rapidfuzz import fuzz

# How alike two words must be to count as one, of 100; short words must be the same.
_ALIKE: Final = 84.0
_SHORT: Final = 4
_WORD: Final = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_MONTHS: Final = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_APPS: Final = (
    r"snapchat|tik ?tok|instagram|whats ?app|discord|roblox|fortnite|minecraft|telegram|facebook"
    r"|messenger|youtube|twitch|omegle|yubo|kik|signal|steam"
)
# What may never stand in a letter about anything that happened.
_ALWAYS: Final = {
    "year_group": r"\b(?:year|yr|y)\s*-?\s*\d{1,2}\b|\breception\b|\bsixth form\b",
    "time": r"\b\d{1,2}[:.]\d{2}\b|\b\d{1,2}\s*[ap]\.?m\b|\b\d{1,2}[/.-]\d{1,2}(?:[/.-]\d{2,4})?\b",
    "day": r"\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b|\byesterday\b|\blast (?:week|night)\b",
    "date": rf"\b\d{{1,2}}(?:st|nd|rd|th)?\s+(?:{_MONTHS})\w*\b",
    "account": r"@\w[\w.-]*|\bhttps?://\S+|\bwww\.\S+|\b[\w.+-]+@[\w-]+\.\w+",
    "number": r"\b[+\d][\d ()-]{5,}\d\b",
    "place": r"\b[A-Z]{1,2}\d[A-Z\d]?\s*\d[A-Z]{2}\b",
    "person": r"\b(?:mr|mrs|ms|miss|dr|sir)\.?\s+\w+",
    "app": rf"\b(?:{_APPS})\b",
}
_PATTERNS: Final = {kind: re.compile(said, re.IGNORECASE) for kind, said in _ALWAYS.items()}
# A capital inside a sentence is somebody's or some place's name; these bodies anyone may name.
_NAME: Final = re.compile(r"(?<=[\w,;:] )[A-Z][\w'’-]+")
_MAY_BE_NAMED: Final = frozenset({"CEOP", "NSPCC", "Childline", "I"})
_STORY_WORDS: Final = 8
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
    every word; of a story, those with a capital or a number."""
    return frozenset(
        word.casefold()
        for text in _texts(list(details))
        for word in _telling(_WORD.findall(text))
        if len(word) > 2 and word.casefold() not in _COMMON  # noqa: PLR2004 - initials match all
    )


def _telling(words: list[str]) -> list[str]:
    if len(words) < _STORY_WORDS:
        return words
    return [word for word in words if not word.islower()]


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
    for match in _NAME.finditer(text):
        if match[0] not in _MAY_BE_NAMED:
            yield Found(field, match.start(), match.end(), "name")


def _of_the_case(field: str, text: str, known: frozenset[str]) -> Iterator[Found]:
    for match in _WORD.finditer(text):
        word = match[0].casefold()
        if word in _COMMON:
            continue
        if word in known or _nearly(word, known):
            yield Found(field, match.start(), match.end(), "of_the_case")


def _nearly(word: str, known: frozenset[str]) -> bool:
    """A name misspelt, or run together, is still the name."""
    if len(word) < _SHORT:
        return False
    return any(len(other) >= _SHORT and fuzz.ratio(word, other) >= _ALIKE for other in known)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
