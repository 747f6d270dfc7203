"""`handrail policy vocabulary`: what a submission may say, for those who build a school's MIS."""

from collections.abc import Iterator

import typer

from intake.reading.vocabulary import NEVER_FROM_A_BODY
from shared.policy.schema import Fact, Schema, Value, load_schema

_HEAD = """\
# The facts of a concern

What `facts` of a submission may hold, for a child or for all of them. Every fact may also be
`unknown`, which is not the same as leaving it out. Synonyms and other spellings are read as well,
and reported. Made by `handrail policy vocabulary`; a test compares.

| fact | may be | left out, it is read as | not known | the question that settles it |
|---|---|---|---|---|
"""
_UNKNOWN = {
    "worst_case": "whatever it could be counts",
    "own_value": "has rules of its own",
    "indicator": "nothing follows but the question",
}


def page(schema: Schema) -> str:
    return _HEAD + "".join(_rows(schema))


def _rows(schema: Schema) -> Iterator[str]:
    for fact in schema.facts.values():
        if not fact.derived and fact.name not in NEVER_FROM_A_BODY:
            cells = (
                f"`{fact.name}`",
                _may_be(fact),
                _shown(fact.absent),
                _UNKNOWN[fact.unknown],
                fact.ask,
            )
            yield f"| {' | '.join(cells)} |\n"


def _may_be(fact: Fact) -> str:
    if fact.kind == "number":
        return f"a whole number, {fact.lowest} to {fact.highest}"
    if fact.kind == "flag":
        return "`yes`, `no`"
    several = "any of " if fact.kind == "set" else "one of "
    return several + ", ".join(f"`{value}`" for value in fact.values)


def _shown(value: Value) -> str:
    if isinstance(value, frozenset):
        return ", ".join(f"`{each}`" for each in sorted(value)) or "none"
    return f"`{value}`"


def vocabulary() -> None:
    """The facts a submission may hold, as a page of the documentation."""
    typer.echo(page(load_schema()), nl=False)
