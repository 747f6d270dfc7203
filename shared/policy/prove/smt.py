"""The second prover: the same questions put to z3, over its own reading of the parsed rules.

Nothing is shared with the first but the question: the conditions are read here as they are written,
not through the masks or the branches that evaluation uses.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, Final

from shared.policy.grammar import AllOf, AnyOf, Condition, Match, Not
from shared.policy.prove.obligation import Need, Obligation
from shared.policy.prove.sources import Source
from shared.policy.prove.space import CONCERN, NOTHING, SEVERE, TYPES, Key
from shared.policy.schema import UNKNOWN, Fact, Schema

MISSING: Final = (
    "the second prover needs z3, which is not installed: pip install 'handrail[prove]', or use "
    "--exhaustive"
)


class SolverMissing(Exception):
    """z3 is not installed."""


def _z3() -> Any:
    try:
        import z3  # noqa: PLC0415 - an optional extra, and half a second to load
    except ImportError as error:
        raise SolverMissing(MISSING) from error
    return z3


class Solver:
    """Holds the facts of one schema; asks whether anything breaks an obligation."""

    def __init__(
        self, schema: Schema, impossible: Iterable[Source] = (), kind: str | None = None
    ) -> None:
        self.z3 = _z3()
        self.schema = schema
        self._known: dict[str, Any] = {}  # the fact has a known value
        self._is: dict[tuple[str, Key], Any] = {}
        self._number: dict[str, Any] = {}
        self._needs: dict[Need, Any] = {}
        self._read: dict[tuple[Source, bool], Any] = {}
        self._tests: dict[tuple[Any, ...], Any] = {}
        self._solver = self.z3.SimpleSolver()
        for fact in schema.facts.values():
            self._solver.add(*self._declare(fact))
        self._solver.add(*self._arising())
        self._solver.add(*(self.z3.Not(self.holds(source)) for source in impossible))
        if kind is not None:
            self._solver.add(self.has(TYPES, kind))

    def broken(self, question: Obligation) -> bool:
        """Whether some combination of facts breaks it; raises if the solver cannot tell."""
        z3, solver = self.z3, self._solver
        solver.push()
        solver.add(z3.Or([self.holds(source) for source in question.whens]))
        solver.add(z3.Not(self._goal(question)))
        for name, keys in question.limits:
            solver.add(z3.Or([self.has(name, key) for key in keys]))
        answer = solver.check()
        solver.pop()
        if answer == z3.unknown:
            raise AssertionError(f"the solver cannot answer {question.promise}")
        return bool(answer == z3.sat)

    def satisfiable(self, formula: Any) -> bool:
        """Whether some combination of facts makes a formula true."""
        answer = self._solver.check(formula)
        if answer == self.z3.unknown:
            raise AssertionError("the solver cannot answer")
        return bool(answer == self.z3.sat)

    def _goal(self, question: Obligation) -> Any:
        z3, goal = self.z3, question.goal
        parts = [z3.Not(self.holds(source)) for source in goal.never]
        if goal.alternatives:
            parts.append(
                z3.Or([
                    z3.And([self._any(need) for need in alternative])
                    for alternative in goal.alternatives
                ])
            )  # fmt: skip
        return z3.And(parts)

    def _any(self, need: Need) -> Any:
        if need not in self._needs:
            self._needs[need] = self.z3.Or([self.holds(source) for source in need])
        return self._needs[need]

    # ---- the facts -----------------------------------------------------------------------------
    def _declare(self, fact: Fact) -> Iterator[Any]:
        z3 = self.z3
        known = self._known[fact.name] = z3.Bool(f"{fact.name}?")
        if fact.derived:
            yield known
        if fact.kind == "number":
            number = self._number[fact.name] = z3.Int(fact.name)
            yield number >= fact.lowest
            yield number <= fact.highest
            return
        keys: list[Key] = list(fact.values)
        if fact.kind == "set" and (fact.absent == frozenset() or fact.name == TYPES):
            keys.append(NOTHING)
        for key in keys:
            self._is[fact.name, key] = z3.Bool(f"{fact.name}={key}")
        several = [self._is[fact.name, key] for key in keys]
        yield z3.Implies(known, z3.PbEq([(one, 1) for one in several], 1))
        yield z3.Implies(z3.Not(known), z3.Not(z3.Or(several)))

    def has(self, name: str, key: Key) -> Any:
        if key == UNKNOWN and (name, key) not in self._is:
            return self.z3.Not(self._known[name])
        if name in self._number:
            return self.z3.And(self._known[name], self._number[name] == key)
        return self._is.get((name, key), self.z3.BoolVal(False))

    def _arising(self) -> Iterator[Any]:
        """Concerns have a kind, and severe kinds are severe; a request has neither, nor facts."""
        z3, schema = self.z3, self.schema
        concern = self.has(CONCERN, "yes")
        yield z3.Implies(concern, z3.Not(self.has(TYPES, NOTHING)))
        for kind in schema.severe_types:
            yield z3.Implies(z3.And(concern, self.has(TYPES, kind)), self.has(SEVERE, "yes"))
        nothing = [self.has(TYPES, NOTHING), z3.Not(self.has("disclosure_request", "none"))]
        for name, fact in schema.facts.items():
            free = name in schema.request_facts or name in {CONCERN, TYPES, "in_hours"}
            if not free:
                absent = fact.absent
                keys = (absent or {NOTHING}) if isinstance(absent, frozenset) else {absent}
                nothing.append(z3.Or([self.has(name, key) for key in keys]))
        yield z3.Implies(z3.Not(concern), z3.And(nothing))

    # ---- the conditions ------------------------------------------------------------------------
    def holds(self, source: Source) -> Any:
        """May hold, or must where the source is certain."""
        found = self._read.get((source, source.certain))
        if found is None:
            at = dict(source.at)
            found = self._truth(source.when, source.certain, at)
            self._read[source, source.certain] = found
        return found

    def _truth(self, when: Condition, certain: bool, at: dict[str, Key]) -> Any:
        z3 = self.z3
        if isinstance(when, AllOf):
            return z3.And([self._truth(part, certain, at) for part in when.of])
        if isinstance(when, AnyOf):
            return z3.Or([self._truth(part, certain, at) for part in when.of])
        if isinstance(when, Not):
            return self._denied(when.of, certain, at)
        return self._test(when, certain, at)

    def _denied(self, when: Condition, certain: bool, at: dict[str, Key]) -> Any:
        """ "Not" is pushed inwards: it may fail where it need not hold, and the other way round."""
        if isinstance(when, Not):
            return self._truth(when.of, certain, at)
        if isinstance(when, AllOf):
            return self.z3.Or([self._denied(part, certain, at) for part in when.of])
        if isinstance(when, AnyOf):
            return self.z3.And([self._denied(part, certain, at) for part in when.of])
        return self._refuted(when, certain, at)

    def _test(self, test: Match, certain: bool, at: dict[str, Key]) -> Any:
        key = (test, certain, at.get(test.fact))
        if key not in self._tests:
            self._tests[key] = self._fresh_test(test, certain, at)
        return self._tests[key]

    def _fresh_test(self, test: Match, certain: bool, at: dict[str, Key]) -> Any:
        z3, fact = self.z3, self.schema[test.fact]
        known, value = self._known_and(fact, test.accepts, at)
        everything = test.accepts - {UNKNOWN} == self._all(fact)
        named = UNKNOWN in test.accepts
        if fact.kind == "set":
            return value if certain or not named else z3.Or(value, z3.Not(known))
        if test.known_only:
            return z3.And(known, value)
        if certain:
            return z3.Or(z3.And(known, value), z3.And(z3.Not(known), everything))
        guessed = bool(test.accepts - {UNKNOWN})
        open_ = z3.BoolVal(named) if not guessed else z3.Or(named, self._at_worst(fact, at))
        return z3.Or(z3.And(known, value), z3.And(z3.Not(known), open_))

    def _refuted(self, test: Match, certain: bool, at: dict[str, Key]) -> Any:
        """The test does not hold: of a known value what it leaves out; of none, as it is read."""
        z3, fact = self.z3, self.schema[test.fact]
        known, value = self._known_and(fact, test.accepts, at)
        outside = z3.And(known, z3.Not(value))
        if test.known_only:
            return z3.BoolVal(False) if certain else z3.Not(known)
        rest = self._all(fact) - test.accepts
        if certain:
            return z3.Or(outside, z3.And(z3.Not(known), rest == self._all(fact)))
        own = fact.unknown != "worst_case" and UNKNOWN not in test.accepts
        open_ = z3.Or(own, z3.And(bool(rest), self._at_worst(fact, at)))
        return z3.Or(outside, z3.And(z3.Not(known), open_))

    def _all(self, fact: Fact) -> frozenset[Key]:
        if fact.kind == "number":
            return frozenset(range(fact.lowest, fact.highest + 1))
        return frozenset(fact.values)

    def _known_and(
        self, fact: Fact, accepts: frozenset[Key], at: dict[str, Key]
    ) -> tuple[Any, Any]:
        """Whether the fact is known, and whether its known value is accepted."""
        z3 = self.z3
        if fact.name in at:
            fixed = at[fact.name]
            return z3.BoolVal(fixed != UNKNOWN), z3.BoolVal(fixed != UNKNOWN and fixed in accepts)
        known = self._known[fact.name]
        if fact.kind == "number":
            number = self._number[fact.name]
            runs = [z3.And(number >= low, number <= high) for low, high in _runs(accepts)]
            return known, z3.Or(runs)
        return known, z3.Or([self._is[fact.name, key] for key in accepts if key != UNKNOWN])

    def _at_worst(self, fact: Fact, at: dict[str, Key]) -> Any:
        if fact.unknown == "worst_case":
            return self.z3.BoolVal(True)
        if not fact.worst_case_if:
            return self.z3.BoolVal(False)
        if fact.worst_case_if in at:
            return self.z3.BoolVal(at[fact.worst_case_if] == "yes")
        return self.has(fact.worst_case_if, "yes")


def _runs(accepts: frozenset[Key]) -> Iterator[tuple[int, int]]:
    numbers = sorted(key for key in accepts if isinstance(key, int))
    for _, run in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
        found = [number for _, number in run]
        yield found[0], found[-1]
