"""Reads the duty register: what the packs must answer, written apart from the rules."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, get_args

from shared.policy.clocks import ClockSpec, parse_clock
from shared.policy.decision import GATE_RANK, Priority
from shared.policy.grammar import Condition, GrammarError, parse, terms
from shared.policy.pack import NationalPack, Start
from shared.policy.packfile import Problems, line_of, plain, read
from shared.policy.prove.sources import Source
from shared.policy.rules import TAGS
from shared.policy.schema import Schema

REGISTER: Final = Path(__file__).parents[1] / "promises.yaml"
PARTS: Final = frozenset({"register", "version", "sources", "recipients", "owners", "any_hour",
                          "never", "promises"})  # fmt: skip
PROMISE_PARTS: Final = frozenset({"id", "say", "when", "free", "then", "cite"})
TASK_PARTS: Final = frozenset(
    {"route", "priority", "no_later_than", "from", "owner", "hard_by", "subject", "says"}
)
PRIORITIES: Final = frozenset(get_args(Priority))
# What a promise may say beside a task, and which names go with it.
KINDS: Final[Mapping[str, str]] = {
    "first": "route",
    "any_of": "tasks",
    "some_recipient": "open_now",
    "priority": "priority",
    "forbid": "prohibition",
    "never_permit": "permission",
    "never_route": "route",
    "never_audience": "public",
    "gate": "gate state",
    "unknown_not_lower_than": "options",
    "unchanged_or_stronger_than": "national",
    "permissions": "certain",
    "every_rule": "rules",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """One task that a promise asks for; what it leaves out may be anything."""

    route: str
    priority: Priority = "P4"
    by: ClockSpec | None = None
    start: Start = "receipt"
    owner: str = ""
    hard_by: ClockSpec | None = None
    subject: str = ""
    says: str = ""


@dataclass(frozen=True, slots=True)
class Clause:
    kind: str
    tasks: tuple[Wanted, ...] = ()
    names: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Promise:
    """`free`: all facts but these, and those of the condition, are as when nobody says them."""

    id: str
    say: str
    source: Source
    then: tuple[Clause, ...]
    cite: str
    line: int
    free: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Register:
    file: str
    version: str
    promises: tuple[Promise, ...]
    recipients: frozenset[str]
    owners: frozenset[str]
    any_hour: frozenset[str]
    impossible: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Words:
    """The names a promise may use."""

    schema: Schema
    national: NationalPack
    sources: Mapping[str, str]

    def known(self, kind: str) -> frozenset[str]:
        return {
            "route": frozenset(self.national.routes),
            "prohibition": frozenset(self.national.prohibitions),
            "permission": frozenset(self.national.permissions),
            "gate state": frozenset(GATE_RANK),
            "priority": PRIORITIES,
            "owner": frozenset(self.national.owners),
        }.get(kind, frozenset({kind}))


def load_register(schema: Schema, national: NationalPack, path: Path = REGISTER) -> Register:
    """Raises PolicyError with a line `file:line: what, what to do` for each problem."""
    data, _ = read(path.read_bytes(), path.name)
    problems = Problems(path.name)
    for key in data:
        if key not in PARTS:
            problems.add(line_of(data, key), "", f"`{key}` is not a part of the register")
    for key in PARTS - set(data):
        problems.add(1, "", f"`{key}` is missing; the register has one")
    problems.raise_if_any()
    words = Words(schema, national, plain(data["sources"]))
    promises: dict[str, Promise] = {}
    for node in data["promises"]:
        try:
            promise = _promise(node, words)
            if promise.id in promises:
                raise GrammarError("this id is used twice; give each promise its own")
            promises[promise.id] = promise
        except GrammarError as error:
            name = str(node.get("id", "")) if isinstance(node, Mapping) else ""
            found = str(error).replace("rule", "promise")
            problems.found.append(f"{path.name}:{line_of(node)}: promise {name}: {found}")
    impossible = _impossible(data["never"], schema, problems)
    problems.raise_if_any()
    return Register(
        file=path.name,
        version=str(data["version"]),
        promises=tuple(promises.values()),
        recipients=frozenset(plain(data["recipients"])),
        owners=frozenset(plain(data["owners"])),
        any_hour=frozenset(plain(data["any_hour"])),
        impossible=impossible,
    )


def _impossible(nodes: Any, schema: Schema, problems: Problems) -> tuple[Source, ...]:
    found = []
    for node in nodes:
        try:
            found.append(_source("never", plain(node), schema, certain=False))
        except GrammarError as error:
            problems.add(line_of(node), "", str(error))
    return tuple(found)


def _source(name: str, when: Any, schema: Schema, *, certain: bool) -> Source:
    condition: Condition = parse(when, schema)
    return Source(name, condition, terms(condition, schema), certain)


def _promise(node: Any, words: Words) -> Promise:
    if not isinstance(node, Mapping):
        raise GrammarError("a promise is a list of named parts; start with `- id:`")
    if extra := {str(key) for key in node} - PROMISE_PARTS:
        raise GrammarError(f"a promise cannot hold {', '.join(sorted(extra))}; remove it")
    for key in ("id", "say", "when", "then", "cite"):
        if not node.get(key):
            raise GrammarError(f"`{key}` is missing; every promise has one")
    free = plain(node["free"]) if "free" in node else None
    if unknown := set(free or ()) - set(words.schema.facts):
        raise GrammarError(f"there is no fact {', '.join(sorted(unknown))}; see facts.yaml")
    return Promise(
        id=str(node["id"]),
        say=str(node["say"]).strip(),
        source=_source(str(node["id"]), plain(node["when"]), words.schema, certain=False),
        then=tuple(_clause(entry, words) for entry in plain(node["then"])),
        cite=_cite(plain(node["cite"]), words.sources),
        line=line_of(node),
        free=None if free is None else frozenset(free),
    )


def _cite(entries: Any, known: Mapping[str, str]) -> str:
    texts = []
    for entry in entries:
        if entry.get("source") not in known:
            raise GrammarError(f"unknown source `{entry.get('source')}`; add it to `sources`")
        if entry.get("tag") not in TAGS:
            raise GrammarError(f"`{entry['source']}` needs a confidence tag, one of {sorted(TAGS)}")
        texts.append(f"{known[entry['source']]} {entry.get('para', '')}".strip())
    return "; ".join(texts)


def _clause(entry: Any, words: Words) -> Clause:
    if not isinstance(entry, Mapping) or not entry:
        raise GrammarError("`then` is a list; each entry starts with a dash and names what follows")
    if "route" in entry:
        return Clause("task", (_wanted(entry, words),))
    kind, *more = [key for key in entry if key in KINDS] or ["nothing"]
    if kind not in KINDS or more or set(entry) - {kind, "owner", "except"}:
        raise GrammarError(
            f"`then` cannot hold {', '.join(entry)} together; use route, or one of "
            f"{', '.join(KINDS)}"
        )
    if kind == "any_of":
        return Clause(kind, tuple(_wanted(task, words) for task in entry[kind]))
    if kind in {"unknown_not_lower_than", "every_rule"}:
        return Clause(kind, options=dict(entry))
    names = entry[kind] if isinstance(entry[kind], list) else [entry[kind]]
    known = words.known(KINDS[kind])
    for name in names:
        if name not in known:
            raise GrammarError(f"there is no {KINDS[kind]} `{name}`; declare it or correct it")
    return Clause(kind, names=tuple(names), options={k: entry[k] for k in entry if k != kind})


def _wanted(entry: Any, words: Words) -> Wanted:
    if extra := set(entry) - TASK_PARTS:
        raise GrammarError(f"a task cannot hold {', '.join(sorted(extra))}; remove it")
    for key, kind in (("route", "route"), ("priority", "priority"), ("owner", "owner")):
        if key in entry and entry[key] not in words.known(kind):
            raise GrammarError(f"there is no {kind} `{entry[key]}`; declare it or correct it")
    try:
        by, hard_by = (
            parse_clock(entry[key]) if key in entry else None
            for key in ("no_later_than", "hard_by")
        )
    except ValueError as error:
        raise GrammarError(f"there is no clock `{error}`; see the list in national.yaml") from error
    return Wanted(
        route=entry["route"],
        priority=entry.get("priority", "P4"),
        by=by,
        start=entry.get("from", "receipt"),
        owner=entry.get("owner", ""),
        hard_by=hard_by,
        subject=entry.get("subject", ""),
        says=entry.get("says", ""),
    )
