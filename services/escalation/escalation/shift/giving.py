"""Gives a queue to the next shift, which takes it by name: until then it is the giver's.

All cases of the queue are given, those too that the giver may not know of; each reader's counts and
lists hold what that reader may know of, and nothing else is taken by them.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import or_
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.access import not_found
from escalation.announcing import PRODUCER
from escalation.conflicts import without_conflict
from escalation.deciding import Rules
from escalation.models import CaseFile, Task
from escalation.shift.models import Handover
from escalation.shift.taking import take_over
from escalation.viewer import Viewer
from shared.app import Runtime
from shared.errors import Problem
from shared.events.envelope import new_event_id
from shared.events.shifts import ShiftHandedOver
from shared.outbox import commit, emit
from shared.policy.clocks import next_opening
from shared.sealing import SealBroken

# The hub gives its evening to the emergency duty team, and gets the night back in the morning.
BETWEEN: Final = {"MASH": ("MASH", "EDT"), "EDT": ("EDT", "MASH")}
_NIGHT: Final = "EDT"
# How long after the next shift has begun a queue may wait for a name.
PATIENCE: Final = timedelta(minutes=30)


def next_shifts(route: str) -> tuple[str, ...]:
    """The queues to which this one may be given."""
    return BETWEEN.get(route, (route,))


async def give(  # noqa: PLR0917 - the parts of one transaction
    session: AsyncSession,
    runtime: Runtime,
    rules: Rules,
    viewer: Viewer,
    name: str,
    given: tuple[str, str, str],
) -> Handover:
    """given: route, to whose, authority. Given again before it is taken, what came since is added
    and it stays as late as it was."""
    route, to, la = given
    if to not in next_shifts(route):
        detail = "A queue goes to its own next shift, or between the hub and its night team."
        raise Problem(422, "not-the-next-shift", detail)
    cases = [str(case_id) for case_id in await _unfinished(session, route, la)]
    now, new_id = rules.clock.now(), new_event_id()
    values = {
        "id": new_id,
        "route": route,
        "to_route": to,
        "la": la,
        "given_at": now,
        "given_by_ref": viewer.ref,
        "given_by": runtime.sealer.seal("details", name.encode(), context=str(new_id)),
        "due_at": _late_from(rules, to, la, now),
        "cases": cases,
    }
    # Two who give it at once give it once: the second adds to what the first has given.
    await session.execute(insert(Handover).values(values).on_conflict_do_nothing())
    row = (
        await session.exec(
            select(Handover)
            .where(
                col(Handover.route) == route,
                col(Handover.to_route) == to,
                col(Handover.la) == la,
                col(Handover.taken_at).is_(None),
            )
            .with_for_update()
        )
    ).one()
    row.cases = sorted({*row.cases, *cases})
    # COMMIT POINT: after it the next shift is asked for a name; before it nothing is given.
    await commit(session)
    return row


def _late_from(rules: Rules, to: str, la: str, now: datetime) -> datetime:
    """The night team begins when the day ends; all others when their hub opens."""
    opens = None if to == _NIGHT else next_opening(rules.policy.directory.hub_hours(la), now)
    return (opens or now) + PATIENCE


async def _unfinished(session: AsyncSession, route: str, la: str) -> Sequence[UUID]:
    rows = await session.exec(
        select(col(Task.case_id))
        .where(
            col(Task.route) == route,
            or_(col(Task.la) == la, col(Task.la).is_(None)),
            col(Task.closed_at).is_(None),
            col(Task.kind) != "clock",
        )
        .distinct()
        .order_by(col(Task.case_id))
    )
    return rows.all()


async def known_cases(
    session: AsyncSession, viewer: Viewer, rows: Sequence[Handover]
) -> dict[UUID, list[UUID]]:
    """Of each handover that exists for the reader, the cases that do. One that holds only others'
    cases does not exist for them; one of an empty queue does."""
    ids = {UUID(case_id) for row in rows for case_id in row.cases}
    found = await session.exec(
        select(col(CaseFile.id)).where(col(CaseFile.id).in_(ids), without_conflict(viewer))
    )
    known, answer = set(found), {}
    for row in rows:
        mine = [case_id for case_id in map(UUID, row.cases) if case_id in known]
        of_mine = viewer.works(row.route, row.la) or viewer.works(row.to_route, row.la)
        if of_mine and (mine or not row.cases):
            answer[row.id] = mine
    return answer


async def take(  # noqa: PLR0917 - the parts of one transaction
    session: AsyncSession,
    runtime: Runtime,
    rules: Rules,
    viewer: Viewer,
    name: str,
    handover_id: UUID,
) -> Handover:
    """Whoever takes it has read it. The same person taking it again changes nothing."""
    row = await session.get(Handover, handover_id, with_for_update=True)
    if row is None or not viewer.works(row.to_route, row.la):
        raise not_found()
    known = await known_cases(session, viewer, [row])
    if row.id not in known:
        raise not_found()
    if row.taken_by_ref not in (None, viewer.ref):
        raise Problem(409, "taken", "A colleague has taken this shift over already.")
    if row.taken_at is None:
        await _take(session, runtime, rules, viewer, name, row, known[row.id])
        # COMMIT POINT: after it the queue is the next shift's; before it still the giver's.
        await commit(session)
        runtime.doorbell.ring()
    return row


async def _take(  # noqa: PLR0917 - the parts of one transaction
    session: AsyncSession,
    runtime: Runtime,
    rules: Rules,
    viewer: Viewer,
    name: str,
    row: Handover,
    mine: list[UUID],
) -> None:
    now = rules.clock.now()
    rest = sorted({*row.cases} - {str(case_id) for case_id in mine})
    row.taken_at, row.taken_by_ref = now, viewer.ref
    row.taken_by = runtime.sealer.seal("details", name.encode(), context=str(row.id))
    row.cases = [str(case_id) for case_id in mine]
    for case in await _locked(session, mine):
        await take_over(session, case, row, viewer.ref, rules)
    await session.flush()
    if rest:
        session.add(_left(row, rest, runtime))
    data = ShiftHandedOver(
        handover_id=row.id,
        route=row.route,
        to_route=row.to_route,
        la=row.la,
        given_by_ref=row.given_by_ref,
        taken_by_ref=viewer.ref,
        cases=len(mine),
        at=now,
    )
    emit(session, "shift.handed_over", row.id, data, producer=PRODUCER, at=now)


def _left(row: Handover, cases: list[str], runtime: Runtime) -> Handover:
    """What the taker may not know of waits for a colleague, as late as the whole was."""
    new_id = new_event_id()
    return Handover(
        id=new_id,
        route=row.route,
        to_route=row.to_route,
        la=row.la,
        given_at=row.given_at,
        given_by_ref=row.given_by_ref,
        given_by=runtime.sealer.seal(
            "details", (name_in(runtime, row.given_by, row.id) or "").encode(), context=str(new_id)
        ),
        due_at=row.due_at,
        late_told_at=row.late_told_at,
        cases=cases,
    )


def name_in(runtime: Runtime, sealed: str | None, handover_id: UUID) -> str | None:
    """The name that was recorded, or None where there is none or it does not open."""
    if sealed is None or runtime.opener is None:
        return None
    try:
        return runtime.opener.open("details", sealed, context=str(handover_id)).decode()
    except SealBroken:
        return None


async def _locked(session: AsyncSession, ids: list[UUID]) -> Sequence[CaseFile]:
    rows = await session.exec(
        select(CaseFile)
        .where(col(CaseFile.id).in_(ids))
        .order_by(col(CaseFile.id))
        .with_for_update()
    )
    return rows.all()
