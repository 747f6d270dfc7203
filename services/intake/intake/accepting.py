"""Takes one submission in: reads, advises, seals, stores, and answers with the advice."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

import structlog
from sqlmodel.ext.asyncio.session import AsyncSession

from intake import amending, replaying
from intake.advice import advise, emergency_numbers
from intake.answers import advice, status_url
from intake.authority import Standing
from intake.conflicts import Exclusion, exclusion
from intake.desk import Desk
from intake.drafts import Draft, Issue, entry, seal
from intake.grants import accounts_of
from intake.lanes import NotStored
from intake.models import GrantRow
from intake.reading import (
    Submission,
    TooLarge,
    Unreadable,
    body_digest,
    derived_idempotency_key,
    read_submission,
)
from intake.storing import Existing, Outcome, Revoked, Stored
from shared.auth import Principal, forbidden
from shared.db import is_transient
from shared.errors import Problem
from shared.sealing import match_key

log = structlog.get_logger(__name__)

_NOT_STORED: Final = {
    "busy": "Too many submissions are waiting.",
    "away": "The database cannot be reached.",
    "refused": "The database did not take it.",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One submission as it was sent, media already dropped.

    not_missed: issues that are none here, because the form does not ask for what they miss.
    """

    who: Principal
    body: bytes | dict[str, Any]
    dropped_media: int = 0
    key: str | None = None
    strict: bool = False
    traceparent: str | None = None
    not_missed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes
    headers: Mapping[str, str]


class _Withdrawn(Exception):
    """The grant that was remembered is in force no more; nothing was stored or shown under it."""


async def accept(desk: Desk, asked: Asked) -> Reply:
    """Raises a Problem for what cannot be taken; each of them says whom to ring."""
    read = read_body_of(desk, asked.body)
    for _ in range(2):
        try:
            return await _accept(desk, asked, read)
        except _Withdrawn:
            # The school may have put another in its place, which this process has not seen yet.
            desk.authority.forget()
    raise forbidden()


async def _accept(desk: Desk, asked: Asked, read: Submission) -> Reply:
    standing = await desk.authority.standing(asked.who, read.urn)
    strict = asked.strict and standing.sandbox
    if strict and read.issues:
        detail = "Strict handling was asked for, and the data has issues. Nothing was stored."
        applied = {"Preference-Applied": "handling=strict"}
        raise Problem(422, "not-strict", detail, headers=applied, issues=read.strict_errors)
    draft = await _draft(desk, asked, read, standing)
    if not standing.checked:
        raise not_stored(desk, draft, "away")
    key = asked.key or derived_idempotency_key(read.source_record_id, body_digest(read.raw))
    issues = draft.issues if asked.key else (*draft.issues, _issue("idempotency_key_missing"))
    key_ref = match_key(_secret(desk), "idempotency", f"{_sender(asked.who)}\0{key}")
    with desk.alone_with((asked.who.client, standing.urn or "", key_ref)):
        try:
            reply = await _store(desk, draft, key_ref, issues)
        except NotStored as error:
            raise not_stored(desk, draft, error.reason) from None
    if strict:
        return Reply(
            reply.status, reply.body, {**reply.headers, "Preference-Applied": "handling=strict"}
        )
    return reply


def read_body_of(desk: Desk, body: bytes | dict[str, Any]) -> Submission:
    now = desk.runtime.clock.now()
    try:
        return read_submission(body, desk.policies.at(now).schema, received_at=now)
    except Unreadable:
        detail = "The body is not readable JSON. Nothing was stored: send it again, or telephone."
        raise Problem(400, "unreadable", detail) from None
    except TooLarge:
        raise Problem(413, "too-large", "The text of one concern is too long.") from None


async def _draft(desk: Desk, asked: Asked, read: Submission, standing: Standing) -> Draft:
    secret = _secret(desk)
    policy = desk.policies.at(read.received_at)
    advised = advise(policy, read, standing.la, secret)
    record = read.source_record_id
    return Draft(
        incident_id=uuid4(),
        read=read,
        standing=standing,
        advised=advised,
        excluded=await excluded_from(desk, read, standing.urn),
        body_ref=match_key(secret, "body", body_digest(read.raw)),
        source_ref=match_key(secret, "source", record) if record else None,
        issues=_issues(read, standing, asked.not_missed),
        dropped_media=asked.dropped_media,
        traceparent=asked.traceparent,
    )


