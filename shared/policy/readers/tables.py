"""One decision table a kind of concern: its rules as rows, the facts they look at as columns."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from shared.policy.engine import Policy
from shared.policy.grammar import Term
from shared.policy.pack import LocalPack, Pack, Rule
from shared.policy.readers.words import clock_words, fact_words, humanised, needs_words
from shared.policy.schema import UNKNOWN, Schema

KIND: Final = "concern_types"
ANY: Final = "any"
NOT: Final = "not: "
TICKS: Final = {"yes": "✓ yes", "no": "✗ no"}


@dataclass(frozen=True, slots=True)
class Row:
    """One rule, or one of the ways to satisfy it. cells: one a column, empty: it does not matter.

    branch: `1 of 3`, or empty. local: the authority whose pack holds the rule, or empty.
    """

    rule: Rule
    pack: str
    local: str
    branch: str
    cells: tuple[str, ...]
    effect: tuple[str, ...]
    deadline: tuple[str, ...]
    in_force: str

    @property
    def again(self) -> bool:
        """Whether the row above is of the same rule, and has its effect."""
        return bool(self.branch) and not self.branch.startswith("1 ")

    @property
    def routes(self) -> tuple[str, ...]:
        """The effect without what is not to be done."""
        return tuple(each for each in self.effect if not each.startswith(NOT))


@dataclass(frozen=True, slots=True)
class DecisionTable:
    """name: of its file. always: what every row asks, said once. columns: fact codes."""

    name: str
    title: str
    always: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def heads(self) -> tuple[str, ...]:
        return tuple(fact_words(column) for column in self.columns)


@lru_cache(maxsize=4)
def tables(policy: Policy) -> tuple[DecisionTable, ...]:
    """What applies whatever the kind, then each kind of concern's own, in the schema's order."""
    kinds = policy.schema[KIND].values
    named = [(kind, humanised(kind)) for kind in (*kinds, UNKNOWN)]
    titles = [(kind, "not known what kind" if kind == UNKNOWN else said) for kind, said in named]
    return (
        table(policy, ANY, "Whatever the kind of concern"),
        *(table(policy, kind, title[:1].upper() + title[1:]) for kind, title in titles),
    )


def table(policy: Policy, name: str, title: str) -> DecisionTable:
    """name: a kind of concern, or `any` for the rules that do not ask for one."""
    chosen = [
        (pack, rule, terms)
        for pack in (policy.national, *policy.locals.values())
        for rule in pack.rules
        if (terms := branches(rule, name))
    ]
    used = {test.fact for _, _, terms in chosen for term in terms for test in term} - {KIND}
    columns = tuple(fact for fact in policy.schema.facts if fact in used)
    rows = [
        row for pack, rule, terms in chosen for row in _rows(pack, rule, terms, columns, policy)
    ]
    same = [i for i in range(len(columns)) if len({row.cells[i] for row in rows}) == 1]
    always = tuple(f"{fact_words(columns[i])}: {rows[0].cells[i]}" for i in same)
    kept = [i for i in range(len(columns)) if i not in same]
    return DecisionTable(
        name, title, always, tuple(columns[i] for i in kept),
        tuple(_only(row, kept) for row in rows),
    )  # fmt: skip


def branches(rule: Rule, kind: str) -> tuple[Term, ...]:
    """The ways to satisfy the rule for this kind; for `any`, those that ask for no kind."""
    found = []
    for term in rule.terms:
        asks = [test for test in term if test.fact == KIND]
        if not asks if kind == ANY else asks and all(kind in test.accepts for test in asks):
            found.append(tuple(test for test in term if test.fact != KIND))
    return tuple(dict.fromkeys(found))


def _rows(
    pack: Pack, rule: Rule, terms: tuple[Term, ...], columns: tuple[str, ...], policy: Policy
) -> Iterator[Row]:
    for index, term in enumerate(terms, 1):
        yield Row(
            rule=rule,
            pack=pack.ref.id,
            local=pack.name if isinstance(pack, LocalPack) else "",
            branch=f"{index} of {len(terms)}" if len(terms) > 1 else "",
            cells=cells(term, columns, policy.schema),
            effect=effects(rule),
            deadline=deadlines(rule),
            in_force=in_force_words(rule),
        )


def cells(term: Term, columns: Iterable[str], schema: Schema) -> tuple[str, ...]:
    found = []
    for column in columns:
        said = [needs_words(test, schema[column]) for test in term if test.fact == column]
        found.append(" and ".join(TICKS.get(each, each) for each in said))
    return tuple(found)


def _only(row: Row, kept: list[int]) -> Row:
    return Row(row.rule, row.pack, row.local, row.branch, tuple(row.cells[i] for i in kept),
               row.effect, row.deadline, row.in_force)  # fmt: skip


def effects(rule: Rule) -> tuple[str, ...]:
    found = [f"{each.priority} {each.route}" for each in rule.requires]
    if rule.forbids:
        found.append(NOT + ", ".join(humanised(code) for code in rule.forbids))
    found += [f"allowed: {humanised(code)}" for code in rule.permits]
    return tuple(dict.fromkeys(found))


def deadlines(rule: Rule) -> tuple[str, ...]:
    found = []
    for each in rule.requires:
        since = " from discovery" if each.start == "discovery" else ""
        last = f", at the latest {clock_words(each.hard_by)}" if each.hard_by else ""
        found.append(f"{each.route}: {clock_words(each.by)}{since}{last}")
    return tuple(dict.fromkeys(found))


def in_force_words(rule: Rule) -> str:
    """Empty for a rule that holds as long as its pack does."""
    start, end = rule.in_force.start, rule.in_force.end
    if start is None:
        return "enacted, not yet in force"
    said = f"from {start}" if start.year > 1 else ""
    return f"{said} until {end}".strip() if end else said
