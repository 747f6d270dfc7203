"""The packs as they are keep every promise, by both provers, for every combination of facts."""

from dataclasses import replace
from math import prod

from shared.policy.prove import Prover, slices
from shared.policy.prove.exact import count
from shared.policy.prove.obligation import Goal, Obligation
from shared.policy.prove.questions import EVERYTHING
from shared.policy.prove.space import TYPES
from tests.unit.policy.prove.planted import DAY, POLICY, REGISTER


def test_every_promise_holds_and_both_provers_agree() -> None:
    proof = Prover(POLICY, REGISTER, "both", DAY).run()
    assert [(f.promise, f.layer, f.what) for f in proof.failures] == []
    assert proof.disagreements == []
    assert proof.questions > 2_000


def test_the_combinations_of_each_slice_are_the_product_of_its_domains() -> None:
    question = Obligation("", "", (EVERYTHING,), Goal(((*[(EVERYTHING,)],),)), "")
    for where in slices(POLICY.schema):
        tally = count(question, [where])
        domains = [len(where.keys(name, where.live[name])) for name in POLICY.schema.facts]
        assert tally.whole.total == prod(domains)
        assert tally.whole.broken == 0
        kinds = where.keys(TYPES, where.live[TYPES])
        assert {kind: one.total for kind, one in tally.by_type.items()} == dict.fromkeys(
            kinds, prod(domains) // len(kinds)
        )


def test_every_duty_stands_in_the_register_with_its_own_citation() -> None:
    assert len(REGISTER.promises) > 100
    assert all(promise.cite for promise in REGISTER.promises)
    assert len({promise.say for promise in REGISTER.promises}) == len(REGISTER.promises)


def test_a_promise_that_no_rule_was_written_for_fails_rather_than_vanishes() -> None:
    (fgm,) = (p for p in REGISTER.promises if p.id == "D-FGM-01")
    (wanted, *_) = fgm.then
    odd = replace(wanted, tasks=(replace(wanted.tasks[0], owner="chair"),))
    register = replace(REGISTER, promises=(replace(fgm, then=(odd,)),))
    proof = Prover(POLICY, register, "both", DAY).run()
    assert proof.failures
    assert proof.disagreements == []
