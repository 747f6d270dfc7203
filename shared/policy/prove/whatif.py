"""Promises that compare two answers: known with unknown, national with local."""

from collections.abc import Iterator
from dataclasses import replace

from shared.policy.grammar import ALWAYS, AllOf
from shared.policy.prove.compare import at_least, in_words, weakenings
from shared.policy.prove.duties import Clause, Promise
from shared.policy.prove.ground import Ground
from shared.policy.prove.obligation import Goal, Obligation
from shared.policy.prove.sources import Effects, Source
from shared.policy.prove.space import TYPES, Key
from shared.policy.schema import UNKNOWN, Fact, Schema


def not_lower(promise: Promise, clause: Clause, ground: Ground) -> Iterator[Obligation]:
    told = clause.options["unknown_not_lower_than"]
    spared = {str(name) for name in clause.options.get("except", ())}
    for name in _facts(told["facts"], ground.schema):
        fact = ground.schema[name]
        values = _known(fact) if told["value"] == "any" else [told["value"]]
        for value in _representatives(name, values, ground.effects):
            yield from _lower(promise, name, value, spared, ground.effects)


def _facts(told: list[str] | str, schema: Schema) -> list[str]:
    """Those named; `flags`: every yes or no; `worst_case`: every fact that is read at its worst."""
    given = [fact for fact in schema.facts.values() if not fact.derived and fact.kind != "set"]
    if told == "flags":
        return [fact.name for fact in given if fact.kind == "flag"]
    if told == "worst_case":
        return [fact.name for fact in given if fact.unknown == "worst_case"]
    return list(told)


def _known(fact: Fact) -> list[Key]:
    return [*fact.values] if fact.values else [*range(fact.lowest, fact.highest + 1)]


def _representatives(name: str, values: list[Key], effects: Effects) -> list[Key]:
    """One value of each kind that no rule tells apart."""
    tests = {
        test
        for sources in effects.by_rule.values()
        for source in sources
        for term in source.terms
        for test in term
        if test.fact == name
    }
    kinds = {tuple(value in test.accepts for test in tests): value for value in reversed(values)}
    return list(kinds.values())


def _lower(
    promise: Promise, name: str, value: Key, spared: set[str], effects: Effects
) -> Iterator[Obligation]:
    unknown = ((name, UNKNOWN),)
    not_knowing = effects.at(unknown)
    for task, source in dict.fromkeys(effects.tasks):
        if source.looks_at(name) and not spared & {task.require.route, source.rule}:
            what = f"{in_words(task.require)}, which {name} = {value} calls for"
            when = _and(promise, replace(source, at=((name, value),)))
            yield Obligation(promise.id, "", (when,), Goal((at_least(task, not_knowing),)), what)
    for code, sources in effects.forbids.items():
        for source in dict.fromkeys(sources):
            if source.looks_at(name) and not spared & {code, source.rule}:
                what = f"the prohibition {code}, which {name} = {value} calls for"
                when = _and(promise, replace(source, at=((name, value),)))
                need = not_knowing.forbids[code]
                yield Obligation(promise.id, "", (when,), Goal(((need,),)), what)


def _and(promise: Promise, source: Source) -> Source:
    """Where the promise's own condition and a rule both hold."""
    if promise.source.when == ALWAYS:
        return source
    return replace(
        source,
        when=AllOf((promise.source.when, source.when)),
        terms=tuple(a + b for a in promise.source.terms for b in source.terms),
    )


def stronger(promise: Promise, clause: Clause, ground: Ground) -> Iterator[Obligation]:
    del promise, clause
    for lost in weakenings(ground.national, ground.effects):
        yield replace(lost, what=f"{lost.what}, which the national rule {lost.promise} calls for")


def certain(promise: Promise, clause: Clause, ground: Ground) -> Iterator[Obligation]:
    """A permission that is given while a fact is open is given whatever the fact turns out."""
    del clause
    for code, sources in ground.effects.permits.items():
        looked = {test.fact for source in sources for term in source.terms for test in term}
        for name in sorted(looked - {TYPES}):
            fact = ground.schema[name]
            if fact.derived:
                continue
            open_ = tuple(replace(s, at=((name, UNKNOWN),)) for s in sources)
            for value in _representatives(name, _known(fact), ground.effects):
                need = tuple(replace(s, at=((name, value),)) for s in sources)
                what = f"{code} is given while {name} is not known, and not when it is {value}"
                yield Obligation(promise.id, "", open_, Goal(((need,),)), what)
