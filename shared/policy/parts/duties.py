"""Reads clocks: those that run beside a route, those an event sets going, and school calendars."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any, Final, get_args

from shared.policy.clocks import Calendar
from shared.policy.decision import Priority
from shared.policy.directory import AUTHORITY
from shared.policy.grammar import GrammarError
from shared.policy.pack import Duty, DutyExample, Task, Track
from shared.policy.packfile import Problems, line_of, plain
from shared.policy.parts.directory import dated
from shared.policy.rules import Vocabulary, one_of, read_cite, read_clock

STARTS: Final = frozenset(
    {"referral_received", "strategy_discussion", "protection_conference", "review_conference",
     "absent_without_permission", "admitted", "left_school", "file_sent", "bulletin_due"}
)  # fmt: skip
DUTY_KEYS: Final = frozenset(
    {"id", "rule", "title", "starts", "by", "counts_first_day", "clock", "open", "late", "forbid",
     "cite", "because", "examples"}
)  # fmt: skip
CALENDAR_KEYS: Final = frozenset({"from", "to", "closed", "checked_on", "source", "note"})
PRIORITIES: Final = frozenset(get_args(Priority))


def tracks(data: Any, words: Vocabulary, problems: Problems) -> tuple[Track, ...]:
    found = []
    for name, node in (data.get("tracks") or {}).items():
        with problems.at(line_of(data["tracks"], name)):
            if node["route"] not in words.routes:
                raise GrammarError(f"clock {name}: there is no route `{node['route']}`")
            found.append(Track(str(name), str(node["route"]), read_clock(node["by"])))
    return tuple(found)


def duties(data: Any, words: Vocabulary, problems: Problems) -> tuple[Duty, ...]:
    found: dict[str, Duty] = {}
    for node in data.get("duties") or []:
        name = str(node.get("id", "without an id")) if isinstance(node, Mapping) else ""
        with problems.at(line_of(node), name):
            if name in found:
                raise GrammarError("this id is used twice; give each duty its own")
            found[name] = _duty(node, words)
    return tuple(found.values())


def _duty(node: Any, words: Vocabulary) -> Duty:
    if extra := {str(key) for key in node} - DUTY_KEYS:
        raise GrammarError(f"a duty cannot hold {', '.join(sorted(extra))}; the grammar is closed")
    if not node.get("examples"):
        raise GrammarError("`examples` needs at least one start and the instant it is due")
    return Duty(
        id=str(node["id"]),
        rule=str(node["rule"]),
        title=str(node["title"]),
        starts=one_of(str(node["starts"]), STARTS, "event"),
        by=read_clock(node["by"]),
        counts_first_day=node.get("counts_first_day") == "yes",
        clock=str(node.get("clock", "")),
        open=tuple(_task(task, words) for task in node.get("open", [])),
        late=tuple(_task(task, words) for task in node.get("late", [])),
        forbids=tuple(
            one_of(code, words.prohibitions, "prohibition")
            for code in plain(node.get("forbid", []))
        ),
        cites=read_cite(node.get("cite"), words.sources),
        because=str(node["because"]),
        examples=tuple(_example(example) for example in node["examples"]),
        line=line_of(node),
    )


def _task(node: Any, words: Vocabulary) -> Task:
    return Task(
        one_of(str(node["route"]), words.routes, "route"),
        one_of(str(node["priority"]), PRIORITIES, "priority"),  # type: ignore[arg-type]
        str(node["say"]),
    )


def _example(node: Any) -> DutyExample:
    closed = tuple(_days(node.get("closed", [])))
    return DutyExample(str(node["start"]), str(node["due"]), closed, line_of(node))


def calendars(data: Any, sources: Mapping[str, str], problems: Problems) -> dict[str, Calendar]:
    found = {}
    for whose, node in (data.get("calendars") or {}).items():
        with problems.at(line_of(data["calendars"], whose)):
            found[str(whose)] = _calendar(str(whose), node, sources)
    return found


def _calendar(whose: str, node: Any, sources: Mapping[str, str]) -> Calendar:
    if whose != AUTHORITY and not (len(whose) == 6 and whose.isdigit()):  # noqa: PLR2004 - a URN
        raise GrammarError(f"`{whose}` is neither `{AUTHORITY}` nor a school's URN of six digits")
    if extra := {str(key) for key in node} - CALENDAR_KEYS:
        raise GrammarError(f"a calendar cannot hold {', '.join(sorted(extra))}; remove it")
    first, last = node["from"], node["to"]
    if not isinstance(first, date) or not isinstance(last, date) or last < first:
        raise GrammarError("a calendar is known `from: YYYY-MM-DD` `to: YYYY-MM-DD`, in that order")
    if str(node["source"]) not in sources:
        raise GrammarError(
            f"unknown source `{node['source']}`; add it to national.yaml's `sources`"
        )
    dated(node)
    closed = frozenset(_days(node.get("closed", [])))
    if any(not first <= day <= last for day in closed):
        raise GrammarError(
            "a closed day lies outside the days that are known; widen `from` and `to`"
        )
    return Calendar(first, last, closed)


def _days(node: Any) -> Iterator[date]:
    """Single days, or {from, to} for a holiday; both ends are closed."""
    for entry in node:
        first, last = (entry["from"], entry["to"]) if isinstance(entry, Mapping) else (entry, entry)
        if not isinstance(first, date) or not isinstance(last, date) or last < first:
            raise GrammarError("closed days are YYYY-MM-DD, or {from: YYYY-MM-DD, to: YYYY-MM-DD}")
        yield from (first + timedelta(days=n) for n in range((last - first).days + 1))
