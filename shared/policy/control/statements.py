"""What approvers sign about one version of a pack, and the exact bytes they sign."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final

PREFIX: Final = b"handrail pack release v1\n"
Json = dict[str, Any]


class Malformed(Exception):
    """A lock, a statement or a file of keys that is not as this software writes it."""


def canonical(body: object) -> bytes:
    """One encoding for one meaning: sorted names, no spaces, UTF-8."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Two named people answer for one weaker region, for a reason and until a day.

    region: the id that `handrail policy diff` shows. says: that region in words, as accepted.
    expires: the last day (ISO 8601) on which it holds. None: for good, where no answer is weaker
    and only one rule asks less by itself.
    """

    region: str
    says: str
    reason: str
    approvers: tuple[str, ...]
    expires: str | None

    def holds_on(self, day: date) -> bool:
        return self.expires is None or day <= date.fromisoformat(self.expires)


@dataclass(frozen=True, slots=True)
class Statement:
    """One version of a pack. follows: the hash of the version it takes over from.

    in_force, in_force_to: its first and last day (ISO 8601), as the pack itself says.
    """

    pack: str
    version: str
    hash: str
    in_force: str
    in_force_to: str | None
    follows: str | None
    accepted: tuple[Acceptance, ...] = ()

    @property
    def starts(self) -> date:
        return date.fromisoformat(self.in_force)

    @property
    def ends(self) -> date | None:
        return None if self.in_force_to is None else date.fromisoformat(self.in_force_to)

    @property
    def accepted_until(self) -> date | None:
        """The last day: on the next, what was accepted of it is accepted no more."""
        days = (date.fromisoformat(a.expires) for a in self.accepted if a.expires is not None)
        return min(days, default=None)


@dataclass(frozen=True, slots=True)
class Approval:
    """signature: Ed25519 over `signed_bytes`, in base64."""

    approver: str
    on: str
    signature: str


@dataclass(frozen=True, slots=True)
class Release:
    statement: Statement
    approvals: tuple[Approval, ...]

    def to_json(self) -> Json:
        return asdict(self.statement) | {"approvals": [asdict(each) for each in self.approvals]}


def signed_bytes(statement: Statement, approver: str, on: str) -> bytes:
    """The approver's own name and the day are signed too, so that neither can be changed."""
    return PREFIX + canonical({"statement": asdict(statement), "approver": approver, "on": on})


def release_of(body: Mapping[str, Any]) -> Release:
    try:
        accepted = tuple(
            Acceptance(
                region=str(each["region"]),
                says=str(each["says"]),
                reason=str(each["reason"]),
                approvers=tuple(str(name) for name in each["approvers"]),
                expires=_day(each["expires"]),
            )
            for each in body["accepted"]
        )
        statement = Statement(
            pack=str(body["pack"]),
            version=str(body["version"]),
            hash=str(body["hash"]),
            in_force=date.fromisoformat(str(body["in_force"])).isoformat(),
            in_force_to=_day(body["in_force_to"]),
            follows=None if body["follows"] is None else str(body["follows"]),
            accepted=accepted,
        )
        approvals = tuple(
            Approval(str(each["approver"]), str(each["on"]), str(each["signature"]))
            for each in body["approvals"]
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed("a release lacks a part, or a day in it is no day") from error
    return Release(statement, approvals)


def _day(value: object) -> str | None:
    return None if value is None else date.fromisoformat(str(value)).isoformat()
