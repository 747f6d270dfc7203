"""The outcome alone, for many thousands of cases: what is required, by when, and what is not done.

The same answer as `Policy.decide` gives, without the reasons, the owners' words and the questions.
What a term of a rule adds is a set of bits, so that joining rules is OR.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final, get_args

from shared.policy.compile import Table, bits
from shared.policy.decision import Priority
from shared.policy.directory import Authorities
from shared.policy.pack import Require, Rule
from shared.policy.plan import ALWAYS_TOLD, HUBS, Deadline, Draft, Planner
from shared.policy.required import REMEMBERED, Outcome, Reason, Required, the_one
from shared.policy.schema import Value

PRIORITIES: Final[tuple[Priority, ...]] = get_args(Priority)
_CERTAIN: Final = 1
_AT_ONCE: Final = 1
_PRIORITIES: Final = 2
_CLOCKS: Final = _PRIORITIES + len(PRIORITIES)
_Key = tuple[str, str, str | None, str]


@dataclass(slots=True)
class _Slot:
    """One task that rules may add to. Its bits: certain, at once, a priority each, then clocks."""

    draft: Draft
    rank: int
    host: Draft | None  # the same task where the child was found, should anything be P0
    offset: int = 0
    clocks: list[tuple[bool, Deadline]] = field(default_factory=list)  # hard_by or not, and which

    @property
    def width(self) -> int:
        return _CLOCKS + len(self.clocks)

    def mask(self, draft: Draft) -> int:
        """What one rule's draft of this task says, but for its certainty."""
        mask = 1 << _AT_ONCE if draft.at_once else 0
        mask |= 1 << _PRIORITIES + PRIORITIES.index(draft.priority)
        for hard, deadlines in ((False, draft.by), (True, draft.hard_by)):
            for deadline in map(the_one, deadlines.values()):
                if (hard, deadline) not in self.clocks:
                    self.clocks.append((hard, deadline))
                mask |= 1 << _CLOCKS + self.clocks.index((hard, deadline))
        return mask

    def read(self, mask: int, draft: Draft) -> Required:
        said = [clock for bit, clock in enumerate(self.clocks) if mask >> _CLOCKS + bit & 1]
        at_once = mask >> _AT_ONCE & 1 if draft is self.draft else draft.at_once
        by = [deadline for hard, deadline in said if not hard]
        if draft is not self.draft:
            by = [the_one(deadline) for deadline in draft.by.values()]
        first = next(p for i, p in enumerate(PRIORITIES) if mask >> _PRIORITIES + i & 1)
        return Required(
            priority=first,
            rank=self.rank,
            route=draft.route,
            subject=draft.subject,
            la=draft.service.la,
            owner_role=draft.owner[1],
            certain=bool(mask & _CERTAIN),
            by=() if at_once else tuple(by),
            hard_by=tuple(deadline for hard, deadline in said if hard),
        )