async def excluded_from(desk: Desk, read: Submission, urn: str | None) -> Exclusion:
    secret, suspects = desk.runtime.secret, read.suspects
    numbers = {number for one in suspects for number in one.numbers}
    return exclusion(
        [subject.facts for subject in read.subjects],
        suspects=suspects,
        accounts=await accounts_of(desk.runtime.sessions, urn, numbers, secret),
        secret=secret,
    )


async def _store(desk: Desk, draft: Draft, key_ref: str, issues: Sequence[Issue]) -> Reply:
    """A key used for something else gives way to one made of it and the body, so that sending
    this body again finds it again, and two children are never merged by a vendor's bug."""
    seals = seal(draft, desk.runtime.sealer)
    secret = _secret(desk)
    outcome = await desk.lanes.accept(entry(draft, seals, key_ref, issues, secret))
    if isinstance(outcome, Existing):
        reply = await _known(desk, draft, outcome)
        if reply is not None:
            return reply
        issues = (*issues, _issue("idempotency_key_reused"))
        key_ref = match_key(secret, "idempotency", f"{key_ref}\0{draft.body_ref}")
        outcome = await desk.lanes.accept(entry(draft, seals, key_ref, issues, secret))
    return await _settled(desk, draft, issues, outcome)


async def _settled(desk: Desk, draft: Draft, issues: Sequence[Issue], outcome: Outcome) -> Reply:
    if isinstance(outcome, Stored):
        return Reply(201, draft.answer(issues), {"Location": status_url(draft.advised[0].id)})
    if isinstance(outcome, Revoked):
        raise _Withdrawn
    reply = await _known(desk, draft, outcome)
    if reply is None:  # its key is made of its body, so it can only be the same body, erased
        raise NotStored("refused")
    return reply


async def _known(desk: Desk, draft: Draft, existing: Existing) -> Reply | None:
    """The earlier answer to the same body, or to an amendment of it; None for anything else."""
    try:
        async with desk.runtime.sessions() as session:
            await _still_granted(session, draft.standing)
            if existing.body_ref == draft.body_ref:
                body, first = await replaying.replay(session, existing.incident_id, draft.refs())
                status, headers = 201, {"Idempotent-Replayed": "true"}
            elif existing.source_ref and existing.source_ref == draft.source_ref:
                amended = await amending.amend_incident(session, desk, draft, existing.incident_id)
                if amended is None:
                    return None
                (body, first), status, headers = amended, 200, {}
            else:
                return None
    except Exception as error:
        if not is_transient(error):
            raise
        raise NotStored("away") from None
    return Reply(status, body, {"Location": status_url(first), **headers})


async def _still_granted(session: AsyncSession, standing: Standing) -> None:
    if standing.grant is None:
        return
    grant = await session.get(GrantRow, standing.grant.id)
    if grant is None or grant.revoked_at is not None:
        raise _Withdrawn


def not_stored(desk: Desk, draft: Draft, reason: str) -> Problem:
    """A refusal that still carries everything a caller needs to act without us."""
    log.error("submission not stored", reason=reason)
    policy = desk.policies.at(draft.read.received_at)
    detail = (
        f"{_NOT_STORED[reason]} This concern is NOT confirmed as stored. Do now what `actions` "
        "say, and telephone: nobody has been told. Then send it again with the same key."
    )
    return Problem(
        503,
        "not-stored",
        detail,
        headers={"Retry-After": str(random.randint(1, 3))},  # noqa: S311 - spreads retries
        stored=False,
        emergency=emergency_numbers(policy, draft.standing.la),
        **advice([one.decision for one in draft.advised]),
    )


def _issues(read: Submission, standing: Standing, not_missed: frozenset[str]) -> tuple[Issue, ...]:
    issues = plain_issues(read, not_missed)
    if standing.assumed:
        issues.append(_issue("urn_from_client", "/school"))
    if standing.urn and standing.checked and standing.school is None:
        issues.append(_issue("school_not_in_register", "/school/urn"))
    if read.school_la and standing.la and read.school_la != standing.la:
        issues.append(_issue("school_la_differs", "/school/la"))
    return tuple(issues)


def plain_issues(read: Submission, not_missed: frozenset[str]) -> list[Issue]:
    return [
        {"pointer": issue.pointer, "issue": issue.issue}
        for issue in read.issues
        if issue.issue not in not_missed
    ]


def _issue(code: str, pointer: str = "") -> Issue:
    return {"pointer": pointer, "issue": code}


def _sender(who: Principal) -> str:
    """Two people at one school's pages never share a key; a client's processes do."""
    return who.subject if who.kind == "person" else ""


def _secret(desk: Desk) -> bytes:
    return desk.runtime.secret
