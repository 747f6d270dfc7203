"""Regions, examples and counts as people read them."""

from collections.abc import Iterable, Iterator
from typing import Final

from shared.policy.grammar import Match
from shared.policy.prove.regions import Region
from shared.policy.prove.replay import Example
from shared.policy.prove.space import CONCERN, NOTHING, SEVERE, TYPES, Key, Slice
from shared.policy.readers.words import fact_words, humanised, needs_words, value_words
from shared.policy.schema import UNKNOWN, Raw

FEW: Final = 4
ALWAYS: Final = "always"


def tidy(regions: Iterable[Region]) -> list[Region]:
    """Without what only repeats, for a severe kind beside it, what holds for a milder kind."""
    found = list(regions)
    mild = [r for r in found if not _severe(r.where)]
    kept = []
    for region in found:
        if _severe(region.where) and TYPES in region.cube:
            left = region.cube[TYPES]
            for other in mild:
                if _others(other) == _others(region):
                    left &= ~other.cube.get(TYPES, other.where.live[TYPES])
            if not left:
                continue
            region = Region(region.where, {**region.cube, TYPES: left})  # noqa: PLW2901
        kept.append(region)
    return kept


def _severe(where: Slice) -> bool:
    return where.keys(SEVERE, where.live[SEVERE]) == ["yes"]


def _others(region: Region) -> frozenset[str]:
    return frozenset(
        f"{name}: {keys_words(region.where, name, mask)}"
        for name, mask in region.cube.items()
        if name != TYPES
    )


def region_words(region: Region) -> str:
    order = [TYPES, *(name for name in region.where.schema.facts if name != TYPES)]
    parts = [
        f"{fact_words(name)}: {keys_words(region.where, name, region.cube[name])}"
        for name in order
        if name in region.cube
    ]
    if region.where.keys(CONCERN, region.where.live[CONCERN]) == ["no"]:
        parts.insert(0, "a request to tell others, about no child")
    elif _severe(region.where) and TYPES not in region.cube:
        parts.insert(0, "a severe kind of concern")
    return "; ".join(parts) or ALWAYS


def keys_words(where: Slice, name: str, mask: int) -> str:
    fact = where.schema[name]
    accepted, others = where.keys(name, mask), where.keys(name, where.live[name] & ~mask)
    if fact.kind != "number" and len(accepted) > FEW and 0 < len(others) <= FEW:
        return f"anything but {_list(others)}"
    plain = frozenset(UNKNOWN if _unknown(key) else key for key in accepted) - {NOTHING}
    said = needs_words(Match(name, plain), fact) if plain else ""
    return " or ".join(filter(None, [said, "none" if NOTHING in accepted else ""]))


def _unknown(key: Key) -> bool:
    return isinstance(key, str) and key.startswith(UNKNOWN)


def _list(keys: list[Key]) -> str:
    return " or ".join(
        "not known" if _unknown(key) else "none" if key == NOTHING else humanised(str(key))
        for key in keys
    )


def example_words(example: Example) -> str:
    facts = ", ".join(f"{fact_words(name)} {_raw(raw)}" for name, raw in example.given.items())
    routes = ", ".join(
        f"{action.route} {action.priority} {action.by.strftime('%a %H:%M') if action.by else 'now'}"
        for action in example.decision.actions
    )
    return f"{facts}; {example.at:%A %H:%M} -> {routes or 'no route at all'}"


def _raw(raw: Raw) -> str:
    if isinstance(raw, list):
        return ", ".join(humanised(member) for member in raw) or "none"
    return value_words(raw) if isinstance(raw, str | int) else str(raw)


def nearest_words(example: Example, line_of: Iterator[str] | str) -> str:
    if not example.nearest:
        return "no rule of these packs comes near"
    fails = ", ".join(
        f"{fact_words(name)} is {value_words(value)}" for name, value in example.failing
    )
    return f"nearest rule {example.nearest} ({line_of})" + (f": {fails}" if fails else "")
