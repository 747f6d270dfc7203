"""The rules as Markdown and CSV files, as they stand in docs/rules/."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from shared.policy.engine import Policy
from shared.policy.pack import LocalPack, Pack, Rule
from shared.policy.readers.duties import duty_lines
from shared.policy.readers.tables import (
    DecisionTable,
    Row,
    cells,
    deadlines,
    effects,
    in_force_words,
    tables,
)
from shared.policy.readers.words import fact_words

SURE: Final = {
    "Q": "read in the source",
    "Q2": "read second-hand",
    "M": "general knowledge",
    "D": "project default, for sign-off",
    "U": "unsure",
}
_MADE: Final = "<!-- Written by `handrail policy render`. Change the packs, not this file. -->\n"
_INTRO: Final = """# The rules, as tables

What every rule of the packs asks for and calls for, one table a kind of concern, each also as CSV
for a spreadsheet. `handrail policy render` writes this folder from the packs, and `handrail
policy render --check` says where it no longer fits them. The same as web pages: `handrail policy
render DIRECTORY --html`, or `/policy` in a running Handrail.

How to read a table:

- Each row is a rule, or one of the ways to satisfy it (`1 of 2`). All its cells must fit; an
  empty cell does not matter.
- **Every** row that may fit counts. Routes unite, the highest priority and the earliest deadline
  win, and no row takes another's effect away. For some facts "not known" fits whatever a rule
  asks; the action is then precautionary.
- The rows of [whatever the kind of concern](any.md) count as well as the rows of the concern's
  own table, and a concern of two kinds has the rows of both.
- **Local** rows come from one authority's pack and count for it alone; they add to the national
  ones.
- A rule's name leads to [the rules](rules.md), with the reason and examples; its source to [the
  sources](sources.md).
"""


def documents(policy: Policy) -> dict[str, str]:
    """Each file's name and content."""
    made = tables(policy)
    files = {
        "README.md": _MADE + _INTRO + "\n" + "\n".join(_index(made)) + "\n",
        "rules.md": _MADE + "\n".join(_rules(policy)) + "\n",
        "sources.md": _MADE + "\n".join(_sources(policy)) + "\n",
        "clocks.md": _MADE + "\n".join(_clocks(policy)) + "\n",
        "telling-others.md": _MADE + "\n".join(_gate(policy)) + "\n",
    }
    for each in made:
        files[f"{each.name}.md"] = _MADE + "\n".join(_table(each)) + "\n"
        files[f"{each.name}.csv"] = csv_of(each)
    return files


def _index(made: Iterable[DecisionTable]) -> Iterator[str]:
    yield from _header("Kind of concern", "Rules", "Local rules", "As CSV")
    for each in made:
        rules = {row.rule.id for row in each.rows}
        local = {row.rule.id for row in each.rows if row.local}
        yield _line([f"[{each.title}]({each.name}.md)", str(len(rules)), str(len(local) or ""),
                     f"[{each.name}.csv]({each.name}.csv)"])  # fmt: skip
    yield ""
    yield "What runs on after a concern is in [the clocks](clocks.md), and who else may be told in"
    yield "[a table of its own](telling-others.md)."


def _table(table: DecisionTable) -> Iterator[str]:
    yield f"# {table.title}"
    yield ""
    if table.always:
        yield f"Every row asks: {'; '.join(table.always)}."
        yield ""
    yield from _header("Rule", *table.heads, "Effect", "Deadline", "Source")
    for row in table.rows:
        yield _line([_name(row), *row.cells, "<br>".join(row.effect), "<br>".join(row.deadline),
                     _cites(row.rule)])  # fmt: skip
    yield ""
    if table.name != "any":
        yield "These count as well: [whatever the kind of concern](any.md)."
    yield "[How to read this](README.md)."


def _name(row: Row) -> str:
    marks = [row.branch, f"**Local: {row.local}**" if row.local else "", row.in_force]
    return "<br>".join(filter(None, [f"[{row.rule.id}](rules.md#{row.rule.id.lower()})", *marks]))


def _cites(rule: Rule) -> str:
    return "<br>".join(f"[{_cell(str(c))}](sources.md#{c.source}) ({c.tag})" for c in rule.cites)


def _header(*heads: str) -> Iterator[str]:
    yield _line(heads)
    yield "|" + "---|" * len(heads)


def _line(parts: Iterable[str]) -> str:
    return "| " + " | ".join(parts) + " |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def csv_of(table: DecisionTable) -> str:
    """One line a row; what is said once above the table stands in columns of its own again."""
    told = io.StringIO()
    write = csv.writer(told, lineterminator="\n")
    write.writerow(["rule", "way", "pack", "local to", "in force", "title", "every row asks",
                    *table.heads, "effect", "deadline", "source"])  # fmt: skip
    for row in table.rows:
        write.writerow([row.rule.id, row.branch, row.pack, row.local, row.in_force, row.rule.title,
                        "; ".join(table.always), *row.cells, "; ".join(row.effect),
                        "; ".join(row.deadline), row.rule.cite])  # fmt: skip
    return told.getvalue()


