"""The fact schema prepared for reading: each way to write a name or a value leads to one code."""

from dataclasses import dataclass

from intake.reading.synonyms import NOT_KNOWN, WORDS, folded_code
from shared.policy.schema import UNKNOWN, Fact, Schema

# A body may not say these: they follow from who acts, or are worked out.
NEVER_FROM_A_BODY = frozenset(
    {"est_agreed", "police_agreed", "subject_role", "age_at_discovery", "other_child_listed"}
)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    facts: dict[str, Fact]
    names: dict[str, str]
    codes: dict[str, dict[str, str]]


_prepared: dict[int, tuple[Schema, Vocabulary]] = {}


def vocabulary(schema: Schema) -> Vocabulary:
    """Prepared once for each schema, which is kept beside it so that its id stays its own."""
    known = _prepared.get(id(schema))
    if known is None:
        if len(_prepared) >= 16:  # noqa: PLR2004 - a process has one or two
            _prepared.clear()
        known = _prepared[id(schema)] = schema, _prepare(schema)
    return known[1]


def _prepare(schema: Schema) -> Vocabulary:
    facts = {
        name: fact
        for name, fact in schema.facts.items()
        if not fact.derived and name not in NEVER_FROM_A_BODY
    }
    names = {folded_code(name): name for name in facts}
    names |= {folded_code(o): n for o, n in schema.aliases.items() if n in facts}
    return Vocabulary(facts, names, {name: _codes(fact) for name, fact in facts.items()})


def _codes(fact: Fact) -> dict[str, str]:
    codes = dict.fromkeys(NOT_KNOWN, UNKNOWN)
    for code, others in WORDS.get(fact.name, {}).items():
        if code in fact.values:
            codes |= {folded_code(other): code for other in others.split(",")}
    codes |= {folded_code(other): code for other, code in fact.synonyms.items()}
    return codes | {folded_code(code): code for code in (*fact.values, UNKNOWN)}
