"""Reads one rule of a pack and refuses whatever the closed grammar does not hold."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, get_args

from shared.policy.clocks import ClockSpec, parse_clock
from shared.policy.decision import Priority
from shared.policy.grammar import AllOf, AnyOf, Condition, GrammarError, Not, parse, terms
from shared.policy.pack import ALWAYS_IN_FORCE, Cite, Example, InForce, Require, Rule
from shared.policy.packfile import Problems, line_of, plain
from shared.policy.schema import Schema

RULE_KEYS: Final = frozenset(
    {"id", "rule", "title", "in_force", "when", "require", "forbid", "permit", "cite", "because",
     "examples"}
)  # fmt: skip
REQUIRE_KEYS: Final = frozenset(
    {"route", "priority", "by", "from", "hard_by", "owner", "channel", "script", "subject", "la"}
)
CHANNELS: Final = frozenset({"PHONE_ONLY", "PORTAL", "EMAIL_SECURE", "API", "QUEUE", "IN_PERSON"})
TAGS: Final = frozenset({"Q", "Q2", "M", "D", "U"})
PRIORITIES: Final = frozenset(get_args(Priority))


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The names a rule may use, declared by the national pack."""

    schema: Schema
    routes: frozenset[str]
    owners: frozenset[str]
    prohibitions: frozenset[str]
    permissions: frozenset[str]
    sources: Mapping[str, str]


def read_cite(node: Any, known: Mapping[str, str]) -> tuple[Cite, ...]:
    """Each citation, with the source's title as the pack declares it."""
    if not isinstance(node, list) or not node:
        raise GrammarError("no citation; add `cite` with source, para and tag")
    found = []
    for entry in node:
        if not isinstance(entry, Mapping):
            raise GrammarError("each citation is {source: ..., para: ..., tag: ...}")
        source, para, tag = (str(entry.get(key, "")) for key in ("source", "para", "tag"))
        if source not in known:
            raise GrammarError(f"unknown source `{source}`; add it to `sources` of national.yaml")
        if tag not in TAGS:
            raise GrammarError(
                f"`{source}` needs a confidence tag: one of {', '.join(sorted(TAGS))}"
            )
        found.append(Cite(source, known[source], para, tag))
    return tuple(found)


def cited(cites: Iterable[Cite]) -> str:
    """The citations as one line of text."""
    return "; ".join(str(cite) for cite in cites)


def read_in_force(node: Any) -> InForce:
    """A rule's own dates: without the part always, `null` never yet, else from and to."""
    if node is None:
        return InForce(None)
    found = {str(key): value for key, value in node.items()} if isinstance(node, Mapping) else {}
    start, end = found.get("from"), found.get("to")
    if found.keys() - {"from", "to"} or not isinstance(start, date):
        raise GrammarError(
            "`in_force` is {from: YYYY-MM-DD} with an optional `to`, or null while not commenced"
        )
    if end is not None and (not isinstance(end, date) or end < start):
        raise GrammarError("`in_force` ends before it begins; `to` is the last day it holds")
    return InForce(start, end)


def read_clock(text: object) -> ClockSpec:
    try:
        return parse_clock(str(text))
    except ValueError as error:
        raise GrammarError(
            f"there is no clock `{text}`; use now, HUB_OPEN, WHEN_OPEN, WD(n), HOURS(n), DAYS(n), "
            "SCHOOL_DAYS(n), MONTHS(n), CLOSE_NEXT_WD, ONE_MONTH or BEFORE_NEXT_SCHOOL_DAY"
        ) from error


def one_of(word: str, known: frozenset[str], what: str) -> str:
    if word not in known:
        raise GrammarError(f"there is no {what} `{word}`; declare it or correct the spelling")
    return word