def _packs(policy: Policy) -> Iterator[Pack]:
    yield from (policy.national, *policy.locals.values())


def _rules(policy: Policy) -> Iterator[str]:
    yield "# The rules"
    for pack in _packs(policy):
        name = pack.name if isinstance(pack, LocalPack) else ""
        yield f"\n## {name or 'National'} ({pack.ref.version})"
        for rule in pack.rules:
            yield from _rule(rule, policy, local=bool(name))
        if pack is policy.national:
            yield "\n## While a hub is closed\n"
            for entry in policy.national.stand_ins:
                yield f"For {entry.route} tasks of {entry.priority} or more urgent:"
                yield from _rule(entry.rule, policy, local=False)


def _rule(rule: Rule, policy: Policy, *, local: bool) -> Iterator[str]:
    yield f"\n### {rule.id}\n"
    marks = ["local" if local else "", in_force_words(rule)]
    mark = ", ".join(filter(None, marks))
    yield f"**{rule.title}**{f' ({mark})' if mark else ''}. {rule.because} ({rule.rule})\n"
    for index, ways in enumerate(conditions(rule, policy), 1):
        way = f"Way {index}: " if len(rule.terms) > 1 else "When: "
        yield f"- {way}{ways}"
    yield from (f"- {each}" for each in (*effects(rule), *deadlines(rule)))
    yield from (
        f"- Source: [{_cell(str(c))}](sources.md#{c.source}): {SURE[c.tag]}" for c in rule.cites
    )


def conditions(rule: Rule, policy: Policy) -> list[str]:
    """Each way to satisfy the rule, in words."""
    found = []
    for term in rule.terms:
        names = tuple(dict.fromkeys(test.fact for test in term))
        said = cells(term, names, policy.schema)
        both = [f"{fact_words(name)}: {cell}" for name, cell in zip(names, said, strict=True)]
        found.append("; ".join(both) or "always")
    return found


def _sources(policy: Policy) -> Iterator[str]:
    yield "# The sources\n"
    yield (
        "How sure a citation is: " + "; ".join(f"{tag}, {says}" for tag, says in SURE.items()) + "."
    )
    for name, title in policy.national.sources.items():
        yield f"\n## {name}\n\n{title}. Cited by {', '.join(_citing(policy, name)) or 'no rule'}."


def _citing(policy: Policy, source: str) -> list[str]:
    rules = [
        f"[{rule.id}](rules.md#{rule.id.lower()})"
        for pack in _packs(policy)
        for rule in pack.rules
        if any(cite.source == source for cite in rule.cites)
    ]
    return rules + [
        f"[{duty.id}](clocks.md)"
        for duty in duty_lines(policy)
        if any(cite.source == source for cite in duty.cites)
    ]


def _clocks(policy: Policy) -> Iterator[str]:
    yield "# What runs on after a concern\n"
    yield from _header("Rule", "What", "From", "Within", "At once", "When late", "Source")
    for duty in duty_lines(policy):
        name = f"{duty.id}<br>**Local: {duty.local}**" if duty.local else duty.id
        sources = [f"[{_cell(str(c))}](sources.md#{c.source}) ({c.tag})" for c in duty.cites]
        yield _line([name, _cell(duty.title), duty.starts, duty.by,
                     _cell("<br>".join(duty.opens)), _cell("<br>".join(duty.late)),
                     "<br>".join(sources)])  # fmt: skip


def _gate(policy: Policy) -> Iterator[str]:
    yield "# Who else may be told\n"
    yield "It never blocks a statutory recipient. A case may only make an answer stricter.\n"
    yield from _header("Who", "Answer", "Needs", "Then", "What to say", "Rule", "Source")
    for audience, rule in policy.national.gate.items():
        said = [
            audience.replace("_", " "),
            rule.state,
            ", ".join(need.who for need in rule.needs),
            rule.release.to if rule.release else "",
            rule.say,
            f"{rule.id}: {rule.title}",
            rule.cite,
        ]
        yield _line([_cell(each) for each in said])


def ours(text: str) -> bool:
    """Whether a file was written here, so that it may be replaced or removed."""
    return text.startswith((_MADE, "rule,way,pack,"))


def drift(policy: Policy, present: Mapping[str, str]) -> list[str]:
    """What is missing, stale or too many among the files present."""
    wanted = documents(policy)
    both = sorted(wanted.keys() & present.keys())
    return [
        *(f"{name} is missing" for name in sorted(wanted.keys() - present.keys())),
        *(f"{name} is no rule's any more" for name in sorted(present.keys() - wanted.keys())),
        *(
            f"{name} does not say what the packs say"
            for name in both
            if wanted[name] != present[name]
        ),
    ]
