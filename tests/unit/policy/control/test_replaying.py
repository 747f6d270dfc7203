"""A stored decision comes out again bit for bit, by the packs that it was decided by."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from shared.policy import Authorities, Policy, raise_to
from shared.policy.control.basis import Basis, basis_of, digest
from shared.policy.control.opening import open_packs
from shared.policy.control.replaying import Shelf, Stored, mismatches
from tests.unit.policy.control.desk import LATER, LOCAL, Desk
from tests.unit.policy.facts import authorities, facts, moments

FIXTURES = [HealthCheck.function_scoped_fixture]
AT = datetime(2026, 11, 24, 10, tzinfo=UTC)
INFANT = {"subject_role": "child", "concern_types": ["neglect"], "age_years": 1}


def stored(policy: Policy, *bases: Basis) -> Stored:
    """As a database gives it back: in another order of names."""
    entries: list[dict[str, Any]] = []
    decision: dict[str, Any] = {}
    for basis in bases:
        decided = basis.decide(policy)
        entries.append(basis.kept(policy, decided.to_json()))
        decision = raise_to(decision, decided)
    entries[-1]["kept"] = digest(decision)
    last = bases[-1].facts
    given = {name: value for name, value in last.items() if name != "subject_role"}
    back = json.loads(json.dumps([decision, entries], sort_keys=True))
    role = str(last["subject_role"])
    return Stored("case-1", role, decision["priority"], given, back[0], back[1])


def told(la: str = "341", **more: Any) -> Basis:
    return Basis(INFANT | more, AT, AT - timedelta(hours=3), "child-1", Authorities(la, "821", la))


def problems(case: Stored, desk: Desk) -> list[str]:
    return list(mismatches(case, Shelf([desk.packs])))


@pytest.fixture(scope="module")
def shelf(first_desk: Desk) -> Shelf:
    return Shelf([first_desk.packs])


def test_a_decision_comes_out_as_it_was_stored(desk: Desk) -> None:
    desk.release(LOCAL)
    assert problems(stored(open_packs(desk.packs).at(AT), told()), desk) == []


def test_it_does_so_after_the_pack_has_changed(desk: Desk) -> None:
    desk.release(LOCAL)
    before = stored(open_packs(desk.packs).at(AT), told())
    desk.release(LATER.replace("route: HEALTH, priority: P2", "route: HEALTH, priority: P1"))
    after = stored(open_packs(desk.packs).at(AT), told())
    assert before.decision["actions"] != after.decision["actions"]
    assert problems(before, desk) == problems(after, desk) == []


def test_amended_decisions_come_out_one_after_the_other(desk: Desk) -> None:
    desk.release(LOCAL)
    policy = open_packs(desk.packs).at(AT)
    assert problems(stored(policy, told(), told(immediate_danger="yes")), desk) == []


@settings(max_examples=60, deadline=None, suppress_health_check=FIXTURES)
@given(facts=facts(), at=moments, where=authorities)
def test_whatever_was_told(
    first_desk: Desk, shelf: Shelf, facts: dict[str, Any], at: datetime, where: Authorities
) -> None:
    policy = open_packs(first_desk.packs).at(AT)
    basis = Basis({"subject_role": "child"} | facts, at, None, "child-1", where)
    assert list(mismatches(stored(policy, basis), shelf)) == []


def lowered(case: Stored) -> Stored:
    actions = [dict(action) for action in case.decision["actions"]]
    actions[0]["priority"] = "P4"
    return replace(case, decision=case.decision | {"actions": actions})


TAMPERED: dict[str, Callable[[Stored], Stored]] = {
    "its decision was changed": lowered,
    "is less urgent in its decision": lowered,
    "is not in its decision, and the rules ask": lambda c: replace(
        c, decision=c.decision | {"actions": c.decision["actions"][1:]}
    ),
    "its facts are not those": lambda c: replace(c, facts={**c.facts, "age_years": 9}),
    "the rules answer otherwise": lambda c: replace(
        c, basis=[c.basis[0] | {"facts": {**c.basis[0]["facts"], "concern_types": ["fgm"]}}]
    ),
    "its priority is P4": lambda c: replace(c, priority="P4"),
    "nothing says what its decision rests on": lambda c: replace(c, basis=[]),
    "cannot be read": lambda c: replace(c, basis=[{"facts": {}}]),
    "is kept in none of the places": lambda c: replace(
        c, basis=[c.basis[0] | {"packs": [{"id": "national", "version": "1", "hash": "sha256:0"}]}]
    ),
}


@pytest.mark.parametrize("says", TAMPERED)
def test_what_was_tampered_with_is_found(desk: Desk, says: str) -> None:
    desk.release(LOCAL)
    case = stored(open_packs(desk.packs).at(AT), told())
    assert any(says in problem for problem in problems(TAMPERED[says](case), desk))


def test_a_tamperer_who_mends_the_digests_is_still_found(desk: Desk) -> None:
    desk.release(LOCAL)
    case = lowered(stored(open_packs(desk.packs).at(AT), told()))
    mended = replace(case, basis=[case.basis[0] | {"kept": digest(case.decision)}])
    assert any("is less urgent" in problem for problem in problems(mended, desk))


def test_what_a_decision_rests_on_holds_every_pack_that_had_a_say(desk: Desk) -> None:
    desk.release(LOCAL)
    policy = open_packs(desk.packs).at(AT)
    entry = told().kept(policy, {})
    assert [pack["id"] for pack in entry["packs"]] == ["national", "testshire"]
    assert basis_of(json.loads(json.dumps(entry))).facts == told().facts
