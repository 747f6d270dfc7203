"""Who is asking, as the tables know people: by a keyed hash, their teams and their schools."""

from dataclasses import dataclass
from functools import cached_property

from fastapi import Request

from shared.app import runtime_of
from shared.auth import Principal
from shared.auth.principal import SCHOOL_ROLES
from shared.sealing import account_ref

# Who leads safeguarding in a school, and so owes what the school owes.
LEADS = ("dsl", "deputy_dsl")


@dataclass(frozen=True)
class Viewer:
    principal: Principal
    ref: str

    @cached_property
    def teams(self) -> frozenset[tuple[str, str | None]]:
        """Routes whose queue the viewer works, each with its authority (None: every one)."""
        grants = self.principal.grants("worker", "manager")
        return frozenset((grant.route, grant.la) for grant in grants if grant.route)

    def schools(self, *roles: str) -> frozenset[str]:
        return frozenset(
            grant.urn for grant in self.principal.roles if grant.role in roles and grant.urn
        )

    @cached_property
    def school_staff_of(self) -> frozenset[str]:
        """Schools at which the viewer is staff; someone who is only its chair is not."""
        return self.schools(*(SCHOOL_ROLES - {"chair"}))

    def works(self, route: str, la: str | None) -> bool:
        """A task of an authority nobody knows is every authority's until one takes it."""
        return any(r == route and (a is None or la is None or a == la) for r, a in self.teams)

    @property
    def role(self) -> str:
        """What the viewer is in the access log: the hub's before the school's."""
        held = {grant.role for grant in self.principal.roles}
        order = ("manager", "worker", "dsl", "deputy_dsl", "chair", "head", "reporter")
        return next((role for role in order if role in held), "none")


def viewer_of(request: Request, principal: Principal) -> Viewer:
    return Viewer(principal, account_ref(runtime_of(request).secret, principal.subject))
