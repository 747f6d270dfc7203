"""Whose entries a reader may see: every query of entries goes through it.

An authority's entries are those of the concerns that it has a part in, without those of tasks that
another authority serves. Who is kept out of a concern sees none of its incident's entries.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from uuid import UUID

from fastapi import Request
from sqlalchemy import ColumnElement, and_, exists, or_, select, union
from sqlalchemy.orm import aliased
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from audit_log.models import LogEntry
from audit_log.search.tables import AlsoAbout, SubjectBar, SubjectPlace
from audit_log.watched import WatchedTask
from shared.app import runtime_of
from shared.auth import Principal, forbidden
from shared.auth.principal import SCHOOL_ROLES
from shared.sealing import account_ref


@dataclass(frozen=True)
class Reader:
    """authorities: those that the reader is limited to, or None. barred: concerns unheard of."""

    ref: str
    authorities: frozenset[str] | None
    barred: frozenset[UUID] = field(default=frozenset())

    @property
    def whole(self) -> bool:
        """Whether nothing at all is kept from the reader, so that bundles may be given."""
        return self.authorities is None and not self.barred


def authorities_of(who: Principal) -> frozenset[str] | None:
    """None: every one. A grant that is narrowed in another way than to an authority counts not."""
    if who.holds("auditor", route=None, la=None, urn=None):
        return None
    grants = who.grants("auditor")
    return frozenset(g.la for g in grants if g.la and g.route is None and g.urn is None)


async def reader_of(request: Request, session: AsyncSession, who: Principal) -> Reader:
    """Raises 403 for an auditor of nothing. Ask after the index was brought up to date."""
    authorities = authorities_of(who)
    if authorities is not None and not authorities:
        raise forbidden()
    ref = account_ref(runtime_of(request).secret, who.subject)
    return Reader(ref, authorities, await _barred(session, who, ref))


async def _barred(session: AsyncSession, who: Principal, ref: str) -> frozenset[UUID]:
    """The narrative is the whole incident's: who is kept out of one concern is kept out of all."""
    bar, subject = col(SubjectBar.bar), col(SubjectBar.subject)
    arms = [select(subject).where(bar == f"ref:{ref}")]
    staff = _schools(who, SCHOOL_ROLES - {"chair"})
    if staff:
        mine = exists().where(
            col(SubjectPlace.subject) == subject, col(SubjectPlace.place) == f"reporter:{ref}"
        )
        arms.append(select(subject).where(bar == "staff", _at(staff), ~mine))
    for post in ("dsl", "deputy_dsl", "head", "chair"):
        if schools := _schools(who, {post}):
            arms.append(select(subject).where(bar == f"post:{post}", _at(schools)))
    own = (await session.execute(union(*arms))).scalars().all()
    if not own:
        return frozenset()
    one, other = aliased(SubjectPlace), aliased(SubjectPlace)
    siblings = select(col(other.subject)).where(
        col(one.subject).in_(own),
        col(one.place).startswith("incident:"),
        col(other.place) == col(one.place),
    )
    return frozenset(own) | frozenset((await session.execute(siblings)).scalars())


def _schools(who: Principal, roles: Collection[str]) -> list[str]:
    return sorted({f"urn:{g.urn}" for g in who.roles if g.role in roles and g.urn})


def _at(schools: list[str]) -> ColumnElement[bool]:
    return exists().where(
        col(SubjectPlace.subject) == col(SubjectBar.subject), col(SubjectPlace.place).in_(schools)
    )


def of_authorities(authorities: Collection[str]) -> ColumnElement[bool]:
    """Of `log_entry`: those of these authorities."""
    places = [f"la:{la}" for la in sorted(authorities)]
    has_part = exists().where(
        col(SubjectPlace.subject) == col(LogEntry.subject), col(SubjectPlace.place).in_(places)
    )
    elsewhere = exists().where(
        col(WatchedTask.task_id) == col(LogEntry.task_id),
        col(WatchedTask.la).is_not(None),
        col(WatchedTask.la).not_in(sorted(authorities)),
    )
    return and_(has_part, ~elsewhere)


def visible(reader: Reader) -> list[ColumnElement[bool]]:
    """Of `log_entry`: what the reader may see."""
    conditions = []
    if reader.authorities is not None:
        conditions.append(of_authorities(reader.authorities))
    if reader.barred:
        subject = col(LogEntry.subject)
        conditions.append(or_(subject.is_(None), subject.not_in(reader.barred)))
        conditions.append(
            ~exists().where(
                col(AlsoAbout.seq) == col(LogEntry.seq), col(AlsoAbout.subject).in_(reader.barred)
            )
        )
    return conditions
