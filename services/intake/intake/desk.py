"""What a running intake holds; routes get it with `desk_of(request)`."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from fastapi import Request

from intake.authority import Authority
from intake.lanes import Lanes
from intake.limits import Limiter
from shared.app import Runtime
from shared.errors import Problem
from shared.policy.control.dated import DatedPolicies
from shared.settings import Settings

# The producer of all events that do not go through a lane.
PRODUCER: Final = "intake"

Key = tuple[str, str, str]


class IntakeSettings(Settings):
    """lanes: connections that store submissions. client_rate: requests a second from one client."""

    lanes: int = 2
    client_rate: float = 500.0


@dataclass(frozen=True, slots=True)
class Desk:
    runtime: Runtime
    policies: DatedPolicies
    lanes: Lanes
    authority: Authority
    limiter: Limiter
    synthetic: bool
    _in_flight: set[Key] = field(default_factory=set)

    @contextmanager
    def alone_with(self, key: Key) -> Iterator[None]:
        """409 while another request with the same key is under way in this process.

        In another process the database decides: of two, one stores and the other finds it there.
        """
        if key in self._in_flight:
            detail = "A request with this Idempotency-Key is under way. Send it again in a second."
            raise Problem(409, "in-flight", detail, headers={"Retry-After": "1"})
        self._in_flight.add(key)
        try:
            yield
        finally:
            self._in_flight.discard(key)


def desk_of(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk
