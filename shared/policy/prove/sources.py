"""What the packs can make happen, and under which conditions: the provers' view of the rules."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache

from shared.policy.engine import Policy
from shared.policy.grammar import AllOf, Condition, Term
from shared.policy.pack import NationalPack, Require, Rule
from shared.policy.prove.space import Cube, Key, Slice, cube_of


@dataclass(frozen=True, slots=True)
class Source:
    """A condition that makes something happen.

    Exact enumeration reads `terms`, the solver reads `when`. `at` fixes facts for a what-if.
    """

    rule: str
    when: Condition
    terms: tuple[Term, ...]
    certain: bool = False
    at: tuple[tuple[str, Key], ...] = ()
    digest: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        told = hash((self.rule, self.terms, self.certain, self.at))
        object.__setattr__(self, "digest", told)

    def __hash__(self) -> int:
        return self.digest  # asked for a million times

    def looks_at(self, name: str) -> bool:
        return any(test.fact == name for term in self.terms for test in term)

    def cubes(self, where: Slice) -> list[Cube]:
        return _cubes(self, where)


@lru_cache(maxsize=200_000)
def _cubes(source: Source, where: Slice) -> list[Cube]:
    at = dict(source.at)
    found = (cube_of(where, term, certain=source.certain, at=at) for term in source.terms)
    return [cube for cube in found if cube is not None]


@dataclass(frozen=True, slots=True)
class Task:
    """What one `require` asks for, with the owner and authority that the route gives it."""

    require: Require
    owner: str
    la: str

    @property
    def group(self) -> tuple[str, str, str, str]:
        """Requirements of one group become one task, at the most urgent of each part."""
        return self.require.route, self.require.subject, self.owner, self.la


@dataclass(frozen=True, slots=True)
class Effects:
    """Everything that one set of packs can cause."""

    name: str
    las: tuple[str, ...]
    tasks: tuple[tuple[Task, Source], ...]
    forbids: Mapping[str, tuple[Source, ...]]
    permits: Mapping[str, tuple[Source, ...]]
    rules: Mapping[str, Rule]
    by_rule: Mapping[str, tuple[Source, ...]]
    rank: Mapping[str, int]
    usual_owner: Mapping[str, str]

    def owner_of(self, task: Task) -> str:
        return task.require.owner or self.usual_owner[task.require.route]

    def same_as(self, other: "Effects") -> bool:
        """Whether nothing at all is different."""
        mine = self.tasks, self.forbids, self.permits
        return mine == (other.tasks, other.forbids, other.permits)

    def of(self, rule: str) -> "Effects":
        """What one rule causes by itself."""
        mine = set(self.by_rule.get(rule, ()))

        def own(sources: Iterable[Source]) -> tuple[Source, ...]:
            return tuple(s for s in sources if s in mine or (s.certain and s.rule == rule))

        return replace(
            self,
            tasks=tuple((task, source) for task, source in self.tasks if source in mine),
            forbids={code: own(sources) for code, sources in self.forbids.items()},
            permits={code: own(sources) for code, sources in self.permits.items()},
        )

    def within(self, spaces: Iterable[Slice]) -> "Effects":
        """Only what can apply there at all."""

        def left(sources: Iterable[Source]) -> tuple[Source, ...]:
            return tuple(s for s in sources if any(s.cubes(where) for where in spaces))

        kept = set(left(source for _, source in self.tasks))
        return replace(
            self,
            tasks=tuple((task, source) for task, source in self.tasks if source in kept),
            forbids={code: left(sources) for code, sources in self.forbids.items()},
            permits={code: left(sources) for code, sources in self.permits.items()},
        )

    def without(self, rule: str) -> "Effects":
        """What the other rules cause."""
        gone = set(self.by_rule[rule])

        def left(sources: Iterable[Source]) -> tuple[Source, ...]:
            return tuple(s for s in sources if s not in gone and s.rule != rule)

        return replace(
            self,
            tasks=tuple((task, source) for task, source in self.tasks if source not in gone),
            forbids={code: left(sources) for code, sources in self.forbids.items()},
            permits={code: left(sources) for code, sources in self.permits.items()},
        )

    def at(self, fixed: tuple[tuple[str, Key], ...]) -> "Effects":
        """What the same rules cause with some facts fixed."""

        names = [name for name, _ in fixed]

        def one(source: Source) -> Source:
            return replace(source, at=fixed) if any(map(source.looks_at, names)) else source

        def fix(sources: Iterable[Source]) -> tuple[Source, ...]:
            return tuple(one(source) for source in sources)

        return replace(
            self,
            tasks=tuple((task, one(source)) for task, source in self.tasks),
            forbids={code: fix(sources) for code, sources in self.forbids.items()},
            permits={code: fix(sources) for code, sources in self.permits.items()},
        )


def _stand_ins(rule: Rule, national: NationalPack) -> Iterable[tuple[Rule, Source]]:
    for entry in national.stand_ins:
        if any(r.route == entry.route and r.priority <= entry.priority for r in rule.requires):
            terms = tuple(a + b for a in rule.terms for b in entry.rule.terms)
            when = AllOf((rule.when, entry.rule.when))
            yield entry.rule, Source(f"{rule.id} ({entry.rule.id})", when, terms)


def task_of(require: Require, national: NationalPack) -> Task:
    route = national.routes[require.route]
    owner = national.owners[require.owner or route.owner].role
    return Task(require, owner, require.la or route.serves)


def effects_of(
    rules: Iterable[Rule],
    national: NationalPack,
    withdrawn: frozenset[str] = frozenset(),
    name: str = "national",
    las: tuple[str, ...] = (),
) -> Effects:
    tasks: list[tuple[Task, Source]] = []
    forbids: dict[str, list[Source]] = {}
    permits: dict[str, list[Source]] = {}
    known: dict[str, Rule] = {}
    by_rule: dict[str, list[Source]] = {}
    for rule in rules:
        known[rule.id] = rule
        units = [(rule, Source(rule.id, rule.when, rule.terms)), *_stand_ins(rule, national)]
        for unit, source in units:
            by_rule.setdefault(unit.id, []).append(source)
            tasks.extend((task_of(require, national), source) for require in unit.requires)
            for code in unit.forbids:
                forbids.setdefault(code, []).append(source)
            for code in set(unit.permits) - withdrawn:
                sure = Source(source.rule, source.when, source.terms, certain=True)
                permits.setdefault(code, []).append(sure)
    known |= {entry.rule.id: entry.rule for entry in national.stand_ins}
    return Effects(
        name=name,
        las=las,
        tasks=tuple(tasks),
        forbids={code: tuple(found) for code, found in forbids.items()},
        permits={code: tuple(found) for code, found in permits.items()},
        rules=known,
        by_rule={rule: tuple(found) for rule, found in by_rule.items()},
        rank={code: route.rank for code, route in national.routes.items()},
        usual_owner={code: route.owner for code, route in national.routes.items()},
    )


def layer(policy: Policy, day: date, la: str | None = None) -> Effects:
    """What applies on a day under the national pack, or together with one authority's."""
    pack = policy.locals[la] if la else None
    rules = [*policy.national.rules, *(pack.rules if pack else ())]
    return effects_of(
        [rule for rule in rules if rule.in_force.on(day)],
        policy.national,
        pack.withdraw if pack else frozenset(),
        pack.ref.id if pack else "national",
        (la,) if la else (),
    )


def layers(policy: Policy, day: date) -> list[Effects]:
    return [layer(policy, day), *(layer(policy, day, la) for la in policy.locals)]
