"""What a decision rested on, kept with it: enough to decide the same again, bit for bit."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from shared.policy.decision import Decision, PackRef
from shared.policy.directory import Authorities
from shared.policy.engine import Policy

Json = dict[str, Any]


def digest(body: object) -> str:
    """Of a decision as JSON; the order of names, which a database may change, does not count."""
    return "sha256:" + hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()


@dataclass(frozen=True, slots=True)
class Basis:
    """All that the rules were told. packs: every pack that could have had a say."""

    facts: Mapping[str, Any]
    received_at: datetime
    discovered_at: datetime | None
    subject: str
    authorities: Authorities
    packs: tuple[PackRef, ...] = ()

    def decide(self, policy: Policy) -> Decision:
        return policy.decide(
            self.facts,
            received_at=self.received_at,
            discovered_at=self.discovered_at,
            subject=self.subject,
            authorities=self.authorities,
        )

    def kept(self, policy: Policy, decided: Json) -> Json:
        """The entry to store: `outcome` is the digest of what the rules answered."""
        where = self.authorities
        las = dict.fromkeys(filter(None, where))
        packs = [policy.national.ref, *(policy.locals[la].ref for la in las if la in policy.locals)]
        return {
            "facts": dict(self.facts),
            "received_at": self.received_at.isoformat(),
            "discovered_at": self.discovered_at.isoformat() if self.discovered_at else None,
            "subject": self.subject,
            "authorities": [*where],
            "packs": [pack.to_json() for pack in packs],
            "outcome": digest(decided),
        }


def basis_of(entry: Mapping[str, Any]) -> Basis:
    """Raises KeyError, TypeError or ValueError for an entry that `kept` did not make."""
    discovered = entry["discovered_at"]
    return Basis(
        facts=entry["facts"],
        received_at=datetime.fromisoformat(entry["received_at"]),
        discovered_at=None if discovered is None else datetime.fromisoformat(discovered),
        subject=entry["subject"],
        authorities=Authorities(*entry["authorities"]),
        packs=tuple(PackRef(**pack) for pack in entry["packs"]),
    )
