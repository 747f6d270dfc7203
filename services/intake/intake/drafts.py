"""A submission between being read and being stored: its rows, its events, its answer."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from intake.advice import Advised
from intake.answers import Told, answer
from intake.authority import Standing
from intake.conflicts import Exclusion
from intake.reading import Submission
from intake.storing import ConcernRow, Entry, EventRow, MatchRow, SubmissionRow
from shared.events.envelope import new_event_id
from shared.sealing import Sealer, account_ref

Issue = dict[str, str]


@dataclass(frozen=True, slots=True)
class Draft:
    """Everything about one submission that does not depend on its key."""

    incident_id: UUID
    read: Submission
    standing: Standing
    advised: Sequence[Advised]
    excluded: Exclusion
    body_ref: str
    source_ref: str | None
    issues: tuple[Issue, ...]
    dropped_media: int
    traceparent: str | None

    def refs(self) -> dict[str, str]:
        """How the sender calls each child. Never stored: a replay brings them along again."""
        return {one.subject.ref: one.subject.client_ref for one in self.advised}

    def answer(self, issues: Sequence[Issue]) -> bytes:
        told = [
            Told(a.id, a.subject.ref, a.subject.role, a.subject.client_ref, a.decision)
            for a in self.advised
        ]
        return answer(self.incident_id, self.read.received_at, told, issues, self.dropped_media)


@dataclass(frozen=True, slots=True)
class Seals:
    """What was sealed once for a draft, by concern where it is the concern's own."""

    raw: str
    details: Mapping[UUID, str]
    contacts: Mapping[UUID, str]


def seal(draft: Draft, sealer: Sealer) -> Seals:
    contacts, together = dumps(draft.read.contacts), sealer.together()
    return Seals(
        together.seal("submission", dumps(draft.read.raw), context=str(draft.incident_id)),
        {
            one.id: together.seal("details", _details(draft, one), context=str(one.id))
            for one in draft.advised
        },
        {one.id: together.seal("contacts", contacts, context=str(one.id)) for one in draft.advised},
    )


def _details(draft: Draft, one: Advised) -> bytes:
    """With the school's name, which no letter may tell and nobody beyond here knows."""
    school = draft.standing.school
    named = {"school": {"urn": school.urn, "name": school.name}} if school else {}
    return dumps({**one.subject.details, **named})


def entry(
    draft: Draft, seals: Seals, key_ref: str, issues: Sequence[Issue], secret: bytes
) -> Entry:
    submission = _submission(draft, seals, key_ref, issues, secret)
    concerns, matches, events = [], [], []
    for one in draft.advised:
        # Encoded once: the row and the event hold the same bytes.
        facts, decision = orjson.dumps(dict(one.subject.facts)), orjson.dumps(one.decision)
        concerns.append(
            ConcernRow(
                one.id,
                draft.incident_id,
                one.subject.ref,
                one.subject.role,
                one.subject.home_la,
                draft.read.found_la,
                one.subject.carer_la,
                facts.decode(),
                decision.decode(),
            )
        )
        matches += [MatchRow(draft.incident_id, one.id, kind, key) for kind, key in one.match_keys]
        data = _raised(draft, seals, one, submission, issues, facts=facts, decision=decision)
        events.append(
            EventRow(
                draft.incident_id,
                new_event_id(),
                one.id,
                draft.read.received_at,
                draft.traceparent,
                data,
            )
        )
    return Entry(submission, concerns, matches, events)


def _submission(
    draft: Draft, seals: Seals, key_ref: str, issues: Sequence[Issue], secret: bytes
) -> SubmissionRow:
    standing, read, excluded = draft.standing, draft.read, draft.excluded
    person = account_ref(secret, standing.who.subject) if standing.who.kind == "person" else None
    account = read.reporter.account
    return SubmissionRow(
        id=draft.incident_id,
        client=standing.who.client,
        urn=standing.urn,
        key_ref=key_ref,
        body_ref=draft.body_ref,
        source_ref=draft.source_ref,
        received_at=read.received_at,
        school_la=standing.la,
        submitted_by=person,
        # The teacher whose duty it is may not be who fills in the form.
        reporter_ref=account_ref(secret, account) if account else person,
        excluded_refs=orjson.dumps(excluded.refs).decode(),
        excluded_roles=orjson.dumps(excluded.roles).decode(),
        exclude_school_staff=excluded.school_staff,
        private=excluded.private,
        quarantined=standing.urn is None,
        synthetic=standing.synthetic,
        data_issues=orjson.dumps(issues).decode(),
        dropped_media=draft.dropped_media,
        sealed_raw=seals.raw,
        grant_id=standing.grant.id if standing.grant else None,
    )


def _raised(
    draft: Draft,
    seals: Seals,
    one: Advised,
    row: SubmissionRow,
    issues: Sequence[Issue],
    *,
    facts: bytes,
    decision: bytes,
) -> bytes:
    """The data of concern.raised; a contract test holds it to the event's model."""
    school = draft.standing.school
    return orjson.dumps(
        {
            "concern_id": one.id,
            "incident_id": draft.incident_id,
            "subject_ref": one.subject.ref,
            "subject_role": one.subject.role,
            "received_at": row.received_at,
            "discovered_at": draft.read.discovered_at,
            "urn": row.urn,
            "school_la": row.school_la,
            "home_la": one.subject.home_la,
            "found_la": draft.read.found_la,
            "carer_la": one.subject.carer_la,
            "synthetic": row.synthetic,
            "quarantined": row.quarantined,
            "facts": orjson.Fragment(facts),
            "decision": orjson.Fragment(decision),
            "data_issues": issues,
            "reporter_ref": row.reporter_ref,
            "excluded_refs": draft.excluded.refs,
            "exclude_school_staff": row.exclude_school_staff,
            "match_keys": [f"{kind}:{key}" for kind, key in one.match_keys],
            "sealed_details": seals.details[one.id],
            "sealed_contacts": seals.contacts[one.id],
            "excluded_roles": draft.excluded.roles,
            "school_phase": school.phase if school else None,
        }
    )


def dumps(value: Any) -> bytes:
    """JSON of whatever a sender may have put in, numbers of any size included."""
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:  # an integer beyond 64 bits, which no `default` is asked about
        return json.dumps(value, default=str).encode()
