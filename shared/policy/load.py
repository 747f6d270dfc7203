"""Reads the packs: one national, one an authority; a local pack can only add and tighten."""

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from shared.policy.decision import PackRef
from shared.policy.pack import LocalPack, NationalPack, Rule, StandIn
from shared.policy.packfile import PolicyError, Problems, line_of, plain, read
from shared.policy.parts.directory import contacts, owners, routes, texts
from shared.policy.parts.duties import calendars, duties, tracks
from shared.policy.parts.gate import gate
from shared.policy.parts.settings import ladder, settings
from shared.policy.rules import Vocabulary, read_rule
from shared.policy.schema import Schema

PACKS: Final = Path(__file__).with_name("packs")
TEMPLATE: Final = PACKS / "template" / "template.yaml"
COMMON: Final = frozenset(
    {"pack", "version", "in_force", "rules", "settings", "tracks", "withdraw", "duties", "ladder"}
)
LOCAL: Final = COMMON | {"authority", "name", "platform", "extends", "contacts", "calendars"}
NATIONAL_ONLY: Final = (
    "sources", "routes", "owners", "prohibitions", "permissions", "stand_ins", "conflicts",
    "fallbacks", "gate",
)  # fmt: skip
NATIONAL: Final = COMMON | set(NATIONAL_ONLY)
IDENTITY: Final = ("pack", "version", "in_force")
LOCAL_IDENTITY: Final = (*IDENTITY, "extends", "authority", "name")
AUTHORITY_DIGITS: Final = 3


def _head(data: Any, allowed: frozenset[str], needed: tuple[str, ...], told: Problems) -> None:
    for key in data:
        if key not in allowed:
            told.add(line_of(data, key), "", f"`{key}` is not a part of this pack; remove it")
    for key in needed:
        if key not in data or data[key] is None or data[key] == "":
            told.add(1, "", f"`{key}` is missing; every such pack has it")
    told.raise_if_any()


def _dates(data: Any, problems: Problems) -> tuple[date, date | None]:
    node = data["in_force"]
    start, end = (node.get("from"), node.get("to")) if isinstance(node, Mapping) else (None, None)
    if not isinstance(start, date):
        problems.add(line_of(data, "in_force"), "", "`in_force` needs `from: YYYY-MM-DD`")
    elif end is not None and (not isinstance(end, date) or end < start):
        problems.add(line_of(data, "in_force"), "", "`in_force` ends before it begins")
    problems.raise_if_any()
    return (start, end) if isinstance(start, date) else (date.max, None)


def _rules(data: Any, words: Vocabulary, problems: Problems, *, local: bool) -> tuple[Rule, ...]:
    found: dict[str, Rule] = {}
    for node in data.get("rules") or []:
        rule = read_rule(node, words, problems, local=local)
        if rule is not None and rule.id in found:
            problems.add(rule.line, rule.id, "this id is used twice; give each rule its own")
        elif rule is not None:
            found[rule.id] = rule
    return tuple(found.values())


def _stand_ins(data: Any, words: Vocabulary, problems: Problems) -> tuple[StandIn, ...]:
    found = []
    for node in data.get("stand_ins") or []:
        rule = read_rule(node["rule"], words, problems, local=False)
        if rule is not None:
            route, priority = str(node["for"]), str(node["priority"])
            found.append(StandIn(route, priority, rule.requires[0].route, rule))  # type: ignore[arg-type]
    return tuple(found)


@lru_cache(maxsize=4)
def load_national(raw: bytes, name: str, schema: Schema) -> NationalPack:
    """Reading takes about a second, and the same bytes give the same pack.

    Raises PolicyError with every problem found.
    """
    data, digest = read(raw, name)
    problems = Problems(name)
    _head(data, NATIONAL, (*IDENTITY, *NATIONAL_ONLY, "rules", "settings"), problems)
    start, end = _dates(data, problems)
    found: dict[str, Any] = {}
    with problems.at(1):
        found = _national(data, schema, problems)
    problems.raise_if_any()
    ref = PackRef("national", str(data["version"]), digest)
    return NationalPack(ref=ref, file=name, in_force=start, in_force_to=end, **found)


