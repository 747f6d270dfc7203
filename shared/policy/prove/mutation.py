"""Whether the gate and the promises notice small faults in the packs."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from shared.policy.engine import Policy
from shared.policy.pack import Rule
from shared.policy.prove.compare import is_weaker, weakenings
from shared.policy.prove.duties import Promise, Register
from shared.policy.prove.ground import Ground
from shared.policy.prove.mutants import Mutant, mutants, permit_mutants
from shared.policy.prove.obligation import Obligation
from shared.policy.prove.questions import questions
from shared.policy.prove.regions import holds
from shared.policy.prove.smt import Solver
from shared.policy.prove.sources import Effects, effects_of
from shared.policy.prove.space import slices
from shared.policy.prove.thin import thinner
from shared.policy.prove.useful import not_redundant, reachable

EQUIVALENT: Final = "no answer is weaker"


@dataclass(slots=True)
class Outcome:
    """What became of the mutants: by kind, how many there were, and who noticed."""

    mutants: int = 0
    by_gate: int = 0  # refused by it: `weaker` ones, and `thinner` ones
    by_promises: int = 0
    weaker: int = 0  # some answer is
    thinner: int = 0  # none is, but a rule asks less by itself
    kinds: Counter[str] = field(default_factory=Counter)
    kinds_by_gate: Counter[str] = field(default_factory=Counter)
    kinds_by_promises: Counter[str] = field(default_factory=Counter)
    # Nothing is asked less: the prover shows these to be equivalent or stronger.
    equivalent: list[str] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)  # of these, what the gate does not refuse
    unshown: list[str] = field(default_factory=list)  # survivors that the second prover disputes
    unpromised: dict[str, str] = field(default_factory=dict)  # what no promise notices, and why


class Mutation:
    """Puts one fault after another into one policy's rules."""

    def __init__(self, policy: Policy, register: Register, day: date, *, smt: bool = True) -> None:
        self.policy = policy
        self.register = register
        self.spaces = slices(policy.schema)
        self.rules = tuple(rule for rule in policy.national.rules if rule.in_force.on(day))
        self.old = self._effects(self.rules)
        self.solver = Solver(policy.schema, register.impossible) if smt else None
        self._touching = self._index()

    def mutants(self) -> list[Mutant]:
        schema = self.policy.schema
        return [*mutants(self.rules, schema), *permit_mutants(self.rules, schema)]

    def run(self, chosen: Iterable[Mutant]) -> Outcome:
        outcome = Outcome()
        for mutant in chosen:
            self._try(mutant, outcome)
        return outcome

    def _effects(self, rules: Iterable[Rule]) -> Effects:
        return effects_of(rules, self.policy.national)

    def _try(self, mutant: Mutant, outcome: Outcome) -> None:
        outcome.mutants += 1
        outcome.kinds[mutant.kind] += 1
        swapped = ((mutant.now if rule.id == mutant.rule else rule) for rule in self.rules)
        new = self._effects(rule for rule in swapped if rule is not None)
        impossible = self.register.impossible
        promised = self.breaks_a_promise(mutant, new)
        outcome.by_promises += promised
        outcome.kinds_by_promises[mutant.kind] += promised
        if is_weaker(self.old, new, self.spaces, impossible):
            outcome.weaker += 1
            self._refused(mutant, outcome)
            if not promised:
                outcome.unpromised[mutant.name] = self._why(mutant)
            return
        if self.solver and any(map(self.solver.broken, weakenings(self.old, new))):
            outcome.unshown.append(mutant.name)
            return
        outcome.equivalent.append(mutant.name)
        thin = [*thinner(self.old, new, self.spaces)]
        if not promised:
            still = " and ".join(dict.fromkeys(name for each in thin for name in each.still))
            told = f"{EQUIVALENT}; {still} still asks it" if still else EQUIVALENT
            outcome.unpromised[mutant.name] = told
        if thin:
            outcome.thinner += 1
            self._refused(mutant, outcome)
        else:
            outcome.passed.append(mutant.name)

    def _why(self, mutant: Mutant) -> str:
        """Why the register asks for none of what a fault takes away."""
        rule = self.old.rules[mutant.rule]
        if set(rule.tags) <= {"D"}:
            return "it rests on a project default alone, which no source asks for"
        return f"it is said by {rule.cite} and by no promise; write one"

    @staticmethod
    def _refused(mutant: Mutant, outcome: Outcome) -> None:
        outcome.by_gate += 1
        outcome.kinds_by_gate[mutant.kind] += 1

    # ---- the promises that a rule stands behind -----------------------------------------------
    def _index(self) -> Mapping[str, list[Promise]]:
        """For each rule the promises that look at what it does."""
        ground = Ground(self.register, self.old, self.old, self.policy.schema)
        found: dict[str, dict[str, Promise]] = defaultdict(dict)
        for promise in self.register.promises:
            if any(clause.kind == "unknown_not_lower_than" for clause in promise.then):
                continue  # they compare a rule with itself, and cost as much as all the others
            for question in questions(promise, ground):
                for rule in _rules(question):
                    found[rule][promise.id] = promise
        return {rule: list(promises.values()) for rule, promises in found.items()}

    def breaks_a_promise(self, mutant: Mutant, new: Effects) -> bool:
        ground = Ground(self.register, new, new, self.policy.schema)
        for promise in self._touching.get(mutant.rule, ()):
            for question in questions(promise, ground):
                if not holds(question, self.spaces, self.register.impossible):
                    return True
        return mutant.rule in new.by_rule and self._useless(mutant.rule, new)

    def _useless(self, rule: str, new: Effects) -> bool:
        for asked in (reachable, not_redundant):
            if all(
                holds(question, self.spaces, self.register.impossible)
                for question in asked(rule, new)
            ):
                return True
        return False


def _rules(question: Obligation) -> set[str]:
    goal = question.goal
    sources = [*goal.never, *(s for a in goal.alternatives for need in a for s in need)]
    return {source.rule.split(" ", maxsplit=1)[0] for source in sources}
