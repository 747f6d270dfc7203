"""What two versions of the packs say differently without asking less: words, sources, numbers.

None of it needs to be accepted; all of it is shown, so that nobody signs a changed telephone
number without having seen it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shared.policy.clocks import Calendar, Hours
from shared.policy.control.structure import Packs
from shared.policy.pack import Contact, LocalPack, NationalPack, Require, Rule
from shared.policy.parts.directory import DAYS

NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Said:
    """pack, name: where it stands; what: which part of it; before, after: in its own words."""

    pack: str
    name: str
    what: str
    before: str
    after: str


def says_otherwise(old: Packs, new: Packs) -> Iterator[Said]:
    yield from _in_both(old.national, new.national)
    yield from _national(old.national, new.national)
    for la, pack in old.locals.items():
        there = new.locals.get(la)
        if there is not None:
            yield from _in_both(pack, there)
            yield from _local(pack, there)


def _in_both(old: NationalPack | LocalPack, new: NationalPack | LocalPack) -> Iterator[Said]:
    pack, there = old.ref.id, {rule.id: rule for rule in new.rules}
    for rule in old.rules:
        if rule.id in there:
            yield from _texts(pack, rule.id, _rule(rule), _rule(there[rule.id]))
    duties = {duty.id: duty for duty in new.duties}
    for duty in old.duties:
        if duty.id in duties:
            then = duties[duty.id]
            cited = [", ".join(map(str, each.cites)) for each in (duty, then)]
            before = {"title": duty.title, "reason": duty.because, "source": cited[0]}
            after = {"title": then.title, "reason": then.because, "source": cited[1]}
            before |= {f"words for {t.route}": t.say for t in (*duty.open, *duty.late)}
            after |= {f"words for {t.route}": t.say for t in (*then.open, *then.late)}
            yield from _texts(pack, duty.id, before, after)
    for number, (was, now) in enumerate(zip(old.ladder, new.ladder, strict=False), 1):
        yield from _texts(
            pack, f"stage {number}", {"who speaks": f"{was.school} to {was.authority}"},
            {"who speaks": f"{now.school} to {now.authority}"},
        )  # fmt: skip


def _rule(rule: Rule) -> dict[str, str]:
    found = {"title": rule.title, "reason": rule.because, "source": rule.cite}
    found["confidence tags"] = " ".join(rule.tags)
    return found | {f"words for {_task(each)}": each.script for each in rule.requires}


def _task(require: Require) -> str:
    return " ".join(filter(None, [require.route, require.owner, require.subject]))


def _national(old: NationalPack, new: NationalPack) -> Iterator[Said]:
    for part in ("sources", "prohibitions", "permissions"):
        yield from _texts("national", part, getattr(old, part), getattr(new, part))
    for code, route in old.routes.items():
        then = new.routes.get(code)
        if then is not None:
            before = {"words": route.script, "hours": _hours(route.hours), **route.contact}
            after = {"words": then.script, "hours": _hours(then.hours), **then.contact}
            before |= {"channel": route.channel, "owner": route.owner, "serves": route.serves}
            after |= {"channel": then.channel, "owner": then.owner, "serves": then.serves}
            yield from _texts("national", code, before, after)
    whose = {name: owner.words for name, owner in old.owners.items()}
    yield from _texts("national", "owners", whose, {n: o.words for n, o in new.owners.items()})
    told = {audience: rule.say for audience, rule in old.gate.items()}
    yield from _texts("national", "gate", told, {a: rule.say for a, rule in new.gate.items()})


def _local(old: LocalPack, new: LocalPack) -> Iterator[Said]:
    pack = old.ref.id
    yield from _texts(pack, "name", {"name": old.name}, {"name": new.name})
    for route in old.contacts.keys() | new.contacts.keys():
        before, after = (_contact(each.contacts.get(route)) for each in (old, new))
        yield from _texts(pack, route, before, after)
    for school in old.calendars.keys() | new.calendars.keys():
        before, after = (_calendar(each.calendars.get(school)) for each in (old, new))
        yield from _texts(pack, f"calendar of {school}", before, after)


def _contact(contact: Contact | None) -> dict[str, str]:
    if contact is None:
        return {}
    found = {"words": contact.script, "hours": _hours(contact.hours), "channel": contact.channel}
    return found | dict(contact.fields)


def _hours(hours: Hours | None) -> str:
    if hours is None:
        return ""
    days = f"{DAYS[hours.days[0]]}-{DAYS[hours.days[-1]]}"
    return f"{days} {hours.opens:%H:%M} to {hours.closes:%H:%M}"


def _calendar(calendar: Calendar | None) -> dict[str, str]:
    if calendar is None:
        return {}
    closed = ", ".join(str(day) for day in sorted(calendar.closed))
    return {"days": f"{calendar.first} to {calendar.last}", "closed": closed}


def _texts(
    pack: str, name: str, before: Mapping[str, str], after: Mapping[str, str]
) -> Iterator[Said]:
    for what in dict.fromkeys([*before, *after]):
        was, now = before.get(what) or NOTHING, after.get(what) or NOTHING
        if was != now:
            yield Said(pack, name, what, was, now)
