"""The compiled masks say what the rules say: on 100,000 fact sets, and in their own structure."""

import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.policy import Authorities
from shared.policy.compile import WORST, Table, build, joined, masks_of, match
from shared.policy.grammar import AllOf
from shared.policy.schema import UNKNOWN, Fact, Raw, Value
from tests.unit.policy.facts import GIVEN
from tests.unit.policy.prove.columns import Columns, either, transposed
from tests.unit.policy.prove.planted import DAY, POLICY
from tests.unit.policy.reference import one_member_each, truth

ROWS = 100_000
SEED = 20261125
RULES = [rule for rule in POLICY.national.rules if rule.in_force.on(DAY)]
TABLE = build(RULES, POLICY.national, POLICY.schema)
SIZE = len(TABLE.unit_of)
MAY = (1 << SIZE) - 1
WHERE = Authorities(home="821", school="821")


def raw(fact: Fact, chance: random.Random) -> Raw:
    if fact.kind == "number":
        return UNKNOWN if chance.random() * 2 < 1 else chance.randint(fact.lowest, fact.highest)
    members: list[str] = [*fact.values, UNKNOWN]
    if fact.kind == "set":
        return chance.sample(members, chance.choice([1, 1, 1, 2, 3]))
    return chance.choice(members)


def towards(chance: random.Random) -> dict[str, Raw]:
    """The facts that one branch of some rule asks for."""
    found: dict[str, Raw] = {}
    for test in chance.choice(TABLE.tests_of):
        key = chance.choice(sorted(test.accepts, key=str))
        found[test.fact] = [str(key)] if POLICY.schema[test.fact].kind == "set" else key
    return found


def fact_sets(count: int, seed: int) -> list[dict[str, Value]]:
    """Now few facts, now most of them, half of them near a rule, at any hour."""
    chance = random.Random(seed)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    found = []
    for _ in range(count):
        many = chance.choice([3, 8, 20, 40])
        given = {fact.name: raw(fact, chance) for fact in GIVEN if chance.random() * 45 < many}
        if chance.random() * 2 < 1:
            given |= towards(chance)
        if chance.random() * 20 < 1:  # a request to tell others, and no concern
            given = {k: v for k, v in given.items() if k in POLICY.schema.request_facts}
            given["disclosure_request"] = chance.choice(["all_parents", "other_schools", "press"])
            given["case_facts_in_text"] = chance.choice(["yes", "no"])
        at = start + timedelta(minutes=chance.randrange(60 * 24 * 365))
        found.append(POLICY.values(given, at, WHERE)[0])
    return found


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Value]]:
    return fact_sets(ROWS, SEED)


def test_masks_and_the_slow_reading_never_differ_on_a_hundred_thousand_fact_sets(
    rows: list[dict[str, Value]],
) -> None:
    both = [joined(TABLE, values) for values in rows]
    for values, found in zip(rows[:2_000], both, strict=False):
        matched = match(TABLE, masks_of(TABLE, values))
        assert (matched.may, matched.must) == (found & MAY, found >> SIZE)
    may = transposed([each & MAY for each in both], SIZE)
    must = transposed([each >> SIZE for each in both], SIZE)
    terms_of: dict[str, list[int]] = defaultdict(list)
    whens: dict[str, AllOf] = {}
    for term, unit in enumerate(TABLE.unit_of):
        rule, because = TABLE.units[unit].rule, TABLE.units[unit].because_of
        if rule.permits:
            continue  # asked below: each member of a set must permit
        name = f"{rule.id} for {because.id}"
        terms_of[name].append(term)
        whens[name] = AllOf((because.when,) if rule is because else (because.when, rule.when))
    columns = Columns(POLICY.schema, rows)
    wrong = []
    for name, when in whens.items():
        got = either(may, terms_of[name]), either(must, terms_of[name])
        wrong += [name] if got != columns.truth(when) else []
    assert wrong == []
    assert [name for name, terms in terms_of.items() if not either(may, terms)] == []


def test_what_is_permitted_every_member_of_a_set_permits(rows: list[dict[str, Value]]) -> None:
    permitting = [rule for rule in RULES if rule.permits]
    assert permitting
    table = build(permitting, POLICY.national, POLICY.schema)
    fixed: dict[str, Any] = {
        "age_years": 15, "coercion": "no", "capacity_concern": "no", "image_sexual_act": "no",
        "image_unusual_or_violent": "no", "immediate_danger": "no", "suicidal_intent": "no",
        "image_with_self_harm": "no",
    }  # fmt: skip
    given = 0
    kinds = [frozenset({"nudes"}), frozenset({"nudes", "physical"}), frozenset({"physical"})]
    sources = [{"self"}, {"child_10_17", "self"}, {"self", "adult_known"}, {"self", UNKNOWN}]
    for row in rows[:200]:
        for types in kinds:
            for members in sources:
                harm = frozenset(members)
                values = {**row, **fixed, "concern_types": types, "source_of_harm": harm}
                got = match(table, masks_of(table, values)).must
                for term, unit in enumerate(table.unit_of):
                    alone = one_member_each(values)
                    rule = table.units[unit].rule
                    expected = all(truth(rule.when, one, POLICY.schema)[1] for one in alone)
                    assert bool(got >> term & 1) == expected
                    given += expected
    assert given


# ---- the subset lemma --------------------------------------------------------------------------
# An AND of larger masks is larger: what holds fact by fact holds for every concern.


def terms_that(table: Table, name: str, *, known: bool) -> int:
    """The terms that ask for a fact to be known, or name "not known"."""
    found = 0
    for term, tests in enumerate(table.tests_of):
        for test in tests:
            if test.fact == name and (test.known_only if known else UNKNOWN in test.accepts):
                found |= 1 << term
    return found


@pytest.mark.parametrize("column", [c for c in TABLE.columns if c.is_set], ids=lambda c: c.name)
def test_a_member_more_known_or_not_hides_nothing_that_the_others_call_for(column: Any) -> None:
    for key, mask in column.masks.items():
        for other in column.masks:
            both = column.set_mask(frozenset({key, other}))
            assert not mask & MAY & ~both
            assert not both & column.permits & ~mask


@pytest.mark.parametrize("column", [c for c in TABLE.columns if not c.is_set], ids=lambda c: c.name)
def test_unknown_hides_nothing_that_its_reading_promises(column: Any) -> None:
    fact = POLICY.schema[column.name]
    named = terms_that(TABLE, fact.name, known=False)
    asked = terms_that(TABLE, fact.name, known=True)
    for key, mask in column.masks.items():
        if key in {UNKNOWN, WORST}:
            continue
        # At its worst, unknown may be any value; only what asks for knowledge is spared.
        assert not mask & MAY & ~column.masks[WORST] & ~asked
        if fact.unknown == "worst_case":
            assert not mask & MAY & ~column.masks[UNKNOWN] & ~asked
        # What is certain while it is not known is certain whatever it turns out to be, unless a
        # rule is about not knowing.
        assert not column.masks[UNKNOWN] & ~mask & ~(named << SIZE | MAY)
    if fact.unknown != "worst_case":
        # An own value, or an indicator, fires only what names it.
        looked = column.masks[UNKNOWN] & MAY & ~column.free
        assert not looked & ~named
