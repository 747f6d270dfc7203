"""Reads routes and contacts: whose task a route is, by which channel, and who was seen when."""

from collections.abc import Mapping
from datetime import date, time
from typing import Any, Final, get_args

from shared.policy.clocks import Hours
from shared.policy.grammar import GrammarError
from shared.policy.pack import Contact, NationalPack, Owner, Route, Serves
from shared.policy.packfile import Problems, line_of, plain
from shared.policy.rules import CHANNELS

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ROUTE_FIELDS: Final = frozenset(
    {"serves", "owner", "channel", "team", "contact", "script", "hours"}
)
ALSO_LOCAL: Final = frozenset({"POLICE_101"})  # a local number beside the national one
# What a channel is useless without.
REACHED_BY: Final = {
    "PHONE_ONLY": ("phone", "local_phone"),
    "EMAIL_SECURE": ("email",),
    "PORTAL": ("portal", "url", "phone"),
}
CONTACT_META: Final = frozenset({"channel", "hours", "script"})


def texts(node: Any) -> dict[str, str]:
    return {str(key): str(value) for key, value in (node or {}).items()}


def owners(data: Any) -> dict[str, Owner]:
    return {str(k): Owner(str(n["role"]), str(n["words"])) for k, n in data["owners"].items()}


def hours(node: Any) -> Hours | None:
    if not node:
        return None
    try:
        days, opens, closes = (plain(node).get(key) for key in ("days", "from", "to"))
        first, last = (DAYS.index(day) for day in str(days).split("-"))
        found = Hours(
            tuple(range(first, last + 1)),
            time.fromisoformat(str(opens)),
            time.fromisoformat(str(closes)),
        )
    except (AttributeError, ValueError) as error:
        raise GrammarError(
            'hours are written {days: mon-fri, from: "09:00", to: "17:00"}'
        ) from error
    if not found.days or found.opens >= found.closes:
        raise GrammarError("these hours are never open; the first day and hour come first")
    return found


def routes(data: Any, known: Mapping[str, Owner], problems: Problems) -> dict[str, Route]:
    found = {}
    for rank, (code, node) in enumerate(data["routes"].items()):
        with problems.at(line_of(data["routes"], code)):
            found[str(code)] = _route(str(code), rank, node, known)
    return found


def _route(code: str, rank: int, node: Any, known: Mapping[str, Owner]) -> Route:
    if extra := set(node) - ROUTE_FIELDS:
        raise GrammarError(f"route {code} cannot hold {', '.join(sorted(extra))}; remove it")
    if node["owner"] not in known or node["channel"] not in CHANNELS:
        raise GrammarError(f"route {code}: declare its owner, and use a known channel")
    if node["serves"] not in get_args(Serves):
        raise GrammarError(f"route {code}: `serves` is one of {', '.join(get_args(Serves))}")
    return Route(
        code=code,
        rank=rank,
        serves=node["serves"],
        owner=str(node["owner"]),
        channel=str(node["channel"]),
        team=node.get("team") == "yes",
        contact=texts(node.get("contact")),
        script=str(node.get("script", "")),
        hours=hours(node.get("hours")),
    )


def contacts(data: Any, national: NationalPack, problems: Problems) -> dict[str, Contact]:
    found = {}
    for route, node in (data.get("contacts") or {}).items():
        with problems.at(line_of(data["contacts"], route)):
            found[str(route)] = _contact(str(route), node, national)
    return found


def _contact(route: str, node: Any, national: NationalPack) -> Contact:
    known = national.routes.get(route)
    if known is None or not (known.team or known.code in ALSO_LOCAL):
        raise GrammarError(f"`{route}` has no local contact; only a local team's route has")
    if not {"channel", "checked_on", "source"} <= set(node) or node["channel"] not in CHANNELS:
        raise GrammarError(
            f"`{route}` needs channel, checked_on and source; the channel is one of "
            f"{', '.join(sorted(CHANNELS))}"
        )
    if node["source"] not in national.sources:
        raise GrammarError(
            f"unknown source `{node['source']}`; add it to national.yaml's `sources`"
        )
    by = REACHED_BY.get(node["channel"], ())
    if by and not any(node.get(name) for name in by):
        raise GrammarError(f"`{route}` is {node['channel']}: give its {' or '.join(by)}")
    dated(node)
    fields = texts({k: v for k, v in node.items() if k not in CONTACT_META})
    return Contact(
        str(node["channel"]), fields, hours(node.get("hours")), str(node.get("script", ""))
    )


def dated(node: Any) -> date:
    """When somebody last looked: without that nobody knows how old an entry is."""
    try:
        return date.fromisoformat(str(node["checked_on"]))
    except ValueError as error:
        raise GrammarError('`checked_on` is the day it was last checked: "YYYY-MM-DD"') from error