class Outcomes:
    """Outcomes under one layering of packs, for one set of authorities and conflicts."""

    def __init__(
        self,
        table: Table,
        planner: Planner,
        where: Authorities,
        conflicted: frozenset[str],
        withdrawn: frozenset[str] = frozenset(),
    ) -> None:
        self._planner, self._where, self._conflicted = planner, where, conflicted
        self._terms = len(table.unit_of)
        self._all = (1 << self._terms) - 1
        self._slots: dict[_Key, _Slot] = {}
        rules = [unit.rule for unit in table.units]
        says = [self._says(rule) for rule in rules]
        self._bans = tuple(dict.fromkeys(code for rule in rules for code in rule.forbids))
        permitted = dict.fromkeys(code for rule in rules for code in rule.permits)
        self._permits = tuple(code for code in permitted if code not in withdrawn)
        self._in_order = list(self._slots.values())
        self._hosts = any(slot.host is not None for slot in self._in_order)
        offset = len(self._in_order) + len(self._bans) + len(self._permits)
        for slot in self._in_order:
            slot.offset = offset
            offset += slot.width
        self._looked_at = [
            (rules[unit].id, rules[unit], facts)
            for unit, facts in zip(table.unit_of, table.facts_of, strict=True)
        ]
        may = [self._may(rules[unit], says[unit]) for unit in table.unit_of]
        must = [self._must(rules[unit], says[unit]) for unit in table.unit_of]
        self._bytes = -(-self._terms // 8)
        self._tables = _by_byte(may, self._bytes) + _by_byte(must, self._bytes)
        self.read = lru_cache(REMEMBERED)(self.reading)
        self._required = lru_cache(REMEMBERED)(self._tasks)
        self._told = lru_cache(REMEMBERED)(self._codes)
        self._every_code = (1 << len(self._bans) + len(self._permits)) - 1
        self._fields = [(slot.offset, (1 << slot.width) - 1) for slot in self._in_order]

    def effect(self, both: int) -> int:
        """All that the matched terms add (both: the facts' masks, joined). Equal effects, equal
        outcomes."""
        may = both & self._all
        must = (both >> self._terms) & may
        effect = 0
        terms = may.to_bytes(self._bytes, "little") + must.to_bytes(self._bytes, "little")
        for table, byte in zip(self._tables, terms, strict=True):
            if byte:
                effect |= table[byte]
        return effect

    def reasons(self, both: int, values: Mapping[str, Value]) -> list[Reason]:
        """Each rule that applies: by a branch that is certain where there is one."""
        may, must = both & self._all, both >> self._terms
        chosen: dict[str, Reason] = {}
        for term in bits(may):
            name, rule, facts = self._looked_at[term]
            certain = bool(must >> term & 1)
            if name not in chosen or (certain and not chosen[name].certain):
                chosen[name] = Reason(rule, certain, {fact: values[fact] for fact in facts})
        return list(chosen.values())

    def reading(self, effect: int) -> Outcome:
        """The outcome that an effect stands for; `read` remembers some."""
        slots = len(self._in_order)
        tasks: list[Required] = []
        present = bits(effect & ((1 << slots) - 1))
        for index in present:
            offset, every = self._fields[index]
            tasks.append(self._required(index, effect >> offset & every, 0))
        told = HUBS if any(task.priority == "P0" for task in tasks) else ALWAYS_TOLD
        if self._hosts:
            for index in present:
                slot = self._in_order[index]
                if slot.host is not None and slot.draft.route in told:
                    offset, every = self._fields[index]
                    tasks.append(self._required(index, effect >> offset & every, 1))
        tasks.sort(key=_urgency)
        bans, permits = self._told(effect >> slots & self._every_code)
        return Outcome(tuple(tasks), bans, permits)

    def _codes(self, mask: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
        codes, bans = bits(mask), len(self._bans)
        return (
            tuple(self._bans[code] for code in codes if code < bans),
            tuple(self._permits[code - bans] for code in codes if code >= bans),
        )

    def _tasks(self, index: int, mask: int, host: int) -> Required:
        slot = self._in_order[index]
        return slot.read(mask, slot.host if host and slot.host else slot.draft)

    def _says(self, rule: Rule) -> list[tuple[_Key, int]]:
        return [self._task(require) for require in rule.requires]

    def _task(self, require: Require) -> tuple[_Key, int]:
        draft = self._planner.draft(require, self._where, self._conflicted, {})
        key = (draft.route, draft.subject, draft.service.la, draft.owner[1])
        slot = self._slots.get(key)
        if slot is None:
            urgent = replace(draft, priority="P0")
            hosts = self._planner.host_copies([urgent], self._where, self._conflicted)
            host = hosts[0] if hosts else None
            slot = self._slots[key] = _Slot(draft, self._planner.rank(draft.route), host)
        return key, slot.mask(draft)

    def _may(self, rule: Rule, says: list[tuple[_Key, int]]) -> int:
        effect = 0
        for key, mask in says:
            slot = self._slots[key]
            effect |= mask << slot.offset | 1 << self._in_order.index(slot)
        for code in rule.forbids:
            effect |= 1 << len(self._in_order) + self._bans.index(code)
        return effect

    def _must(self, rule: Rule, says: list[tuple[_Key, int]]) -> int:
        effect = 0
        for key, _ in says:
            effect |= _CERTAIN << self._slots[key].offset
        for code in set(rule.permits) & set(self._permits):
            effect |= 1 << len(self._in_order) + len(self._bans) + self._permits.index(code)
        return effect


def _urgency(task: Required) -> tuple[str, int]:
    return task.priority, task.rank


def _by_byte(effects: list[int], count: int) -> list[list[int]]:
    """For each byte of a mask of terms, and each value of it, what those terms add together."""
    tables = []
    same: dict[
        int, int
    ] = {}  # equal numbers once, so that the tables stay in the processor's cache
    for start in range(0, count * 8, 8):
        table = [0]
        for effect in (effects + [0] * 8)[start : start + 8]:
            table += [same.setdefault(before | effect, before | effect) for before in table]
        tables.append(table)
    return tables
