"""What a fact is: its values, what silence means, and how "not known" is read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal, TypeAlias

from shared.policy import yaml12

Kind = Literal["choice", "flag", "number", "set"]
Reading = Literal["worst_case", "own_value", "indicator"]
Value: TypeAlias = str | int | frozenset[str]
Raw: TypeAlias = str | int | bool | Iterable[str] | None

UNKNOWN: Final = "unknown"
_PLAIN: Final = frozenset({str, int})  # and no bool, which is an int to Python
FACTS_FILE: Final = Path(__file__).with_name("facts.yaml")
YES: Final = frozenset({"yes", "y", "true", "t", "1"})
NO: Final = frozenset({"no", "n", "false", "f", "0"})


@dataclass(frozen=True, slots=True)
class Fact:
    name: str
    kind: Kind
    values: tuple[str, ...]
    absent: Value
    unknown: Reading
    lowest: int = 0
    highest: int = 0
    ask: str = ""
    derived: bool = False
    worst_case_if: str = ""
    also_called: tuple[str, ...] = ()
    synonyms: Mapping[str, str] = field(default_factory=dict)
    exact: frozenset[str] = frozenset()  # words that are read as they stand
    plain: frozenset[str | int] = frozenset()  # and whatever else is, but for sets

    def read(self, raw: Raw) -> Value:
        """The value meant by `raw`; what cannot be read is `unknown`, never refused."""
        if raw is None:
            return self.absent
        if type(raw) is str and raw in self.exact and self.kind != "set":
            return raw
        if self.kind == "set":
            return self._read_list(raw) if type(raw) is list else self._read_set(raw)
        if self.kind == "number":
            return self._read_number(raw)
        if isinstance(raw, bool | int) and self.kind == "flag":
            return self._read_word(str(raw))
        return self._read_word(raw) if isinstance(raw, str) else UNKNOWN

    def _read_word(self, word: str) -> str:
        if word in self.exact:
            return word
        plain = word.strip().lower().replace(" ", "_").replace("-", "_")
        if self.kind == "flag":
            return "yes" if plain in YES else "no" if plain in NO else UNKNOWN
        meant = self.synonyms.get(plain, plain)
        return meant if meant in self.values else UNKNOWN

    def _read_number(self, raw: Raw) -> Value:
        if isinstance(raw, str) and raw.strip().isascii() and raw.strip().isdigit():
            raw = int(raw.strip())
        if isinstance(raw, bool) or not isinstance(raw, int):
            return UNKNOWN
        return raw if self.lowest <= raw <= self.highest else UNKNOWN

    def _read_list(self, raw: list[str]) -> frozenset[str]:
        if not raw and isinstance(self.absent, frozenset):
            return self.absent
        try:
            if self.exact.issuperset(raw):
                return frozenset(raw)
        except TypeError:
            pass  # a member that is itself a list or an object
        return self._read_set(raw)

    def _read_set(self, raw: Raw) -> frozenset[str]:
        if isinstance(raw, bool | int) or raw is None:
            return frozenset({UNKNOWN})
        members = [raw] if isinstance(raw, str) else list(raw)
        if not members and isinstance(self.absent, frozenset):
            return self.absent
        return frozenset(self._read_word(m) if isinstance(m, str) else UNKNOWN for m in members)


@dataclass(frozen=True, slots=True, eq=False)
class Schema:
    facts: Mapping[str, Fact]
    severe_types: frozenset[str]
    request_facts: frozenset[str]
    aliases: Mapping[str, str]
    facts_called: Mapping[str, Fact]  # by each of their names
    absent: Mapping[str, Value]

    def __getitem__(self, name: str) -> Fact:
        return self.facts[name]

    def __contains__(self, name: object) -> bool:
        return name in self.facts

    def given(self, raw: Mapping[str, Raw]) -> frozenset[str]:
        """The facts a submission really held."""
        of = self.facts_called
        return frozenset([of[n].name for n, value in raw.items() if value is not None and n in of])

    def read(self, raw: Mapping[str, Raw]) -> dict[str, Value]:
        """Every fact, read or filled in by what its absence means; derived ones are not read."""
        return self.reading(raw)[0]

    def reading(self, raw: Mapping[str, Raw]) -> tuple[dict[str, Value], frozenset[str]]:
        """Every fact, and which of them were given."""
        values, given = dict(self.absent), []
        called = self.facts_called
        for name, value in raw.items():
            fact = called.get(name)
            if value is None or fact is None:
                continue
            given.append(fact.name)
            if not fact.derived:
                # What nearly every value is: a code, or a number, as the list of facts has it.
                if type(value) in _PLAIN and value in fact.plain:
                    values[fact.name] = value
                else:
                    values[fact.name] = fact.read(value)
        return values, frozenset(given)


def _fact(name: str, entry: Mapping[str, object]) -> Fact:
    kind = str(entry["kind"])
    values = ["yes", "no"] if kind == "flag" else entry.get("values", [])
    absent = entry["absent"]
    exact: frozenset[str] = frozenset([*values, UNKNOWN])  # type: ignore[misc]
    numbers = range(int(entry.get("from", 0)), int(entry.get("to", 0)) + 1)  # type: ignore[call-overload]
    plain = {"set": frozenset[str | int](), "number": exact | frozenset(numbers)}.get(kind, exact)
    return Fact(
        name=name,
        kind=kind,  # type: ignore[arg-type]
        values=tuple(str(v) for v in values),  # type: ignore[attr-defined]
        absent=frozenset(absent) if isinstance(absent, list) else absent,  # type: ignore[arg-type]
        unknown=entry["unknown"],  # type: ignore[arg-type]
        lowest=entry.get("from", 0),  # type: ignore[arg-type]
        highest=entry.get("to", 0),  # type: ignore[arg-type]
        ask=str(entry.get("ask", "")),
        derived=entry.get("derived") == "yes",
        worst_case_if=str(entry.get("worst_case_if", "")),
        also_called=tuple(entry.get("also_called", ())),  # type: ignore[arg-type]
        synonyms=entry.get("synonyms", {}),  # type: ignore[arg-type]
        exact=exact,
        plain=plain,
    )


@lru_cache(maxsize=1)
def load_schema() -> Schema:
    data = yaml12.load(FACTS_FILE.read_bytes())
    facts = {name: _fact(name, entry) for name, entry in data["facts"].items()}
    aliases = {other: fact.name for fact in facts.values() for other in fact.also_called}
    called = {name: fact for fact in facts.values() for name in (*fact.also_called, fact.name)}
    return Schema(
        facts=facts,
        severe_types=frozenset(data["severe_types"]),
        request_facts=frozenset(data["request_facts"]),
        aliases=aliases,
        facts_called=called,
        absent={name: fact.absent for name, fact in facts.items()},
    )
