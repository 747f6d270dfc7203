"""Proves every promise of the register over every layer of the packs, by both provers."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from time import perf_counter
from typing import Final, Literal

from shared.policy.engine import Policy
from shared.policy.prove import gates
from shared.policy.prove.duties import Promise, Register
from shared.policy.prove.exact import Count, count
from shared.policy.prove.ground import Ground
from shared.policy.prove.obligation import Obligation
from shared.policy.prove.questions import questions
from shared.policy.prove.regions import Region, TooManyRegions, holds, regions
from shared.policy.prove.replay import Example, replay
from shared.policy.prove.smt import Solver
from shared.policy.prove.sources import Effects, layers
from shared.policy.prove.space import TYPES, Slice, slices
from shared.policy.prove.useful import not_redundant, reachable
from shared.policy.prove.words import tidy

Engine = Literal["exhaustive", "smt", "both", "fast"]
SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Failure:
    """What one promise does not get from one layer: every region, and one replayed concern."""

    promise: str
    layer: str
    what: str
    regions: tuple[Region, ...]
    too_many: bool
    example: Example | None
    broken: int
    total: int


@dataclass(slots=True)
class Proof:
    """What was asked, what failed, and by how many combinations it is known."""

    engine: Engine
    day: date
    questions: int = 0
    asked: int = 0  # questions answered by the provers; the rest repeat one of another layer
    combinations: int = 0
    counted: int = 0
    failures: list[Failure] = field(default_factory=list)
    disagreements: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=lambda: {"exhaustive": 0.0, "smt": 0.0})

    @property
    def holds(self) -> bool:
        return not self.failures and not self.disagreements


class Prover:
    """Both provers over one policy as it is on one day."""

    def __init__(self, policy: Policy, register: Register, engine: Engine, day: date,
                 kind: str | None = None) -> None:  # fmt: skip
        self.policy = policy
        self.register = register
        self.kind = kind
        self.spaces = tuple(_of_kind(slices(policy.schema), kind))
        self.proof = Proof(engine, day)
        self.proof.combinations = sum(space.size() for space in self.spaces)
        self._solver: Solver | None = None
        self._answers: dict[object, tuple[bool, Count]] = {}
        self.layers = layers(policy, day)
        if kind is not None:
            self.layers = [effects.within(self.spaces) for effects in self.layers]

    def run(self) -> Proof:
        national = self.layers[0]
        for effects in self.layers:
            if effects.las and effects.same_as(national):
                continue  # an authority without rules of its own is answered as the nation is
            ground = Ground(self.register, effects, national, self.policy.schema)
            for promise in self.register.promises:
                for question in questions(promise, ground):
                    self._ask(question, effects)
                self._ask_apart(promise, effects)
        return self.proof

    def _ask(self, question: Obligation, effects: Effects) -> None:
        self.proof.questions += 1
        key = question.promise, question.whens, question.goal, question.limits
        fresh = key not in self._answers
        if fresh:
            self._answers[key] = self.answer(question)
        fine, counted = self._answers[key]
        # What fails nationally fails with every authority's pack; it is told once.
        if not fine and fresh:
            self.proof.failures.append(self._failure(question, effects, counted))

    def answer(self, question: Obligation) -> tuple[bool, Count]:
        """Whether it holds; where the provers differ the answer is no, and the difference told."""
        proof, found, counted = self.proof, list[bool](), Count()
        proof.asked += 1
        start = perf_counter()
        if proof.engine in {"exhaustive", "both"}:
            counted = count(question, self.spaces, self.register.impossible).whole
            found.append(not counted.broken)
        if proof.engine in {"exhaustive", "both", "fast"}:
            found.append(holds(question, self.spaces, self.register.impossible))
        proof.counted += counted.total
        proof.seconds["exhaustive"] += perf_counter() - start
        if proof.engine in {"smt", "both"}:
            start = perf_counter()
            found.append(not self.solver().broken(question))
            proof.seconds["smt"] += perf_counter() - start
        self._agree(question.promise, question.what, found)
        return all(found), counted

    def _agree(self, promise: str, what: str, found: list[bool]) -> None:
        if len(set(found)) > 1:
            self.proof.disagreements.append(f"{promise}: {what}: the provers answer {found}")

    def solver(self) -> Solver:
        if self._solver is None:
            self._solver = Solver(self.policy.schema, self.register.impossible, self.kind)
        return self._solver

    def _failure(self, question: Obligation, effects: Effects, counted: Count) -> Failure:
        try:
            found, too_many = tidy(regions(question, self.spaces, self.register.impossible)), False
        except TooManyRegions:
            found, too_many = [], True
        example = self._example(question, found, effects)
        if found and example is None:
            self.proof.disagreements.append(
                f"{question.promise}: {question.what}: no concern that can be sent shows it"
            )
        return Failure(
            question.promise, effects.name, question.what, tuple(found), too_many, example,
            counted.broken, counted.total,
        )  # fmt: skip

    def _example(
        self, question: Obligation, found: list[Region], effects: Effects
    ) -> Example | None:
        for region in found[:SHOWN]:
            example = replay(question, region, self.policy, effects.las, self.proof.day)
            if example is not None:
                return example
        return None

    # ---- what is asked of the gate, and of each rule -------------------------------------------
    def _ask_apart(self, promise: Promise, effects: Effects) -> None:
        for clause in promise.then:
            if clause.kind == "gate" and not effects.las:
                self._ask_gate(promise, clause.names)
            elif clause.kind == "every_rule" and self.kind is None:
                self._ask_rules(promise, effects, clause.options)

    def _ask_gate(self, promise: Promise, allowed: tuple[str, ...]) -> None:
        proof = self.proof
        proof.questions += 1
        proof.asked += 1
        what = f"the gate answers {' or '.join(allowed)}"
        start = perf_counter()
        told = gates.check(promise, allowed, self.policy.national, self.policy.schema)
        proof.seconds["exhaustive"] += perf_counter() - start
        found = [not told.broken]
        if proof.engine in {"smt", "both"}:
            start = perf_counter()
            national = self.policy.national
            broken = gates.broken_by_solver(self.solver(), promise, allowed, national)
            proof.seconds["smt"] += perf_counter() - start
            found.append(not broken)
        self._agree(promise.id, what, found)
        if not all(found):
            proof.failures.append(
                Failure(promise.id, "national", what, told.regions, False, None, told.broken,
                        told.total)
            )  # fmt: skip

    def _ask_rules(self, promise: Promise, effects: Effects, told: object) -> None:
        spared = told.get("except", {}) if isinstance(told, dict) else {}
        mine = self.layers[0].by_rule if effects.las else {}
        for rule in effects.by_rule:
            if rule in mine:
                continue
            asks: list[tuple[str, Callable[[str, Effects], Iterable[Obligation]]]] = [
                ("can never apply", reachable)
            ]
            if rule not in spared:
                asks.append(("adds nothing to the other rules", not_redundant))
            for what, ask in asks:
                self.proof.questions += 1
                if all(self.answer(question)[0] for question in ask(rule, effects)):
                    self.proof.failures.append(
                        Failure(promise.id, effects.name, f"rule {rule} {what}", (), False, None,
                                0, 0)
                    )  # fmt: skip


def _of_kind(spaces: Iterable[Slice], kind: str | None) -> Iterator[Slice]:
    for space in spaces:
        one = space if kind is None else space.narrowed({TYPES: space.bit(TYPES, kind)})
        if one is not None:
            yield one
