"""The policies of an installation by date: a concern is decided by the packs of its receipt."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from shared.policy.clocks import LONDON
from shared.policy.engine import Policy
from shared.policy.pack import LocalPack, NationalPack
from shared.policy.schema import load_schema

# A pack that came into force while concerns were under way leaves some of the day before.
STILL_UNDER_WAY: Final = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Trouble:
    """A pack that is not used as it was written.

    why: `file:line: what, what to do`. instead: what decides in its place, in words.
    """

    pack: str
    why: str
    instead: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """The packs that hold on a day, and which of them are not as they were meant to be."""

    national: NationalPack
    locals: Mapping[str, LocalPack]
    troubles: tuple[Trouble, ...]


# Compiling takes a while, and services in one process have the same packs.
_COMPILED: dict[tuple[str, ...], Policy] = {}
_KEPT: Final = 8


def policy_of(chosen: Chosen) -> Policy:
    alarms = tuple(f"{trouble.why}; {trouble.instead}" for trouble in chosen.troubles)
    packs = [chosen.national, *chosen.locals.values()]
    key = *(pack.ref.hash for pack in packs), *alarms
    if key not in _COMPILED:
        while len(_COMPILED) >= _KEPT:
            del _COMPILED[next(iter(_COMPILED))]
        _COMPILED[key] = Policy(load_schema(), chosen.national, chosen.locals, alarms)
    return _COMPILED[key]


class DatedPolicies:
    """Never without a policy: `choose` finds packs for any day, if need be older ones.

    turns: the days on which another pack begins to hold, or one ends.
    signed: whether only what approvers have signed counts.
    """

    def __init__(
        self, choose: Callable[[date], Chosen], turns: Iterable[date], *, signed: bool
    ) -> None:
        self._choose = choose
        self._turns = frozenset(turns)
        self._signed = signed
        self._made: dict[int, tuple[Chosen, Policy]] = {}
        self._by_day: dict[date, Policy] = {}

    def prepare(self, now: datetime) -> None:
        """Reads what will be needed: a request must not wait seconds for a pack to be read."""
        today = _day(now)
        later = {day for day in self._turns if day > today - STILL_UNDER_WAY}
        for day in sorted({today - STILL_UNDER_WAY, today, *later}):
            self._on(day)

    def at(self, instant: datetime) -> Policy:
        day = _day(instant)
        policy = self._by_day.get(day)
        if policy is None:
            if len(self._by_day) > 1000:  # noqa: PLR2004 - days come from outside
                self._by_day.clear()
            policy = self._by_day[day] = self._on(day)[1]
        return policy

    def troubles(self, instant: datetime) -> tuple[Trouble, ...]:
        return self._on(_day(instant))[0].troubles

    def state(self, instant: datetime) -> dict[str, Any]:
        """For `/readyz`: which packs decide now, and what is wrong with the others, in words."""
        chosen, policy = self._on(_day(instant))
        packs = [policy.national.ref, *(pack.ref for pack in policy.locals.values())]
        return {
            "signed": self._signed,
            "packs": [{"pack": ref.id, "version": ref.version, "hash": ref.hash} for ref in packs],
            "troubles": [
                {"pack": t.pack, "why": t.why, "instead": t.instead} for t in chosen.troubles
            ],
        }

    def _on(self, day: date) -> tuple[Chosen, Policy]:
        turn = sum(1 for each in self._turns if each <= day)
        if turn not in self._made:
            chosen = self._choose(day)
            self._made[turn] = chosen, policy_of(chosen)
        return self._made[turn]


def _day(instant: datetime) -> date:
    return instant.astimezone(LONDON).date()
