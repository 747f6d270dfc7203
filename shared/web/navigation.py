"""The areas of Handrail that have pages, and who is shown the way to each."""

from dataclasses import dataclass
from typing import Final, get_args

from shared.auth import Principal, Role


@dataclass(frozen=True, slots=True)
class Area:
    """text: as the navigation says it. path: where it begins. roles: who may enter."""

    text: str
    path: str
    roles: tuple[Role, ...]


# Add a line when an area's first page exists; a link that leads nowhere is worse than none.
AREAS: Final = (
    Area("Queues", "/triage", ("worker", "manager")),
    Area("Tasks", "/tasks", ("dsl", "deputy_dsl", "head", "chair", "reporter")),
    Area("Rules", "/policy", get_args(Role)),
    Area("Audit log", "/audit", ("auditor", "operator")),
)


@dataclass(frozen=True, slots=True)
class Link:
    text: str
    href: str
    active: bool


def navigation(who: Principal | None, path: str) -> tuple[Link, ...]:
    if who is None:
        return ()
    return tuple(
        Link(area.text, area.path, path == area.path or path.startswith(area.path + "/"))
        for area in AREAS
        if any(who.holds(role) for role in area.roles)
    )
