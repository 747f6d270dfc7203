"""The disclosure gate, proved apart: few facts, so each combination is simply asked.

The solver's side reads the table of the packs and its own statement of what a case adds to it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

from shared.policy.gate import OUTWARD, PUBLIC, TELLING_BARRED, evaluate
from shared.policy.grammar import Match, may_hold
from shared.policy.pack import NationalPack
from shared.policy.prove.duties import Promise
from shared.policy.prove.obligation import absorb
from shared.policy.prove.regions import Region, merge
from shared.policy.prove.smt import Solver
from shared.policy.prove.space import CONCERN, Cube, Key, Slice, slices
from shared.policy.schema import UNKNOWN, Schema, Value

LOOKED_AT: Final = ("disclosure_request", "case_facts_in_text", "police_investigation",
                    "est_agreed", "police_agreed", "consent_unsafe", CONCERN)  # fmt: skip
BARRED: Final = "telling barred by a rule"


@dataclass(frozen=True, slots=True)
class GateCount:
    total: int
    broken: int
    regions: tuple[Region, ...]


def check(
    promise: Promise, allowed: tuple[str, ...], national: NationalPack, schema: Schema
) -> GateCount:
    """Asks the gate itself, for every combination of what it looks at."""
    total, found = 0, list[tuple[Slice, Cube]]()
    for where in slices(schema):
        broken: list[Cube] = []
        for keys in product(*(where.keys(name, where.live[name]) for name in LOOKED_AT)):
            values: dict[str, Value] = dict(zip(LOOKED_AT, keys, strict=True))
            for forbidden in (frozenset[str](), frozenset(TELLING_BARRED)):
                total += 1
                if not _applies(promise, values, schema):
                    continue
                state = evaluate(values, forbidden, national.gate)
                if state is not None and state.state not in allowed:
                    pairs = zip(LOOKED_AT, keys, strict=True)
                    broken.append({name: where.bit(name, key) for name, key in pairs})
        found += [(where, cube) for cube in _grown(where, absorb(broken))]
    return GateCount(total, len(found), tuple(Region(where, cube) for where, cube in found))


def _grown(where: Slice, cubes: list[Cube]) -> list[Cube]:
    """Single combinations put together one fact at a time, then to maximal regions."""
    for name in LOOKED_AT:
        rows: dict[frozenset[tuple[str, int]], int] = {}
        for cube in cubes:
            rest = frozenset((k, v) for k, v in cube.items() if k != name)
            rows[rest] = rows.get(rest, 0) | cube[name]
        cubes = [{**dict(rest), name: mask} for rest, mask in rows.items()]
    full = [{k: v for k, v in cube.items() if v != where.live[k]} for cube in cubes]
    return merge(where, absorb(full))


def _applies(promise: Promise, values: dict[str, Value], schema: Schema) -> bool:
    def holds(test: Match) -> bool:
        return may_hold(test, schema[test.fact], values[test.fact], worst_case=False)

    return any(all(holds(test) for test in term) for term in promise.source.terms)


def broken_by_solver(
    solver: Solver, promise: Promise, allowed: tuple[str, ...], national: NationalPack
) -> bool:
    z3 = solver.z3
    state = _state(solver, national)
    wrong = z3.And([state != code for code in (*map(_code, allowed), _code("none"))])
    return solver.satisfiable(z3.And(solver.holds(promise.source), wrong))


STATES: Final = ("none", "DENY", "HOLD", "HOLD_FOR_POLICE_CSC", "REFER_DPO", "ALLOW_PERSON",
                 "ALLOW_TEMPLATE")  # fmt: skip


def _code(state: str) -> int:
    return STATES.index(state)


def _state(solver: Solver, national: NationalPack) -> Any:
    """The state as a number, one case after another; what the table says closes the list."""
    z3, has = solver.z3, solver.has
    state = z3.IntVal(_code("none"))
    for audience, rule in national.gate.items():
        here = has("disclosure_request", _key(audience))
        state = z3.If(here, z3.IntVal(_code(rule.state)), state)
    for when, code in reversed(list(_cases(solver))):
        state = z3.If(when, z3.IntVal(_code(code)), state)
    return state


def _key(audience: str) -> Key:
    return UNKNOWN if audience == UNKNOWN else audience


def _cases(solver: Solver) -> Iterator[tuple[Any, str]]:
    z3, has = solver.z3, solver.has
    asked = {a: has("disclosure_request", _key(a)) for a in PUBLIC | OUTWARD | {"subject_parents"}}
    yield z3.Or([asked[a] for a in sorted(PUBLIC)]), "DENY"
    outward = z3.Or([asked[a] for a in sorted(OUTWARD)])
    told, quiet = has("case_facts_in_text", "yes"), has("case_facts_in_text", "no")
    live = z3.Or(has("police_investigation", "live"), has("police_investigation", UNKNOWN))
    yield z3.And(asked["all_parents"], told), "DENY"
    general = z3.And(quiet, has(CONCERN, "no"), has("police_investigation", "none"))
    yield z3.And(outward, general), "ALLOW_TEMPLATE"
    agreed = z3.And(
        has("est_agreed", "yes"), z3.Or(z3.Not(live), has("police_agreed", "yes")), quiet
    )
    yield z3.And(outward, agreed), "ALLOW_TEMPLATE"
    yield outward, "HOLD"
    barred = z3.Bool(BARRED)
    unsafe = z3.Not(has("consent_unsafe", "no"))
    yield z3.And(asked["subject_parents"], z3.Or(live, unsafe, barred)), "HOLD_FOR_POLICE_CSC"
    yield asked["subject_parents"], "ALLOW_PERSON"
