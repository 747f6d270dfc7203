"""The rules as anyone who works here may read them: packs, tables, each rule, sources."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request, Response
from pydantic import ConfigDict

from escalation.access import rules_of
from shared.auth import Principal
from shared.errors import Problem
from shared.policy import Policy
from shared.policy.pack import LocalPack, NationalPack, Pack, Route, Rule
from shared.policy.readers.duties import DutyLine, duty_lines
from shared.policy.readers.explanation import homes
from shared.policy.readers.html import FOLDER, TEMPLATES, rule_told
from shared.policy.readers.tables import ANY, DecisionTable, branches, tables
from shared.policy.readers.words import fact_words, humanised, value_words
from shared.web import View, page, page_router, signed_in
from shared.web.rendering import use_templates

router = page_router()
use_templates(FOLDER, TEMPLATES)
# Whoever works with decisions may read what they rest on; there is no case on these pages.
Reader = Annotated[Principal, Depends(signed_in())]
NOT_HERE = Problem(404, "not-found", "The packs in force have nothing of this name.")


class PageLinks:
    """Where a rule, a source and a kind of concern are told, on these pages."""

    def rule(self, rule: str) -> str:
        return f"/policy/rules/{rule}"

    def source(self, source: str) -> str:
        return f"/policy/sources#{source}"

    def table(self, name: str) -> str:
        return f"/policy/tables/{name}"


LINKS = PageLinks()


class PolicyView(View):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    links: PageLinks = LINKS


@dataclass(frozen=True, slots=True)
class PackLine:
    id: str
    name: str
    version: str
    digest: str
    in_force: str
    rules: int


class PacksPage(PolicyView):
    packs: tuple[PackLine, ...]
    troubles: tuple[str, ...]


class TablesPage(PolicyView):
    tables: tuple[DecisionTable, ...]


class TablePage(PolicyView):
    table: DecisionTable
    every: bool  # the rows count whatever the kind of concern


class RulePage(PolicyView):
    rule: Rule
    told: Mapping[str, Any]
    pack: PackLine
    kinds: tuple[tuple[str, str], ...]  # a table's name and title
    stands_in: str
    match: tuple[str, ...]
    no_match: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ContactLine:
    """One route for one authority. checked_on: the day somebody last saw it so, or empty."""

    route: str
    who: str
    channel: str
    contact: str
    note: str
    checked_on: str
    source: str


class PackPage(PolicyView):
    pack: PackLine
    national: bool
    rules: tuple[Rule, ...]
    settings: tuple[tuple[str, str, str, str], ...]  # name, value, what it says, on what basis
    contacts: tuple[ContactLine, ...]
    withdrawn: tuple[str, ...]


class ClocksPage(PolicyView):
    duties: tuple[DutyLine, ...]


class SourcesPage(PolicyView):
    # name, title, the rules that cite it, and the clocks that do
    sources: tuple[tuple[str, str, tuple[str, ...], tuple[str, ...]], ...]


@router.get("/policy")
async def packs(request: Request, _: Reader) -> Response:
    policy = rules_of(request).policy
    lines = tuple(pack_line(pack) for pack in _packs(policy))
    view = PacksPage(title="Rules", packs=lines, troubles=tuple(policy.alarms))
    return page(request, "escalation/policy.html", view)


@router.get("/policy/tables")
async def all_tables(request: Request, _: Reader) -> Response:
    view = TablesPage(title="Decision tables", tables=tables(rules_of(request).policy))
    return page(request, "escalation/policy-tables.html", view)


@router.get("/policy/tables/{name}")
async def one_table(request: Request, _: Reader, name: str) -> Response:
    found = next((each for each in tables(rules_of(request).policy) if each.name == name), None)
    if found is None:
        raise NOT_HERE
    view = TablePage(title=found.title, table=found, every=name == ANY)
    return page(request, "escalation/policy-table.html", view)


@router.get("/policy/rules/{rule_id}")
async def one_rule(request: Request, _: Reader, rule_id: str) -> Response:
    policy = rules_of(request).policy
    home = homes(policy).get(rule_id)
    if home is None:
        raise NOT_HERE
    rule = home.rule
    stands_in = next((s.route for s in policy.national.stand_ins if s.rule.id == rule.id), "")
    view = RulePage(
        title=f"{rule.id}: {rule.title}",
        rule=rule,
        told=rule_told(rule, policy),
        pack=pack_line(home.pack),
        kinds=() if stands_in else tuple(_kinds(policy, rule)),
        stands_in=stands_in,
        match=tuple(example_words(example.facts) for example in rule.match),
        no_match=tuple(example_words(example.facts) for example in rule.no_match),
    )
    return page(request, "escalation/policy-rule.html", view)


@router.get("/policy/packs/{pack_id}")
async def one_pack(request: Request, _: Reader, pack_id: str) -> Response:
    policy = rules_of(request).policy
    pack = next((each for each in _packs(policy) if each.ref.id == pack_id), None)
    if pack is None:
        raise NOT_HERE
    line = pack_line(pack)
    view = PackPage(
        title=f"Rules: {line.name}",
        pack=line,
        national=isinstance(pack, NationalPack),
        rules=pack.rules,
        settings=tuple(
            (humanised(each.name), _number_words(each.value), each.says, each.basis)
            for each in pack.settings.values()
        ),
        contacts=tuple(_contacts(policy, pack)),
        withdrawn=tuple(policy.national.permissions[code] for code in sorted(pack.withdraw)),
    )
    return page(request, "escalation/policy-pack.html", view)


@router.get("/policy/clocks")
async def clocks(request: Request, _: Reader) -> Response:
    duties = tuple(duty_lines(rules_of(request).policy))
    view = ClocksPage(title="What runs on after a concern", duties=duties)
    return page(request, "escalation/policy-clocks.html", view)


@router.get("/policy/sources")
async def sources(request: Request, _: Reader) -> Response:
    policy = rules_of(request).policy
    every = [rule for pack in _packs(policy) for rule in pack.rules]
    duties = list(duty_lines(policy))
    told = tuple(
        (name, title, _citing(every, name), _citing(duties, name))
        for name, title in policy.national.sources.items()
    )
    return page(
        request, "escalation/policy-sources.html", SourcesPage(title="Sources", sources=told)
    )


def _citing(what: Iterable[Rule | DutyLine], source: str) -> tuple[str, ...]:
    return tuple(each.id for each in what if any(cite.source == source for cite in each.cites))


def pack_line(pack: Pack) -> PackLine:
    until = f" until {pack.in_force_to}" if pack.in_force_to else ""
    return PackLine(
        id=pack.ref.id,
        name=pack.name if isinstance(pack, LocalPack) else "National",
        version=pack.ref.version,
        digest=pack.ref.hash,
        in_force=f"from {pack.in_force}{until}",
        rules=len(pack.rules),
    )


def example_words(facts: Mapping[str, object]) -> str:
    """An example's facts as people say them."""
    said = []
    for name, value in facts.items():
        members = value if isinstance(value, list) else [value]
        said.append(f"{fact_words(name)}: {', '.join(value_words(str(each)) for each in members)}")
    return "; ".join(said) or "nothing is given"