def _require(node: Any, words: Vocabulary) -> Require:
    entry = plain(node)
    if not isinstance(entry, dict) or not {"route", "priority", "by"} <= entry.keys():
        raise GrammarError("`require` needs route, priority and by")
    if extra := entry.keys() - REQUIRE_KEYS:
        raise GrammarError(f"`require` cannot hold {', '.join(sorted(extra))}; remove it")
    owner, channel = entry.get("owner", ""), entry.get("channel", "")
    subject, la = entry.get("subject", ""), entry.get("la", "")
    return Require(
        route=one_of(entry["route"], words.routes, "route"),
        priority=one_of(entry["priority"], PRIORITIES, "priority"),  # type: ignore[arg-type]
        by=read_clock(entry["by"]),
        start=one_of(  # type: ignore[arg-type]
            entry.get("from", "receipt"), frozenset({"receipt", "discovery"}), "start of a clock"
        ),
        hard_by=read_clock(entry["hard_by"]) if "hard_by" in entry else None,
        owner=one_of(owner, words.owners | {""}, "owner"),
        channel=one_of(channel, CHANNELS | {""}, "channel"),
        script=entry.get("script", ""),
        subject=one_of(subject, frozenset({"", "child_who_harmed"}), "subject"),
        la=one_of(la, frozenset({"", "home", "school", "found", "carer"}), "authority"),  # type: ignore[arg-type]
    )


def _has_not(condition: Condition) -> bool:
    if isinstance(condition, AllOf | AnyOf):
        return any(_has_not(part) for part in condition.of)
    return isinstance(condition, Not)


def _examples(node: Any, name: str, schema: Schema) -> tuple[Example, ...]:
    found = (node or {}).get(name) or []
    for facts in found:
        if unknown := {str(key) for key in facts} - set(schema.facts) - {"at"}:
            raise GrammarError(f"an example uses {', '.join(sorted(unknown))}, which is no fact")
    return tuple(Example(plain(facts), line_of(facts)) for facts in found)


def read_rule(node: Any, words: Vocabulary, problems: Problems, *, local: bool) -> Rule | None:
    """The rule, or None after telling what is wrong with it."""
    name = str(node.get("id", "without an id")) if isinstance(node, Mapping) else "without an id"
    try:
        return _read_rule(node, words, local=local)
    except GrammarError as error:
        problems.add(line_of(node), name, str(error))
    return None


def _read_rule(node: Any, words: Vocabulary, *, local: bool) -> Rule:
    if not isinstance(node, Mapping):
        raise GrammarError("a rule is a list of named parts; start with `- id:`")
    if extra := {str(key) for key in node} - RULE_KEYS:
        raise GrammarError(f"a rule cannot hold {', '.join(sorted(extra))}; the grammar is closed")
    for key in ("id", "rule", "title", "when", "because"):
        if not node.get(key):
            raise GrammarError(f"`{key}` is missing; every rule has one")
    cites = read_cite(node.get("cite"), words.sources)
    when = parse(plain(node["when"]), words.schema)
    permits = tuple(
        one_of(p, words.permissions, "permission") for p in plain(node.get("permit", []))
    )
    if permits and local:
        raise GrammarError("a local pack cannot permit anything; it may only withdraw")
    if permits and _has_not(when):
        raise GrammarError("a permission cannot rest on `not`; name the values that allow it")
    rule = Rule(
        id=str(node["id"]),
        rule=str(node["rule"]),
        title=str(node["title"]),
        when=when,
        terms=terms(when, words.schema),
        requires=tuple(_require(entry, words) for entry in node.get("require", [])),
        forbids=tuple(
            one_of(p, words.prohibitions, "prohibition") for p in plain(node.get("forbid", []))
        ),
        permits=permits,
        cite=cited(cites),
        tags=tuple(cite.tag for cite in cites),
        because=str(node["because"]),
        match=_examples(node.get("examples"), "match", words.schema),
        no_match=_examples(node.get("examples"), "no_match", words.schema),
        line=line_of(node),
        cites=cites,
        in_force=read_in_force(node["in_force"]) if "in_force" in node else ALWAYS_IN_FORCE,
    )
    if not (rule.requires or rule.forbids or rule.permits):
        raise GrammarError("it has no effect; add `require`, `forbid` or `permit`")
    if not rule.match or (rule.terms != ((),) and not rule.no_match):
        raise GrammarError("`examples` needs at least one `match` and one `no_match`")
    return rule
