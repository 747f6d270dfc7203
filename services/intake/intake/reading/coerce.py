"""Reads one fact leniently: what has one plain meaning is read as that, and said so."""

import re
from typing import Any

from intake.reading.instants import read_age
from intake.reading.issues import Issues
from intake.reading.parse import Repeated
from intake.reading.synonyms import NO, NOT_KNOWN, YES, folded_code
from intake.reading.vocabulary import Vocabulary
from intake.reading.worse import worse
from shared.policy.schema import UNKNOWN, Fact

FactValue = str | int | list[str]

_LIST = re.compile(r"[,;|\n]")
_LONGEST_CODE = 80
_MOST_MEMBERS = 100
_WITH_UNIT = re.compile(r"(\d{1,6})\s*(?:days?|ticks?|times?|years?|yrs?|y)?\.?", re.I | re.ASCII)


class Coercion:
    def __init__(self, vocabulary: Vocabulary, issues: Issues) -> None:
        self._vocabulary, self._issues = vocabulary, issues

    def fact(self, name: str, raw: Any, at: str) -> FactValue | None:
        """The fact's value; none when nothing was given, which is not the same as unknown."""
        fact = self._vocabulary.facts[name]
        # What nearly every body holds: the code itself.
        if isinstance(raw, str) and fact.kind != "set" and raw in fact.values:
            return raw
        if isinstance(raw, Repeated):
            return self._repeated(fact, raw, at)
        raw = unwrapped(raw)
        if raw is None or (isinstance(raw, str) and not raw.strip()):
            return None
        if fact.kind == "set":
            return self._set(fact, raw, at)
        if isinstance(raw, list) and not any(isinstance(one, list) for one in raw):
            self._issues.add(at, "read_as" if len(raw) == 1 else "contradiction")
            return self._repeated(fact, raw, at)
        return self._number(fact, raw, at) if fact.kind == "number" else self._word(fact, raw, at)

    def _repeated(self, fact: Fact, raw: list[Any], at: str) -> FactValue | None:
        values = (self.fact(fact.name, one, at) for one in raw[:_MOST_MEMBERS] if one is not raw)
        found = [value for value in values if value is not None]
        return worse(fact, found) if found else None

    def _set(self, fact: Fact, raw: Any, at: str) -> list[str] | None:
        if isinstance(raw, dict):
            raw = self._ticked(raw, at)
        if not isinstance(raw, list):
            raw = self._split(fact, raw, at)
        members: dict[str, None] = {}
        for i, one in enumerate(raw):
            if i == _MOST_MEMBERS:
                self._issues.add(at, "out_of_range")
                members[UNKNOWN] = None
                break
            if isinstance(one, str) and one in fact.values:
                members[one] = None
            elif (one := unwrapped(one)) is not None and one != "":
                members[self._word(fact, one, f"{at}/{i}")] = None
        return sorted(members) or None

    def _split(self, fact: Fact, raw: Any, at: str) -> list[Any]:
        if raw not in fact.values:
            self._issues.add(at, "read_as_list")
        codes = self._vocabulary.codes[fact.name]
        if isinstance(raw, str) and folded_code(raw[:_LONGEST_CODE]) not in codes:
            return [part.strip() for part in _LIST.split(raw)]
        return [raw]

    def _ticked(self, raw: dict[str, Any], at: str) -> list[Any]:
        """A form's boxes: the names of those that are ticked."""
        self._issues.add(at, "read_as_list")
        return [name for name, ticked in raw.items() if _plain(ticked) in YES]

    def _word(self, fact: Fact, raw: Any, at: str) -> str:
        if raw in fact.values if isinstance(raw, str) else False:
            return str(raw)
        code = self._meant(fact, raw)
        if code is None:
            self._issues.add(at, "unknown_code" if isinstance(raw, str) else "unreadable")
            return UNKNOWN
        if code != raw:
            self._issues.add(at, "read_as")
        return code

    def _meant(self, fact: Fact, raw: Any) -> str | None:
        plain = _plain(raw)
        if plain is None:
            return None
        if fact.kind == "flag":
            return "yes" if plain in YES else "no" if plain in NO else _not_known(plain)
        return self._vocabulary.codes[fact.name].get(plain)

    def _number(self, fact: Fact, raw: Any, at: str) -> FactValue:
        read = read_age(raw)
        if read is None and isinstance(raw, str):
            if _plain(raw) in NOT_KNOWN:
                if raw != UNKNOWN:
                    self._issues.add(at, "read_as")
                return UNKNOWN
            found = _WITH_UNIT.fullmatch(raw.strip()[:_LONGEST_CODE])
            read = (int(found[1]), ("read_as_number",)) if found else None
        if read is None:
            self._issues.add(at, "unreadable")
            return UNKNOWN
        number, issues = read
        if not fact.lowest <= number <= fact.highest:
            self._issues.add(at, "out_of_range")
            return UNKNOWN
        for issue in issues:
            self._issues.add(at, issue)
        return number


def _plain(raw: Any) -> str | None:
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, int | float):
        return str(int(raw)) if raw in (0, 1) else None
    return folded_code(raw) if isinstance(raw, str) and len(raw) <= _LONGEST_CODE else None


def _not_known(plain: str) -> str | None:
    return UNKNOWN if plain in NOT_KNOWN else None


def unwrapped(raw: Any) -> Any:
    """`{"code": "fgm", "description": …}`, as some systems send a code, is the code."""
    if isinstance(raw, dict) and len(raw) <= 4:  # noqa: PLR2004 - a code and its labels
        for name in ("code", "value"):
            if isinstance(raw.get(name), str | int | bool):
                return raw[name]
    return raw
