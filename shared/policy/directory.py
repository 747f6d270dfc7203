"""Whose task a route is: which authority serves it, who owns it, by which channel and number."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from shared.policy.clocks import Calendar, Hours
from shared.policy.pack import Contact, LocalPack, NationalPack, Route, Serves

DEFAULT_HOURS: Final = Hours()
AUTHORITY: Final = "authority"
ADVICE: Final = (
    "Contact the child's local authority children's social care (its number is on its website, or "
    "through gov.uk 'Report child abuse to a local council'). In danger ring 999."
)


class Authorities(NamedTuple):
    """The three-digit codes of where the child lives, where found, of the school, of a carer."""

    home: str | None = None
    found: str | None = None
    school: str | None = None
    carer: str | None = None  # where somebody who is no relative looks after the child

    def serving(self, serves: Serves) -> str | None:
        home, found, school = self.home, self.found, self.school
        if serves == "home":
            return home or found or school
        if serves == "school":
            return school or home or found
        if serves == "carer":
            return self.carer or home or found or school
        return found or home or school if serves == "found" else None


@dataclass(frozen=True, slots=True)
class Service:
    """How one route is served for one authority."""

    route: str
    la: str | None
    owner: str
    owner_role: str
    channel: str
    contact: Mapping[str, str]
    script: str
    hours: Hours | None
    alarm: str = ""


class Directory:
    def __init__(self, national: NationalPack, locals_: Mapping[str, LocalPack]) -> None:
        self._national = national
        self._locals = locals_
        self._services: dict[tuple[str, str | None], Service] = {}

    def service(self, code: str, la: str | None) -> Service:
        found = self._services.get((code, la))
        if found is None:
            found = self._find(self._national.routes[code], la)
            if la is None or la in self._locals:  # the rest comes from outside: keep it bounded
                self._services[code, la] = found
        return found

    def owner(self, name: str) -> tuple[str, str]:
        owner = self._national.owners[name]
        return owner.words, owner.role

    def hub_hours(self, la: str | None) -> Hours:
        return self.service("MASH", la).hours or DEFAULT_HOURS

    def calendar(self, la: str | None, urn: str = "") -> Calendar | None:
        """The school's own calendar, else its authority's; None: nobody has given one."""
        pack = self._locals.get(la or "")
        if pack is None:
            return None
        return pack.calendars.get(urn) or pack.calendars.get(AUTHORITY)

    def _find(self, route: Route, la: str | None) -> Service:
        pack = self._locals.get(la or "")
        local = pack.contacts.get(route.code) if pack else None
        owner, channel, alarm = route.owner, route.channel, ""
        contact: dict[str, str] = {**(local.fields if local else {}), **route.contact}
        if route.team and local is None:
            owner, channel = "dsl", "PHONE_ONLY"
            contact["advice"] = ADVICE
            alarm = f"directory_missing:{la or 'no authority'}:{route.code}"
        elif route.team and local is not None:
            queue = local.channel == "QUEUE" and pack is not None and pack.platform
            owner, channel = _whose(route, local, queue=queue)
        words, role = self.owner(owner)
        return Service(
            route=route.code,
            la=None if route.serves == "none" else la,
            owner=contact.get("name", words) if role == "team" else words,
            owner_role=role,
            channel=channel,
            contact=contact,
            script=(local.script if local else "") or route.script,
            hours=(local.hours if local else None) or route.hours,
            alarm=alarm,
        )


def _whose(route: Route, local: Contact, *, queue: bool) -> tuple[str, str]:
    """A team with a queue here takes its own task; every other needs the DSL's call or form."""
    if queue:
        return route.owner, "QUEUE"
    return "dsl", "PHONE_ONLY" if local.channel == "QUEUE" else local.channel
