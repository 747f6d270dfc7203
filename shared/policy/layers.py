"""The national pack with the local packs that apply on a day, compiled together once."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Final, TypeAlias

from shared.policy.compile import Masks, Table, build, match
from shared.policy.decision import PackRef, Question
from shared.policy.directory import Authorities, Directory
from shared.policy.explain import questions
from shared.policy.outcome import Outcomes
from shared.policy.pack import LocalPack, NationalPack, Rule, Track
from shared.policy.plan import Plan, Planner
from shared.policy.schema import Schema
from shared.policy.sparse import Sparse

_Answer: TypeAlias = tuple[Plan, tuple[Question, ...]]
# Alike concerns ask alike; this many plans a layer are remembered.
REMEMBERED: Final = 1024
# Sets of authorities and conflicts whose outcomes are kept compiled.
PLACES: Final = 64


@dataclass(frozen=True, slots=True)
class Layer:
    """The national pack with the local packs that apply, compiled together."""

    table: Table
    sparse: Sparse
    packs: tuple[PackRef, ...]
    tracks: tuple[Track, ...]
    withdrawn: frozenset[str]
    answer: Callable[[Masks, Authorities, frozenset[str]], _Answer]
    outcomes: Callable[[Authorities, frozenset[str]], Outcomes]


class Layers:
    """Made when first asked for, and kept: packs do not change."""

    def __init__(
        self,
        schema: Schema,
        national: NationalPack,
        locals_: Mapping[str, LocalPack],
        directory: Directory,
    ) -> None:
        self._schema, self._national, self._locals = schema, national, locals_
        self._directory = directory
        packs = [national, *locals_.values()]
        self._changes = _changes(rule for pack in packs for rule in pack.rules)
        self._made: dict[tuple[tuple[str, ...], int], Layer] = {}

    def on(self, las: tuple[str, ...], day: date) -> Layer:
        """The rules in force on that day; between two changes of the law all days are alike."""
        key = las, bisect_right(self._changes, day)
        layer = self._made.get(key)
        if layer is None:
            layer = self._made[key] = self._compiled([self._locals[la] for la in las], day)
        return layer

    def _compiled(self, packs: list[LocalPack], day: date) -> Layer:
        rules = [*self._national.rules, *(rule for pack in packs for rule in pack.rules)]
        rules = [rule for rule in rules if rule.in_force.on(day)]
        table = build(rules, self._national, self._schema)
        withdrawn = frozenset[str]().union(*(pack.withdraw for pack in packs))
        return Layer(
            table=table,
            sparse=Sparse(table, self._schema),
            answer=lru_cache(REMEMBERED)(self._answer(table)),
            packs=(self._national.ref, *(pack.ref for pack in packs)),
            tracks=(*self._national.tracks, *(t for pack in packs for t in pack.tracks)),
            withdrawn=withdrawn,
            outcomes=lru_cache(PLACES)(self._outcomes(table, withdrawn)),
        )

    def _answer(self, table: Table) -> Callable[[Masks, Authorities, frozenset[str]], _Answer]:
        planner = Planner(table, self._national, self._directory)

        def answer(masks: Masks, where: Authorities, conflicted: frozenset[str]) -> _Answer:
            matched = match(table, masks)
            plan = planner.plan(matched, where, conflicted)
            asked = questions(table, matched, plan.drafts, self._schema, self._national.routes)
            return plan, asked

        return answer

    def _outcomes(
        self, table: Table, withdrawn: frozenset[str]
    ) -> Callable[[Authorities, frozenset[str]], Outcomes]:
        planner = Planner(table, self._national, self._directory)

        def outcomes(where: Authorities, conflicted: frozenset[str]) -> Outcomes:
            return Outcomes(table, planner, where, conflicted, withdrawn)

        return outcomes


def _changes(rules: Iterable[Rule]) -> list[date]:
    """The days on which a rule begins to hold, or no longer does."""
    days: set[date] = set()
    for rule in rules:
        start = rule.in_force.start
        if start is not None and start != date.min:
            days.add(start)
        if rule.in_force.end is not None:
            days.add(rule.in_force.end + timedelta(days=1))
    return sorted(days)
