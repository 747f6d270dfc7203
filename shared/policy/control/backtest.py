"""What a change of the packs would have done to concerns that were really decided."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from shared.policy.compile import build
from shared.policy.control.basis import Basis
from shared.policy.directory import Authorities
from shared.policy.engine import Policy, Seen
from shared.policy.pack import Rule, StandIn
from shared.policy.plan import Deadline
from shared.policy.required import Outcome, Required
from shared.policy.sparse import Sparse

EXAMPLES: Final = 3
# Compared apart, or words that no outcome holds.
APART: Final = frozenset({
    "ref", "file", "rules", "stand_ins", "settings", "tracks", "sources", "prohibitions",
    "gate", "duties", "ladder", "in_force", "in_force_to", "owners", "routes", "contacts", "name",
    "permissions",
})  # fmt: skip


@dataclass(slots=True)
class BackTest:
    """evaluations: two a concern, one by each policy. flips: how often each change was met, and
    examples: of which concerns, counted from 1."""

    concerns: int = 0
    flipped: int = 0
    flips: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[int]] = field(default_factory=dict)

    @property
    def evaluations(self) -> int:
        return 2 * self.concerns


def back_test(old: Policy, new: Policy, concerns: Iterable[Basis]) -> BackTest:
    """Decides each concern by both, without reasons; what a decision names is compared."""
    result = BackTest()
    told_apart = lru_cache(maxsize=4096)(differences)
    may_differ = _filter(old, new)
    for number, each in enumerate(concerns, 1):
        result.concerns = number
        # Read once for both: the list of facts is part of the software, not of a pack.
        seen = old.seen(each.facts, each.received_at, each.authorities)
        if not may_differ(seen):
            continue
        before = old.outcome_of(seen, each.authorities)
        now = new.seen_by(seen, each.received_at, each.authorities)
        after = new.outcome_of(now, each.authorities)
        how = told_apart(before, after) if before != after else ()
        result.flipped += bool(how)
        for flip in how:
            result.flips[flip] += 1
            if len(first := result.examples.setdefault(flip, [])) < EXAMPLES:
                first.append(number)
    return result


def _filter(old: Policy, new: Policy) -> Callable[[Seen], bool]:
    """Rules that both have decide alike: only where a changed one may apply can answers differ."""
    if _frame(old) != _frame(new):
        return lambda _: True
    before, after = _rules(old), _rules(new)
    changed = [rule for key, rule in (before | after).items() if (key in before) != (key in after)]
    table = build(changed, old.national, old.schema)
    sparse, may = Sparse(table, old.schema), (1 << len(table.unit_of)) - 1

    def may_differ(seen: Seen) -> bool:
        return bool(sparse.joined(seen.values, seen.given) & may)

    return may_differ


def _rules(policy: Policy) -> dict[object, Rule]:
    """By all of a rule that decides, and by whose it is."""
    return {
        (pack.ref.id, r.terms, r.requires, r.forbids, r.permits, r.in_force): r
        for pack in (policy.national, *policy.locals.values())
        for r in pack.rules
    }


def _frame(policy: Policy) -> list[object]:
    """All of the packs but their rules, and what no outcome depends on: words and numbers."""
    packs = [policy.national, *policy.locals.values()]
    found: list[object] = [_rules_of(policy.national.stand_ins)]
    for pack in packs:
        found += [getattr(pack, part.name) for part in fields(pack) if part.name not in APART]
    whose = policy.national.owners
    found += [(n, whose[n].role) for n in whose]
    found += [replace(route, contact={}, script="") for route in policy.national.routes.values()]
    for la, local in policy.locals.items():
        found += [(la, n, c.channel, c.hours) for n, c in sorted(local.contacts.items())]
    return found


def _rules_of(stand_ins: Iterable[StandIn]) -> list[object]:
    return [(s.route, s.priority, s.rule.terms, s.rule.requires) for s in stand_ins]


def differences(before: Outcome, after: Outcome) -> tuple[str, ...]:
    """How one decision differs from the other, in words."""
    return tuple(_differences(before, after))


def _differences(before: Outcome, after: Outcome) -> Iterator[str]:
    if before.priority != after.priority:
        yield f"priority {before.priority} becomes {after.priority}"
    tasks, now = _by_task(before), _by_task(after)
    for key in tasks.keys() - now.keys():
        yield f"lost: {tasks[key].route} {tasks[key].priority}"
    for key in now.keys() - tasks.keys():
        yield f"gained: {now[key].route} {now[key].priority}"
    for key in tasks.keys() & now.keys():
        one, other = tasks[key], now[key]
        if one.priority != other.priority:
            yield f"{one.route}: {one.priority} becomes {other.priority}"
        if one.by != other.by:
            yield f"{one.route}: by {_clocks(one.by)} becomes by {_clocks(other.by)}"
        if one.hard_by != other.hard_by:
            yield f"{one.route}: hard limit {_clocks(one.hard_by)} becomes {_clocks(other.hard_by)}"
    for name, said, then in (
        ("prohibition", before.prohibitions, after.prohibitions),
        ("permission", before.permissions, after.permissions),
    ):
        yield from (f"lost: {name} {code}" for code in sorted({*said} - {*then}))
        yield from (f"gained: {name} {code}" for code in sorted({*then} - {*said}))


def _by_task(outcome: Outcome) -> dict[tuple[str, str, str | None, str], Required]:
    return {(t.route, t.subject, t.la, t.owner_role): t for t in outcome.required}


def _clocks(deadlines: tuple[Deadline, ...]) -> str:
    words = [
        f"{each.clock.kind}({each.clock.count})" if each.clock.count else each.clock.kind
        for each in deadlines
    ]
    return " and ".join(words) or "now"


def concern_of(line: Mapping[str, Any]) -> Basis:
    """A line of `handrail policy facts export`. Raises KeyError, TypeError or ValueError."""
    received_at = datetime.fromisoformat(line["received_at"])
    return Basis(line["facts"], received_at, None, "", Authorities(*line["authorities"]))
