"""What packs say outside their rules, and whether a change of it takes something away."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shared.policy.control.duty_changes import duties_lost
from shared.policy.control.part import Part
from shared.policy.engine import Policy
from shared.policy.pack import LocalPack, NationalPack, Stage, Track
from shared.policy.prove.order import no_later
from shared.policy.schema import Schema


@dataclass(frozen=True, slots=True)
class Packs:
    """What is compared: read, and not compiled to decide by. locals: by authority."""

    schema: Schema
    national: NationalPack
    locals: Mapping[str, LocalPack]


def packs_of(policy: Policy) -> Packs:
    return Packs(policy.schema, policy.national, policy.locals)


def parts_lost(old: Packs, new: Packs) -> Iterator[Part]:
    yield from _national(old.national, new.national)
    yield from _intervals("national", old.national, new.national)
    yield from _tracks("national", old.national.tracks, new.national.tracks)
    yield from duties_lost("national", old.national.duties, new.national.duties)
    yield from _ladder("national", old.national.ladder, new.national.ladder)
    for la, pack in old.locals.items():
        there = new.locals.get(la)
        yield from _local(pack, there, old, new)


def _national(old: NationalPack, new: NationalPack) -> Iterator[Part]:
    for route in old.routes:
        if route not in new.routes:
            yield Part("national", "routes", f"the route {route}")
    for post, whom in old.conflicts.items():
        if new.conflicts.get(post) != whom:
            yield Part("national", "conflicts", f"{post} passed on where {whom} is in conflict")
    for post, others in old.fallbacks.items():
        missing = [other for other in others if other not in new.fallbacks.get(post, ())]
        if missing:
            yield Part("national", "fallbacks", f"{', '.join(missing)} standing in for {post}")


def _intervals(
    name: str, old: NationalPack | LocalPack, new: NationalPack | LocalPack
) -> Iterator[Part]:
    for setting in old.settings.values():
        then = new.settings.get(setting.name)
        if then is None or _is_longer(then.value, setting.value):
            yield Part(name, "settings", f"{setting.name} of {_shown(setting.value)}")


def _is_longer(new: int | tuple[int, ...], old: int | tuple[int, ...]) -> bool:
    """Each interval of the old has one in the new that is no longer."""
    new, old = _tuple(new), _tuple(old)
    return any(all(later > each for later in new) for each in old)


def _tuple(value: int | tuple[int, ...]) -> tuple[int, ...]:
    return (value,) if isinstance(value, int) else value


def _shown(value: int | tuple[int, ...]) -> str:
    return ", ".join(str(each) for each in _tuple(value))


def _tracks(name: str, old: tuple[Track, ...], new: tuple[Track, ...]) -> Iterator[Part]:
    for track in old:
        kept = any(
            then.name == track.name
            and then.route == track.route
            and no_later(then.clock, "receipt", track.clock, "receipt")
            for then in new
        )
        if not kept:
            clock = f"{track.clock.kind}({track.clock.count})" if track.clock.count else (
                track.clock.kind
            )  # fmt: skip
            yield Part(name, "tracks", f"the clock {track.name} of {track.route}, {clock}")


def _local(old: LocalPack, new: LocalPack | None, before: Packs, after: Packs) -> Iterator[Part]:
    name = old.ref.id
    for route, contact in old.contacts.items():
        if new is None or route not in new.contacts:
            yield Part(name, "contacts", f"the contact for {route}")
        elif contact.channel == "QUEUE" != new.contacts[route].channel:
            yield Part(name, "contacts", f"the queue for {route}")
    if old.platform and not (new is not None and new.platform):
        yield Part(name, "platform", "its teams' queues here")
    for permission in sorted(old.withdraw - (new.withdraw if new is not None else frozenset())):
        if permission in after.national.permissions:
            yield Part(name, "withdraw", f"the refusal of {permission}")
    if new is None or not _meets_as_often(old, new):
        yield Part(name, "calendars", "days on which schools are known to meet")
    yield from _intervals(name, old, new or after.national)
    duties = (*after.national.duties, *(new.duties if new else ()))
    yield from duties_lost(name, old.duties, duties)
    yield from _ladder(name, old.ladder, (new.ladder if new else ()) or after.national.ladder)
    own = tuple(track for track in old.tracks if track not in before.national.tracks)
    yield from _tracks(name, own, (*after.national.tracks, *(new.tracks if new else ())))


def _ladder(name: str, old: tuple[Stage, ...], new: tuple[Stage, ...]) -> Iterator[Part]:
    for number, stage in enumerate(old, 1):
        if number > len(new):
            yield Part(name, "ladder", f"stage {number} of a disagreement, {stage.authority}")


def _meets_as_often(old: LocalPack, new: LocalPack) -> bool:
    """A calendar that ends makes clocks end earlier; one that closes more days, later. Whichever
    day it changes, people see it."""
    return not old.calendars or old.calendars == new.calendars
