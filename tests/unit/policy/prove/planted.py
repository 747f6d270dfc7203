"""The real packs with one fault planted, and what the provers say of it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

from shared.policy import Policy, load_policy
from shared.policy.grammar import parse, terms
from shared.policy.pack import Rule
from shared.policy.prove import Failure, Proof, Prover, load_register
from shared.policy.prove.words import region_words

DAY = date(2026, 11, 25)
POLICY = load_policy()
REGISTER = load_register(POLICY.schema, POLICY.national)


def rule(name: str, policy: Policy = POLICY) -> Rule:
    return next(each for each in policy.national.rules if each.id == name)


def when(each: Rule, condition: Any) -> Rule:
    parsed = parse(condition, POLICY.schema)
    return replace(each, when=parsed, terms=terms(parsed, POLICY.schema))


def planted(change: Callable[[Rule], Rule | None], *more: Rule) -> Policy:
    """National rules alone; None leaves a rule out."""
    changed = [new for each in POLICY.national.rules if (new := change(each)) is not None]
    national = replace(POLICY.national, rules=(*changed, *more))
    return Policy(POLICY.schema, national, {}, ())


def only(name: str, change: Callable[[Rule], Rule | None]) -> Callable[[Rule], Rule | None]:
    return lambda each: change(each) if each.id == name else each


def same(each: Rule) -> Rule:
    return each


def proof(policy: Policy, *promises: str, engine: Any = "both") -> Proof:
    chosen = tuple(p for p in REGISTER.promises if p.id in promises)
    return Prover(policy, replace(REGISTER, promises=chosen), engine, DAY).run()


def failure(policy: Policy, promise: str) -> Failure:
    """The first failure of one promise, on which both provers agree, and which was replayed."""
    found = proof(policy, promise)
    assert not found.disagreements
    return found.failures[0]


def told(found: Failure) -> list[str]:
    return [region_words(region) for region in found.regions]
