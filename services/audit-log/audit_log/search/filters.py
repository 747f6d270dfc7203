"""What a search may ask for: codes, ids and times, each of a closed form; no words of one's own."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

from audit_log.search.terms import trace_of
from shared.events.catalogue import EVENTS

OWN_TYPES = ("audit.unreadable", "audit.conflict", "audit.lost")
TYPES = tuple(sorted(EVENTS)) + OWN_TYPES
Service = Literal["intake", "escalation", "notify", "audit-log"]


def _known_type(value: str) -> str:
    if value not in TYPES:
        raise ValueError("no event has that name")
    return value


def _trace(value: str) -> str:
    return trace_of(value) or value


class Filters(BaseModel):
    """Which entries. `…_to` is itself not included. actor: the keyed hash of an account.

    la: a local authority's code. trace: a trace's id or a whole `traceparent`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    occurred_from: AwareDatetime | None = None
    occurred_to: AwareDatetime | None = None
    recorded_from: AwareDatetime | None = None
    recorded_to: AwareDatetime | None = None
    type: Annotated[str, AfterValidator(_known_type)] | None = None
    service: Service | None = None
    producer: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,40}(/[a-z0-9_-]{1,40})?$")] | None = None
    actor: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] | None = None
    concern: UUID | None = None
    incident: UUID | None = None
    school: Annotated[str, Field(pattern=r"^[0-9]{6}$")] | None = None
    la: Annotated[str, Field(pattern=r"^[0-9]{3}$")] | None = None
    rule: Annotated[str, Field(pattern=r"^[A-Z0-9-]{1,40}$")] | None = None
    trace: (
        Annotated[
            str,
            Field(pattern=r"^(00-)?[0-9a-f]{32}(-[0-9a-f]{16}-[0-9a-f]{2})?$"),
            AfterValidator(_trace),
        ]
        | None
    ) = None

    def terms(self) -> list[str]:
        """What an entry must have in the index; an authority is looked at besides."""
        named = {
            "type": self.type,
            "service": self.service,
            "producer": self.producer,
            "actor": self.actor,
            "incident": self.incident,
            "urn": self.school,
            "la": self.la,
            "rule": self.rule,
            "trace": self.trace,
        }
        return [f"{name}:{value}" for name, value in named.items() if value is not None]

    def times(self) -> list[tuple[str, datetime | None, datetime | None]]:
        """Name, from and to of those that are asked for."""
        found = [
            ("occurred", self.occurred_from, self.occurred_to),
            ("recorded", self.recorded_from, self.recorded_to),
        ]
        return [each for each in found if each[1] or each[2]]

    def asked(self) -> dict[str, str]:
        """What was asked for, as it is written into the log."""
        found: dict[str, str] = {}
        for name in Filters.model_fields:
            value = getattr(self, name)
            if value is not None:
                found[name] = value.isoformat() if isinstance(value, datetime) else str(value)
        return found


class Search(Filters):
    """Filters and the page of them. proofs: each entry with its proof of inclusion in the tree of
    `size`; without a size in that of the newest checkpoint. With a size no later entry is found.
    total: also count all that fit."""

    after: Annotated[int, Field(ge=-1, le=2**62)] = -1
    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    size: Annotated[int, Field(ge=1, le=2**62)] | None = None
    proofs: bool = False
    total: bool = False
