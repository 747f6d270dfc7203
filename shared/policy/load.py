"""Reads the packs: one national, one an authority; a local pack can only add and tighten."""

from collections.abc import Mapping
from datetime import date, time
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from shared.policy.clocks import Hours, parse_clock
from shared.policy.decision import PackRef
from shared.policy.gate import AUDIENCES, PUBLIC
from shared.policy.grammar import GrammarError
from shared.policy.pack import (
    Contact,
    GateRule,
    LocalPack,
    NationalPack,
    Owner,
    Route,
    Rule,
    Setting,
    StandIn,
    Track,
)
from shared.policy.packfile import PolicyError, Problems, line_of, plain, read
from shared.policy.rules import CHANNELS, Vocabulary, cited, read_cite, read_rule
from shared.policy.schema import Schema

PACKS: Final = Path(__file__).with_name("packs")
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
COMMON: Final = frozenset(
    {"pack", "version", "in_force", "rules", "settings", "tracks", "withdraw"}
)
LOCAL: Final = COMMON | {"authority", "name", "platform", "extends", "contacts"}
NATIONAL: Final = COMMON | {
    "sources", "routes", "owners", "prohibitions", "permissions", "stand_ins", "conflicts",
    "fallbacks", "gate",
}  # fmt: skip
ROUTE_FIELDS: Final = frozenset(
    {"serves", "owner", "channel", "team", "contact", "script", "hours"}
)
ALSO_LOCAL: Final = frozenset({"POLICE_101"})  # a local number beside the national one
CONTACT_META: Final = frozenset({"channel", "hours", "script"})


def _hours(node: Any) -> Hours | None:
    if not node:
        return None
    days, opens, closes = (plain(node).get(key) for key in ("days", "from", "to"))
    try:
        first, last = (DAYS.index(day) for day in str(days).split("-"))
        return Hours(
            tuple(range(first, last + 1)),
            time.fromisoformat(str(opens)),
            time.fromisoformat(str(closes)),
        )
    except ValueError as error:
        raise GrammarError(
            'hours are written {days: mon-fri, from: "09:00", to: "17:00"}'
        ) from error


def _texts(node: Any) -> dict[str, str]:
    return {str(key): str(value) for key, value in (node or {}).items()}


def _settings(data: Any, base: Mapping[str, Setting], problems: Problems) -> dict[str, Setting]:
    """A local pack may shorten an interval, never lengthen one or invent one."""
    found: dict[str, Setting] = {}
    for name, node in (data.get("settings") or {}).items():
        entry = plain(node)
        value = entry.get("value")
        value = tuple(value) if isinstance(value, list) else value
        setting = Setting(name, value, str(entry.get("says", "")), str(entry.get("basis", "")))
        if base and name not in base:
            problems.add(line_of(node), "", f"there is no setting `{name}`; use a national one")
        elif base and value > base[name].value:  # type: ignore[operator]
            problems.add(line_of(node), "", f"`{name}` is longer than the national one; shorten it")
        found[str(name)] = setting
    return {**base, **found}


def _rules(data: Any, words: Vocabulary, problems: Problems, *, local: bool) -> tuple[Rule, ...]:
    found: dict[str, Rule] = {}
    for node in data.get("rules") or []:
        rule = read_rule(node, words, problems, local=local)
        if rule is not None and rule.id in found:
            problems.add(rule.line, rule.id, "this id is used twice; give each rule its own")
        elif rule is not None:
            found[rule.id] = rule
    return tuple(found.values())


def _tracks(data: Any, routes: frozenset[str]) -> tuple[Track, ...]:
    tracks = []
    for name, node in (data.get("tracks") or {}).items():
        if node["route"] not in routes:
            raise GrammarError(f"clock {name}: there is no route `{node['route']}`")
        tracks.append(Track(str(name), str(node["route"]), parse_clock(str(node["by"]))))
    return tuple(tracks)


def _head(data: Any, allowed: frozenset[str], problems: Problems) -> date:
    for key in data:
        if key not in allowed:
            problems.add(line_of(data, key), "", f"`{key}` is not a part of this pack; remove it")
    for key in ("pack", "version", "in_force"):
        if key not in data:
            problems.add(1, "", f"`{key}` is missing; every pack has one")
    problems.raise_if_any()
    start = data["in_force"].get("from")
    if not isinstance(start, date):
        problems.add(line_of(data, "in_force"), "", "`in_force` needs `from: YYYY-MM-DD`")
        problems.raise_if_any()
    return date(start.year, start.month, start.day)


def _routes(data: Any, owners: Mapping[str, Owner]) -> dict[str, Route]:
    routes = {}
    for rank, (code, node) in enumerate(data["routes"].items()):
        if extra := set(node) - ROUTE_FIELDS:
            raise GrammarError(f"route {code} cannot hold {', '.join(sorted(extra))}; remove it")
        if node["owner"] not in owners or node["channel"] not in CHANNELS:
            raise GrammarError(f"route {code}: declare its owner, and use a known channel")
        routes[str(code)] = Route(
            code=str(code),
            rank=rank,
            serves=node["serves"],
            owner=str(node["owner"]),
            channel=str(node["channel"]),
            team=node.get("team") == "yes",
            contact=_texts(node.get("contact")),
            script=str(node.get("script", "")),
            hours=_hours(node.get("hours")),
        )
    return routes


