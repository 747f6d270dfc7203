"""Where a changed disclosure gate would answer less strictly: few facts, so each is asked."""

from collections.abc import Iterator, Mapping
from itertools import product

from shared.policy.control.structure import Packs
from shared.policy.decision import GATE_RANK, Gate
from shared.policy.gate import LOOKED_AT, TELLING_BARRED, evaluate
from shared.policy.grammar import AllOf, AnyOf, Condition, Not
from shared.policy.pack import GateRule
from shared.policy.prove.obligation import absorb
from shared.policy.prove.regions import Region
from shared.policy.prove.space import CONCERN, Cube, Slice, slices
from shared.policy.schema import Value


def loosened(old: Packs, new: Packs) -> Iterator[tuple[str, list[Region]]]:
    """What the old gate answered and the new one does not, and where."""
    if old.national.gate == new.national.gate:
        return
    tables = (old.national.gate, new.national.gate)
    names = sorted({*LOOKED_AT, CONCERN, *_facts(tables[0]), *_facts(tables[1])})
    for where in slices(old.schema):
        found: dict[str, list[Cube]] = {}
        for keys in product(*(where.keys(name, where.live[name]) for name in names)):
            values: dict[str, Value] = dict(zip(names, keys, strict=True))
            cube = {n: where.bit(n, key) for n, key in zip(names, keys, strict=True)}
            for barred in (frozenset[str](), TELLING_BARRED):
                for answer in _lost(values, barred, *tables):
                    found.setdefault(answer, []).append(cube)
        for answer, cubes in found.items():
            yield answer, [Region(where, cube) for cube in _grown(cubes, names, where)]


def _lost(
    values: Mapping[str, Value],
    barred: frozenset[str],
    old: Mapping[str, GateRule],
    new: Mapping[str, GateRule],
) -> Iterator[str]:
    before = evaluate(values, barred, old)
    if before is None:
        return
    after: Gate | None = evaluate(values, barred, new) if before.audience in new else None
    if after is None or GATE_RANK[after.state] > GATE_RANK[before.state]:
        yield f"the answer {before.state} to {before.audience}"
    elif {*after.needs} < {*before.needs} and after.state == before.state:
        for who in sorted({*before.needs} - {*after.needs}):
            yield f"the need of {who} before telling {before.audience}"


def _grown(cubes: list[Cube], names: list[str], where: Slice) -> list[Cube]:
    """Single combinations put together, one fact at a time."""
    for name in names:
        rows: dict[frozenset[tuple[str, int]], int] = {}
        for cube in cubes:
            rest = frozenset((k, v) for k, v in cube.items() if k != name)
            rows[rest] = rows.get(rest, 0) | cube.get(name, where.live[name])
        cubes = [{**dict(rest), name: mask} for rest, mask in rows.items()]
    return absorb([{n: m for n, m in cube.items() if m != where.live[n]} for cube in cubes])


def _facts(table: Mapping[str, GateRule]) -> Iterator[str]:
    for rule in table.values():
        for need in rule.needs:
            yield from _named(need.when)
            yield from [need.until] if need.until else []
        released = rule.release.when if rule.release is not None else None
        for condition in (rule.denied, rule.general, released):
            yield from _named(condition) if condition is not None else ()


def _named(condition: Condition) -> Iterator[str]:
    if isinstance(condition, AllOf | AnyOf):
        for part in condition.of:
            yield from _named(part)
    elif isinstance(condition, Not):
        yield from _named(condition.of)
    else:
        yield condition.fact
