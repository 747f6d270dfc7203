"""What each child's facts call for at once: by the policy alone, so nothing else can delay it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid4

from intake import emergency
from intake.reading import Subject, Submission
from shared.policy import Authorities, Policy
from shared.sealing import match_key

# The hub and its nights; what a caller is told besides the national numbers.
_LOCAL: Final = {
    "MASH": "Children's social care of the school's authority, in working hours.",
    "EDT": "The same, in the evening, at night and at weekends.",
}


@dataclass(frozen=True, slots=True)
class Advised:
    """One child's concern to be: match_keys are keyed, (kind, key)."""

    id: UUID
    subject: Subject
    decision: dict[str, Any]
    match_keys: tuple[tuple[str, str], ...]


def advise(policy: Policy, read: Submission, school_la: str | None, secret: bytes) -> list[Advised]:
    """Each child is decided alone."""
    return [
        Advised(
            uuid4(),
            subject,
            decide(policy, read, subject, subject.facts, school_la),
            tuple((kind, match_key(secret, kind, value)) for kind, value in subject.match_inputs),
        )
        for subject in read.subjects
    ]


def decide(
    policy: Policy,
    read: Submission,
    subject: Subject,
    facts: Mapping[str, Any],
    school_la: str | None,
) -> dict[str, Any]:
    decision = policy.decide(
        facts,
        received_at=read.received_at,
        discovered_at=read.discovered_at,
        subject=subject.ref,
        authorities=Authorities(
            home=subject.home_la,
            found=read.found_la,
            school=school_la,
            carer=subject.carer_la,
        ),
    )
    return decision.to_json()


def emergency_numbers(policy: Policy, la: str | None) -> dict[str, Any]:
    contacts = []
    for route, purpose in _LOCAL.items():
        phone = policy.directory.service(route, la).contact.get("phone") if la else None
        if phone:
            contacts.append({"number": phone, "for": purpose})
    return emergency.with_local(contacts)