def _gate(data: Any, sources: Mapping[str, str]) -> dict[str, GateRule]:
    gate = {}
    for audience, node in data["gate"].items():
        state = str(node["state"])
        if audience in PUBLIC and state != "DENY":
            raise GrammarError(f"`{audience}` is public: it can only be DENY")
        cites = read_cite(node.get("cite"), sources)
        gate[str(audience)] = GateRule(
            audience=str(audience),
            state=state,  # type: ignore[arg-type]
            id=str(node["id"]),
            title=str(node["title"]),
            cite=cited(cites),
            say=str(node["say"]),
        )
    if missing := AUDIENCES - gate.keys():
        raise GrammarError(f"the gate has no entry for {', '.join(sorted(missing))}; add one")
    return gate


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
    """Reading takes a second or two, and the same bytes give the same pack."""
    data, digest = read(raw, name)
    problems = Problems(name)
    in_force = _head(data, NATIONAL, problems)
    try:
        pack = _national(data, PackRef("national", str(data["version"]), digest), schema, problems)
    except (GrammarError, KeyError) as error:
        problems.add(1, "", str(error))
    problems.raise_if_any()
    return NationalPack(file=name, in_force=in_force, **pack)


def _national(data: Any, ref: PackRef, schema: Schema, problems: Problems) -> dict[str, Any]:
    owners = {str(k): Owner(str(n["role"]), str(n["words"])) for k, n in data["owners"].items()}
    routes = _routes(data, owners)
    words = Vocabulary(
        schema=schema,
        routes=frozenset(routes),
        owners=frozenset(owners),
        prohibitions=frozenset(data["prohibitions"]),
        permissions=frozenset(data["permissions"]),
        sources=_texts(data["sources"]),
    )
    return {
        "ref": ref,
        "rules": _rules(data, words, problems, local=False),
        "settings": _settings(data, {}, problems),
        "tracks": _tracks(data, words.routes),
        "sources": words.sources,
        "routes": routes,
        "owners": owners,
        "prohibitions": _texts(data["prohibitions"]),
        "permissions": _texts(data["permissions"]),
        "stand_ins": _stand_ins(data, words, problems),
        "conflicts": _texts(data["conflicts"]),
        "fallbacks": {str(k): tuple(plain(v)) for k, v in data["fallbacks"].items()},
        "gate": _gate(data, words.sources),
    }


def load_local(path: Path, schema: Schema, national: NationalPack) -> LocalPack:
    data, digest = read(path.read_bytes(), path.name)
    problems = Problems(path.name)
    in_force = _head(data, LOCAL, problems)
    words = Vocabulary(
        schema=schema,
        routes=frozenset(national.routes),
        owners=frozenset(national.owners),
        prohibitions=frozenset(national.prohibitions),
        permissions=frozenset(national.permissions),
        sources=national.sources,
    )
    rules = _rules(data, words, problems, local=True)
    taken = {rule.id for rule in national.rules}
    for rule in rules:
        if rule.id in taken:
            problems.add(rule.line, rule.id, "no local pack replaces a national rule; rename it")
    withdraw = frozenset(plain(data.get("withdraw") or []))
    for name in sorted(withdraw - words.permissions):
        problems.add(line_of(data, "withdraw"), "", f"there is no permission `{name}` to withdraw")
    contacts = _contacts(data, national, problems)
    settings = _settings(data, national.settings, problems)
    try:
        tracks = _tracks(data, words.routes)
    except (GrammarError, ValueError) as error:
        problems.add(line_of(data, "tracks"), "", str(error))
    problems.raise_if_any()
    return LocalPack(
        ref=PackRef(str(data["pack"]), str(data["version"]), digest),
        file=path.name,
        in_force=in_force,
        rules=rules,
        settings=settings,
        tracks=tracks,
        withdraw=withdraw,
        authority=str(data["authority"]),
        name=str(data["name"]),
        platform=data.get("platform") == "yes",
        contacts=contacts,
    )


def _contacts(data: Any, national: NationalPack, problems: Problems) -> dict[str, Contact]:
    found = {}
    for route, node in (data.get("contacts") or {}).items():
        known = national.routes.get(str(route))
        line = line_of(data["contacts"], route)
        if known is None or not (known.team or known.code in ALSO_LOCAL):
            problems.add(line, "", f"`{route}` has no local contact; only a local team's route has")
            continue
        if not {"channel", "checked_on", "source"} <= set(node) or node["channel"] not in CHANNELS:
            problems.add(line, "", f"`{route}` needs channel, checked_on and source")
            continue
        fields = _texts({k: v for k, v in node.items() if k not in CONTACT_META})
        try:
            hours = _hours(node.get("hours"))
        except GrammarError as error:
            problems.add(line, "", str(error))
            continue
        found[str(route)] = Contact(
            str(node["channel"]), fields, hours, str(node.get("script", ""))
        )
    return found


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
        except (KeyError, AttributeError, TypeError) as error:  # a part of a quite different shape
            alarms.append(f"local pack left out: {path.name}:1: {error!r} is not as packs are")
            continue
        locals_[pack.authority] = pack
    return national, locals_, tuple(alarms)