def _packs(policy: Policy) -> list[Pack]:
    return [policy.national, *policy.locals.values()]


def _kinds(policy: Policy, rule: Rule) -> list[tuple[str, str]]:
    made = [(table.name, table.title) for table in tables(policy)]
    return [(name, title) for name, title in made if branches(rule, name)]


def _number_words(value: int | tuple[int, ...]) -> str:
    return str(value) if isinstance(value, int) else ", ".join(map(str, value))


def _contacts(policy: Policy, pack: Pack) -> list[ContactLine]:
    """Of the national pack, every route; of an authority's, the routes its teams serve."""
    routes = policy.national.routes
    if isinstance(pack, LocalPack):
        return [_contact(policy, routes[code], pack.authority) for code in pack.contacts]
    return [_contact(policy, route, None) for route in routes.values()]


def _contact(policy: Policy, route: Route, la: str | None) -> ContactLine:
    service = policy.directory.service(route.code, la)
    told = service.contact
    where = [told.get(name, "") for name in ("name", "phone", "portal", "email", "url")]
    local = la is None and route.team
    return ContactLine(
        route=route.code,
        who="the authority's team" if local else service.owner,
        channel=humanised((route.channel if local else service.channel).lower()),
        contact="each authority's own" if local else ", ".join(filter(None, where)),
        note=told.get("note", ""),
        checked_on=told.get("checked_on", ""),
        source=told.get("source", ""),
    )