def _national(data: Any, schema: Schema, problems: Problems) -> dict[str, Any]:
    whose = owners(data)
    paths = routes(data, whose, problems)
    words = Vocabulary(
        schema=schema,
        routes=frozenset(paths),
        owners=frozenset(whose),
        prohibitions=frozenset(data["prohibitions"]),
        permissions=frozenset(data["permissions"]),
        sources=texts(data["sources"]),
    )
    set_ = settings(data, {}, problems)
    return {
        "rules": _rules(data, words, problems, local=False),
        "settings": set_,
        "ladder": ladder(data, set_, problems),
        "tracks": tracks(data, words, problems),
        "duties": duties(data, words, problems),
        "sources": words.sources,
        "routes": paths,
        "owners": whose,
        "prohibitions": texts(data["prohibitions"]),
        "permissions": texts(data["permissions"]),
        "stand_ins": _stand_ins(data, words, problems),
        "conflicts": texts(data["conflicts"]),
        "fallbacks": {str(k): tuple(plain(v)) for k, v in data["fallbacks"].items()},
        "gate": gate(data, words, problems),
    }


def load_local(path: Path, schema: Schema, national: NationalPack) -> LocalPack:
    """Raises PolicyError with every problem found."""
    data, digest = read(path.read_bytes(), path.name)
    problems = Problems(path.name)
    _head(data, LOCAL, LOCAL_IDENTITY, problems)
    start, end = _dates(data, problems)
    found: dict[str, Any] = {}
    with problems.at(1):
        _identity(data, problems)
        found = _local(data, schema, national, problems)
    problems.raise_if_any()
    ref = PackRef(str(data["pack"]), str(data["version"]), digest)
    return LocalPack(ref=ref, file=path.name, in_force=start, in_force_to=end, **found)


def _identity(data: Any, problems: Problems) -> None:
    code = str(data["authority"])
    if data["extends"] != "national":
        problems.add(line_of(data, "extends"), "", "a local pack says `extends: national`")
    if not (code.isdigit() and len(code) == AUTHORITY_DIGITS):
        told = '`authority` is the three-digit code in quotes, as in "886"'
        problems.add(line_of(data, "authority"), "", told)
    if data.get("platform", "no") not in {"yes", "no"}:
        told = f"`platform` is yes or no, not `{data['platform']}`: do its teams take calls here?"
        problems.add(line_of(data, "platform"), "", told)


def _local(data: Any, schema: Schema, national: NationalPack, told: Problems) -> dict[str, Any]:
    words = Vocabulary(
        schema=schema,
        routes=frozenset(national.routes),
        owners=frozenset(national.owners),
        prohibitions=frozenset(national.prohibitions),
        permissions=frozenset(national.permissions),
        sources=national.sources,
    )
    rules = _rules(data, words, told, local=True)
    taken = {rule.id for rule in national.rules} | {duty.id for duty in national.duties}
    more = duties(data, words, told)
    named = [(rule.id, rule.line) for rule in rules] + [(duty.id, duty.line) for duty in more]
    for name, line in named:
        if name in taken:
            told.add(line, name, "no local pack replaces a national rule; rename it")
    withdraw = frozenset(plain(data.get("withdraw") or []))
    for name in sorted(withdraw - words.permissions):
        told.add(line_of(data, "withdraw"), "", f"there is no permission `{name}` to withdraw")
    set_ = settings(data, national.settings, told)
    return {
        "rules": rules,
        "settings": set_,
        "ladder": ladder(data, set_, told) or national.ladder,
        "tracks": tracks(data, words, told),
        "duties": more,
        "withdraw": withdraw,
        "authority": str(data["authority"]),
        "name": str(data["name"]),
        "platform": data.get("platform") == "yes",
        "contacts": contacts(data, national, told),
        "calendars": calendars(data, national.sources, told),
    }


def load_packs(
    directory: Path, schema: Schema
) -> tuple[NationalPack, dict[str, LocalPack], tuple[str, ...]]:
    """A broken local pack is left out with an alarm; without a national pack nothing starts."""
    path = directory / "national.yaml"
    national = load_national(path.read_bytes(), path.name, schema)
    locals_: dict[str, LocalPack] = {}
    alarms: list[str] = []
    for path in sorted(directory.glob("*.yaml")):
        if path.name == "national.yaml":
            continue
        try:
            pack = load_local(path, schema, national)
        except PolicyError as error:
            alarms.extend(f"local pack left out: {problem}" for problem in error.problems)
            continue
        if pack.authority in locals_:
            first = locals_[pack.authority].file
            told = f"authority {pack.authority} already has {first}; keep one of the two"
            alarms.append(f"local pack left out: {path.name}:1: {told}")
            continue
        locals_[pack.authority] = pack
    return national, locals_, tuple(alarms)
