"""Gathers the facts of one level of a submission and joins a child's own with the shared ones."""

from collections.abc import Mapping
from typing import Any

from intake.reading.coerce import Coercion, FactValue
from intake.reading.issues import Issues
from intake.reading.members import Found, object_of
from intake.reading.synonyms import folded_code
from intake.reading.vocabulary import Vocabulary
from intake.reading.worse import worse
from shared.policy.schema import UNKNOWN

Facts = dict[str, FactValue]


class FactReader:
    def __init__(self, vocabulary: Vocabulary, issues: Issues) -> None:
        self._vocabulary, self._issues = vocabulary, issues
        self._coercion = Coercion(vocabulary, issues)

    def level(self, given: Any, rest: Found, at: str, at_home: frozenset[str]) -> Facts:
        """The `facts` object and the facts beside it; `at_home` may stand beside it."""
        facts: Facts = {}
        if given is not None:
            self._object(object_of(given, f"{at}/facts", self._issues), f"{at}/facts", facts)
        for name, raw in rest.items():
            fact = self._name(name)
            if fact is None:
                self._issues.add(at, "not_understood")
            else:
                if name not in at_home:
                    self._issues.add(f"{at}/{fact}", "read_from_another_place")
                self.add(facts, fact, raw, f"{at}/{fact}")
        return facts

    def add(self, facts: Facts, fact: str, raw: Any, at: str) -> None:
        value = self._coercion.fact(fact, raw, at)
        if value is None:
            return
        before = facts.get(fact)
        if before is not None and before != value:
            self._issues.add(at, "contradiction")
            value = worse(self._vocabulary.facts[fact], [before, value])
        facts[fact] = value

    def _object(self, given: Mapping[str, Any], at: str, facts: Facts) -> None:
        for name, raw in given.items():
            fact = self._name(name)
            if fact is None:
                self._issues.add(at, "not_understood")
                continue
            if fact != name:
                self._issues.add(f"{at}/{fact}", "read_from_another_name")
            self.add(facts, fact, raw, f"{at}/{fact}")

    def _name(self, name: str) -> str | None:
        if name in self._vocabulary.facts:
            return name
        return self._vocabulary.names.get(folded_code(name)) if len(name) <= 80 else None  # noqa: PLR2004

    def joined(self, shared: Facts, own: Facts) -> Facts:
        """A child's own facts come first; sets unite; what is not known hides nothing known."""
        facts = dict(shared)
        for name, value in own.items():
            before = facts.get(name)
            if before is None or (value != UNKNOWN and not isinstance(value, list)):
                facts[name] = value
            elif isinstance(value, list):
                facts[name] = sorted({*value, *(before if isinstance(before, list) else ())})
        return facts
