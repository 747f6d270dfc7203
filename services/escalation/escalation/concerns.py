"""A concern was raised or amended: it becomes a case, or raises the one there is."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.chronology import Before, before, count, counted, told_of
from escalation.deciding import Rules, exclude, lock_case, raise_case, serving_la, settle
from escalation.excluding import inherit, keep_out
from escalation.history import remember
from escalation.holds import taken_hold
from escalation.models import CaseFile, CaseLink, SealedDetail
from escalation.opening import open_case
from escalation.quarantine import sorted_out
from shared.events import concerns
from shared.events.envelope import Event
from shared.inbox import Poison

Json = dict[str, Any]


async def on_raised(session: AsyncSession, event: Event, rules: Rules) -> None:
    raised = concerns.ConcernRaised.model_validate_json(event.data)
    known = await before(session, raised)
    case = await lock_case(session, raised.concern_id) if known.heard else None
    if case is not None and case.erased_at is not None:
        return
    if case is None:
        await _open(session, raised, rules, event, known)
        return
    await _now_understood(session, case, raised, rules, event, known)
    await _link(session, case, raised.match_keys)
    session.add(_sealed(case, event, raised.received_at, raised.sealed_details))


async def _open(
    session: AsyncSession,
    raised: concerns.ConcernRaised,
    rules: Rules,
    event: Event,
    known: Before,
) -> None:
    case = _new_case(raised, rules)
    count(case, case.facts, known.cases)
    inherited = await inherit(session, case) if known.heard else []
    early = await taken_hold(session, case.id) if known.heard else None
    decision = rules.decide(case, case.facts, raised.decision)
    settle(case, sorted_out(case, decision, rules.policy))
    case.priority = case.decision["priority"]
    case.la = serving_la(case.decision, case.home_la, case.found_la, case.school_la)
    await open_case(
        session,
        case,
        rules,
        excluded={*raised.excluded_refs, *inherited},
        links=raised.match_keys,
        sealed=_sealed(case, event, raised.received_at, raised.sealed_details),
        early=early,
        traceparent=event.traceparent,
    )


def _new_case(raised: concerns.ConcernRaised, rules: Rules) -> CaseFile:
    return CaseFile(
        id=raised.concern_id,
        priority="P1",
        decision={},
        opened_at=rules.clock.now(),
        **_told(raised),
    )


def _told(raised: concerns.ConcernRaised) -> Json:
    same = set(CaseFile.model_fields) & set(concerns.ConcernRaised.model_fields) - {"decision"}
    told = {name: getattr(raised, name) for name in same}
    issues = [issue.model_dump() for issue in raised.data_issues]
    posts = sorted({*conflicted_posts(raised.facts), *raised.excluded_roles})
    return told | {"data_issues": issues, "conflicted": posts}


def conflicted_posts(facts: Mapping[str, Any]) -> list[str]:
    """Posts at the school that must not see the case, by what was said of them."""
    posts = {"dsl", "deputy_dsl", "head", "chair"} & set(facts.get("conflict") or [])
    if "headteacher" in (facts.get("source_of_harm") or []):
        posts.add("head")
    return sorted(posts)


async def _now_understood(  # noqa: PLR0917 - what is told, and what is known
    session: AsyncSession,
    case: CaseFile,
    raised: concerns.ConcernRaised,
    rules: Rules,
    event: Event,
    known: Before,
) -> None:
    """The concern of a hand-read case, driven again: it joins the case, and takes nothing away."""
    told = _told(raised)
    # What was said since, and who has been kept out since, stands.
    said = merged(told.pop("facts"), told_of(case))
    told["data_issues"] += case.data_issues
    told["conflicted"] = sorted({*told["conflicted"], *case.conflicted})
    told["exclude_school_staff"] |= case.exclude_school_staff
    for name, value in told.items():
        setattr(case, name, value)
    count(case, said, counted(case) | known.cases)
    decision = rules.decide(case, case.facts, case.decision, raised.decision)
    decision = sorted_out(case, decision, rules.policy)
    case.la = serving_la(decision, case.home_la, case.found_la, case.school_la)
    await exclude(session, case, {*raised.excluded_refs, *await inherit(session, case)})
    await raise_case(session, case, decision, rules, event.traceparent)


async def on_amended(session: AsyncSession, event: Event, rules: Rules) -> None:
    amended = concerns.ConcernAmended.model_validate_json(event.data)
    case = await lock_case(session, amended.concern_id)
    if case is None:
        raise Poison("no_case")
    if case.erased_at is not None:
        return
    count(case, merged(told_of(case), dict(amended.facts)), counted(case))
    case.carer_la = amended.carer_la or case.carer_la
    posts = {*conflicted_posts(case.facts), *amended.excluded_roles}
    staff = amended.exclude_school_staff
    await keep_out(session, case, amended.excluded_refs, posts, school_staff=staff)
    case.data_issues = case.data_issues + [issue.model_dump() for issue in amended.data_issues]
    decision = rules.decide(case, case.facts, case.decision, amended.decision)
    heard = amended.received_at
    await raise_case(session, case, decision, rules, event.traceparent, heard)
    remember(session, case.id, "amended", rules.clock.now(), priority=case.priority)
    session.add(_sealed(case, event, amended.received_at, amended.sealed_details))


async def _link(session: AsyncSession, case: CaseFile, keys: Collection[str]) -> None:
    if keys:
        rows = [{"case_id": case.id, "match_key": key} for key in sorted(set(keys))]
        # Rows apart from the statement, so that it is built once for any number of them.
        table = CaseLink.__table__  # type: ignore[attr-defined]
        await session.execute(insert(table).on_conflict_do_nothing(), rows)


def merged(before: Json, now: Json) -> Json:
    """Later facts replace earlier ones; sets unite, and "not known" replaces nothing."""
    result = dict(before)
    for name, value in now.items():
        old = before.get(name)
        if isinstance(old, list) and isinstance(value, list):
            result[name] = sorted({*old, *value})
        elif value not in (None, "unknown"):
            result[name] = value
    return result


def _sealed(case: CaseFile, event: Event, received_at: datetime, sealed: str) -> SealedDetail:
    return SealedDetail(id=event.id, case_id=case.id, received_at=received_at, sealed=sealed)
