"""`handrail topics replay`: drives dead letters again, once what stopped them is put right."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.bus.cloudevents import Undecodable, from_record
from shared.clock import Clock, SystemClock
from shared.db import make_engine, make_sessions
from shared.dead_letters import DeadLetter, unpack
from shared.events.catalogue import EVENTS
from shared.events.concerns import EventData
from shared.events.envelope import Event
from shared.inbox import InboxRow
from shared.outbox import commit, emit
from shared.sealing import KeysUnreadable, Opener, SealBroken
from shared.settings import DatabaseUrl


class ReplaySettings(BaseSettings):
    """database_url: of the service that could not apply the records; keys_private: opens them."""

    model_config = SettingsConfigDict(env_prefix="HANDRAIL_", frozen=True, extra="ignore")

    database_url: DatabaseUrl
    keys_private: Path


@dataclass(frozen=True)
class Wanted:
    """Which open dead letters: these, those with the reason, or with neither given all."""

    ids: Sequence[UUID] = ()
    reason: str | None = None


@dataclass(frozen=True)
class Answer:
    """What became of one dead letter; refused: why it is not driven again, or None."""

    letter_id: UUID
    refused: str | None = None


class Refused(Exception):
    """Why a dead letter is not driven again, as a sentence that goes on after its id."""


_NOT_AN_EVENT = "cannot be read as an event: a person reads what was sent, by hand."
_ERASED = "was erased with its concern: nothing of it is left."
_NOT_OPENED = "does not open with these keys: HANDRAIL_KEYS_PRIVATE names the dead_letter key."
_NO_SUCH_TYPE = "is of a type that this version of Handrail does not know: update it first."
_NO_SUCH_VERSION = "has a schema version that this version of Handrail does not know: update first."
_NOT_OF_ITS_TYPE = "does not hold what its type promises: it would fail again."
_IN_THE_LOG = "is in the audit log as an entry already: there is nothing to apply."
_UNDER_WAY = "was driven again before and is under way."
_BEHIND = "waits behind an earlier one of its concern that is not driven again: replay that first."
_UNKNOWN = "is not an open dead letter of this service."


def replay(
    letter: Annotated[
        list[UUID] | None, typer.Option("--id", help="The id of a dead letter; may be repeated.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="All that failed for this reason.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All that are open.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done.")
    ] = False,
) -> None:
    """Drive dead letters again, in their concern's order. Doing it twice changes nothing.

    HANDRAIL_DATABASE_URL is that of the service which could not apply them; HANDRAIL_KEYS_PRIVATE
    is the dead_letter key, which no service holds.
    """
    if [bool(letter), reason is not None, every].count(True) != 1:
        typer.echo("Say which: --id, --reason or --all.", err=True)
        raise typer.Exit(2)
    answers = _ask(Wanted(letter or (), reason), dry_run=dry_run)
    for answer in answers:
        said = answer.refused or ("would be driven again." if dry_run else "is driven again.")
        typer.echo(f"{answer.letter_id} {said}", err=answer.refused is not None)
    refused = sum(answer.refused is not None for answer in answers)
    typer.echo(f"{len(answers) - refused} driven again, {refused} not.")
    if refused:
        raise typer.Exit(1)


def _ask(wanted: Wanted, *, dry_run: bool) -> list[Answer]:
    try:
        settings = ReplaySettings()
    except ValidationError as error:
        names = sorted({"HANDRAIL_" + str(item["loc"][0]).upper() for item in error.errors()})
        typer.echo(f"Not set, or not usable: {', '.join(names)}.", err=True)
        raise typer.Exit(2) from None
    try:
        return asyncio.run(_connected(settings, wanted, dry_run))
    except KeysUnreadable as error:
        typer.echo(f"{error}.", err=True)
        raise typer.Exit(2) from None
    except (OSError, SQLAlchemyError) as error:
        typer.echo(f"The database did not do as asked: {type(error).__name__}.", err=True)
        raise typer.Exit(1) from None


async def _connected(settings: ReplaySettings, wanted: Wanted, dry_run: bool) -> list[Answer]:
    opener = Opener.from_files(settings.keys_private)
    engine = make_engine(settings.database_url.get_secret_value(), "handrail-replay", pool_size=1)
    try:
        async with make_sessions(engine)() as session:
            return await drive_again(session, opener, wanted, SystemClock(), dry_run=dry_run)
    finally:
        await engine.dispose()


async def drive_again(
    session: AsyncSession, opener: Opener, wanted: Wanted, clock: Clock, *, dry_run: bool = False
) -> list[Answer]:
    """COMMIT POINT at the end: the events and the marks that they were driven, together.

    A dead letter is closed by its consumer, in the transaction that applies the event. Until then
    later events of the concern keep waiting, and a crash anywhere leaves the letter open.
    """
    every = await _open_letters(session)
    chosen = [one for one in every if _is_wanted(one, wanted)]
    answers = [Answer(i, _UNKNOWN) for i in wanted.ids if i not in {one.id for one in chosen}]
    readable, refused = _read(chosen, opener)
    answers += refused
    driven = {letter.id for letter, _ in readable} | await _under_way(session, every)
    for letter, event in sorted(readable, key=_in_order):
        reason = _behind(letter, every, driven)
        if reason is None and not await _mark(session, letter, clock):
            reason = _UNDER_WAY
        if reason is None:
            _emit(session, letter, event)
        answers.append(Answer(letter.id, reason))
    if dry_run:
        session.info.pop("outbox", None)
        await session.rollback()
    else:
        await commit(session)
    return answers


async def _open_letters(session: AsyncSession) -> list[DeadLetter]:
    # Locked, so that two replays at the same time do not both drive one.
    statement = select(DeadLetter).where(col(DeadLetter.replayed_at).is_(None)).with_for_update()
    order = col(DeadLetter.recorded_at), col(DeadLetter.topic), col(DeadLetter.offset)
    return list((await session.execute(statement.order_by(*order))).scalars())


def _is_wanted(letter: DeadLetter, wanted: Wanted) -> bool:
    if wanted.ids:
        return letter.id in wanted.ids
    return wanted.reason in (None, letter.reason)


def _read(
    letters: Sequence[DeadLetter], opener: Opener
) -> tuple[list[tuple[DeadLetter, Event]], list[Answer]]:
    readable, refused = [], []
    for letter in letters:
        try:
            readable.append((letter, _event(letter, opener)))
        except Refused as why:
            refused.append(Answer(letter.id, str(why)))
    return readable, refused


def _event(letter: DeadLetter, opener: Opener) -> Event:
    if letter.consumer == "audit-log":
        raise Refused(_IN_THE_LOG)
    if letter.raw is None:
        raise Refused(_ERASED)
    try:
        raw = opener.open("dead_letter", letter.raw, context=str(letter.id))
        event = from_record(unpack(raw))
    except SealBroken:
        raise Refused(_NOT_OPENED) from None
    except Undecodable:
        raise Refused(_NOT_AN_EVENT) from None
    kind = EVENTS.get(event.type)
    if kind is None:
        raise Refused(_NO_SUCH_TYPE)
    if event.version != kind.version:
        raise Refused(_NO_SUCH_VERSION)
    _data(event)
    return event


def _data(event: Event) -> EventData:
    try:
        return EVENTS[event.type].model.model_validate_json(event.data)
    except ValidationError:
        # Its text would quote the values.
        raise Refused(_NOT_OF_ITS_TYPE) from None


def _in_order(found: tuple[DeadLetter, Event]) -> tuple[object, ...]:
    """As they happened, but what was held behind what failed.

    By the event's time first: what failed when driven again has a later place on the topic.
    """
    letter, event = found
    return letter.reason == "held", event.time, letter.recorded_at, letter.offset


def _behind(letter: DeadLetter, every: Sequence[DeadLetter], driven: set[UUID]) -> str | None:
    """Held events may not overtake what they wait for, unless that can never be driven."""
    if letter.reason != "held":
        return None
    waits = any(
        other.subject == letter.subject
        and other.reason != "held"
        and other.event_id is not None
        and other.raw is not None
        and other.id not in driven
        for other in every
    )
    return _BEHIND if waits else None


async def _under_way(session: AsyncSession, letters: Sequence[DeadLetter]) -> set[UUID]:
    """Of these, what was driven before and has not come to its consumer yet."""
    marks = select(col(InboxRow.event_id)).where(
        col(InboxRow.consumer).in_({_marks_of(letter) for letter in letters}),
        col(InboxRow.event_id).in_({letter.id for letter in letters}),
    )
    return set((await session.execute(marks)).scalars())


def _marks_of(letter: DeadLetter) -> str:
    return f"{letter.consumer}/replay"


async def _mark(session: AsyncSession, letter: DeadLetter, clock: Clock) -> bool:
    """Marks the letter as driven; False if it was before. The mark is an inbox row of its own."""
    row = {
        "consumer": _marks_of(letter),
        "event_id": letter.id,
        "received_at": clock.now(),
    }
    marked = await session.execute(
        insert(InboxRow).values(row).on_conflict_do_nothing().returning(col(InboxRow.event_id))
    )
    return marked.scalar_one_or_none() is not None


def _emit(session: AsyncSession, letter: DeadLetter, event: Event) -> None:
    """The same event under a new id and number, for this consumer alone."""
    emit(
        session,
        event.type,
        event.subject,
        _data(event),
        producer=letter.consumer,
        at=event.time,
        traceparent=event.traceparent,
        replay_of=event.id,
        replay_for=letter.consumer,
    )
