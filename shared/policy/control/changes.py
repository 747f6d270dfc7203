"""What a change of the packs takes away and adds: exact regions in words, by the changed rule."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final, Literal

from shared.policy.control.loosened import loosened
from shared.policy.control.structure import Packs, parts_lost
from shared.policy.pack import LocalPack, NationalPack, Rule
from shared.policy.prove.compare import stronger_or_equal
from shared.policy.prove.sources import Effects, effects_of
from shared.policy.prove.space import slices
from shared.policy.prove.thin import thinner
from shared.policy.prove.words import region_words, tidy
from shared.policy.schema import Schema

Kind = Literal["lost", "gained", "thinner"]
EVERYWHERE: Final = "always"
TOO_MANY: Final = "in more regions than can be listed"


@dataclass(frozen=True, slots=True)
class Change:
    """One region in which the answer changes; or, as `thinner`, what one rule alone asks no more.

    rule: whose demand it is, with its pack; what: the demand; where: the facts, in words (and for
    `thinner` who still asks it there).
    """

    kind: Kind
    pack: str
    rule: str
    what: str
    where: str

    @property
    def region(self) -> str:
        """The id by which people accept it; it changes with every word of it."""
        text = "\n".join((self.kind, self.pack, self.rule, self.what, self.where))
        return f"{self.kind}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"

    @property
    def ends(self) -> bool:
        """Whether its acceptance has to: not where every answer is as strong as before."""
        return self.kind != "thinner"

    @property
    def says(self) -> str:
        return f"{self.pack} {self.rule}: {self.kind} {self.what} ({self.where})"


def losses(old: Packs, new: Packs, since: date) -> list[Change]:
    """Everything asked of somebody under `old`, from `since` on, that `new` does not ask."""
    return list(dict.fromkeys(_one_way(old, new, since, "lost")))


def gains(old: Packs, new: Packs, since: date) -> list[Change]:
    return list(dict.fromkeys(_one_way(new, old, since, "gained")))


def thinned(old: Packs, new: Packs, since: date) -> list[Change]:
    """What a rule asks no more by itself and others still ask: no answer is weaker. What is lost
    somewhere is not told here again."""
    told = {(change.pack, change.rule, change.what) for change in losses(old, new, since)}
    found = dict.fromkeys(
        change for day in _days(old, new, since) for change in _thinned(old, new, day)
    )
    return [c for c in found if (c.pack, c.rule, c.what) not in told]


def _thinned(old: Packs, new: Packs, day: date) -> Iterator[Change]:
    spaces = slices(new.schema)
    before = _effects(old.national, old.national.rules, day)
    after = _effects(new.national, new.national.rules, day)
    found = [("national", thin) for thin in thinner(before, after, spaces)]
    for pack in old.locals.values():
        there = new.locals.get(pack.authority)
        rules = [*new.national.rules, *(there.rules if there else ())]
        own = _effects(old.national, pack.rules, day)
        all_before = _effects(old.national, [*old.national.rules, *pack.rules], day)
        now = _effects(new.national, rules, day)
        found += [(pack.ref.id, thin) for thin in thinner(own, now, spaces, all_before)]
    for name, thin in found:
        where = "; or ".join(map(region_words, tidy(thin.regions))) or TOO_MANY
        still = f"still asked by {' and '.join(thin.still) or 'other rules'}"
        yield Change("thinner", name, thin.rule, thin.what, f"{where}; {still}")


def _one_way(old: Packs, new: Packs, since: date, kind: Kind) -> Iterator[Change]:
    for part in parts_lost(old, new):
        yield Change(kind, part.pack, part.name, part.what, EVERYWHERE)
    for answer, regions in loosened(old, new):
        for region in tidy(regions):
            yield Change(kind, "national", "gate", answer, region_words(region))
    for day in _days(old, new, since):
        yield from _national(old, new, day, kind)
        for pack in old.locals.values():
            yield from _local(pack, old, new, day, kind)


def _days(old: Packs, new: Packs, since: date) -> list[date]:
    """One for each stretch of days from then on in which the same rules hold."""
    days = {since}
    for policy in (old, new):
        for pack in (policy.national, *policy.locals.values()):
            for rule in pack.rules:
                start, end = rule.in_force.start, rule.in_force.end
                days |= {start} if start is not None and start > since else set()
                days |= {end + timedelta(days=1)} if end is not None and end >= since else set()
    return sorted(days)


def _national(old: Packs, new: Packs, day: date, kind: Kind) -> Iterator[Change]:
    before = _effects(old.national, old.national.rules, day)
    after = _effects(new.national, new.national.rules, day)
    yield from _changes(before, after, new.schema, "national", kind)


def _local(pack: LocalPack, old: Packs, new: Packs, day: date, kind: Kind) -> Iterator[Change]:
    """The pack's own rules, against all that then holds for that authority."""
    there = new.locals.get(pack.authority)
    rules = [*new.national.rules, *(there.rules if there else ())]
    before = replace(_effects(old.national, pack.rules, day), permits={})
    after = replace(_effects(new.national, rules, day), permits={})
    yield from _changes(before, after, new.schema, pack.ref.id, kind)


def _effects(national: NationalPack, rules: "tuple[Rule, ...] | list[Rule]", day: date) -> Effects:
    return effects_of([rule for rule in rules if rule.in_force.on(day)], national)


def _changes(
    before: Effects, after: Effects, schema: Schema, pack: str, kind: Kind
) -> Iterator[Change]:
    for loss in stronger_or_equal(before, after, slices(schema)):
        for region in tidy(loss.regions):
            yield Change(kind, pack, loss.rule, loss.what, region_words(region))
        if not loss.regions:
            yield Change(kind, pack, loss.rule, loss.what, TOO_MANY)
