"""Follows the log entry by entry and keeps what still waits for a next step: the log is read once.

Not in the sequencer's transaction: an append must cost nothing for it, and what is kept here can be
made again from the entries.
"""

import json
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, select
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from audit_log.counting import Count, Gap
from audit_log.models import LogEntry
from audit_log.search.indexing import index
from audit_log.watched import (
    WatchCursor,
    WatchedConcern,
    WatchedDecision,
    WatchedGap,
    WatchedHold,
    WatchedProducer,
    WatchedRepeat,
    WatchedTask,
)

CHUNK: Final = 1000
_OF_TASKS: Final = (
    "task.opened", "task.raised", "task.acknowledged", "task.ended", "notice.sent",
    "notice.failed",
)  # fmt: skip
_OF_CONCERNS: Final = ("concern.raised", "case.opened", "dead_letter.recorded")
_READS_DATA: Final = ("task.opened", "task.raised", "case.decided", "concern.held")
_CLOSED: Final = ".producer_closed"


async def follow(session: AsyncSession, limit: int = CHUNK) -> int:
    """Takes in the next entries, in one transaction; how many. 0: nothing is behind.

    COMMIT POINT at the end: a crash before it leaves the cursor where it was, and they are taken in
    again.
    """
    cursor = (await session.execute(select(WatchCursor).with_for_update())).scalar_one()
    statement = select(LogEntry).where(col(LogEntry.seq) >= cursor.next_seq)
    found = await session.execute(statement.order_by(col(LogEntry.seq)).limit(limit))
    entries = found.scalars().all()
    if entries:
        await _Watched(session, entries).take_in()
        await index(session, entries)
        cursor.next_seq = entries[-1].seq + 1
    await session.commit()
    session.expunge_all()
    return len(entries)


class _Watched:
    """The rows that some entries are about, loaded at once and changed one entry at a time."""

    def __init__(self, session: AsyncSession, entries: Sequence[LogEntry]) -> None:
        self._session, self._entries = session, entries
        self._concerns: dict[UUID, WatchedConcern] = {}
        self._tasks: dict[UUID, WatchedTask] = {}
        self._decisions: set[tuple[UUID, str, int]] = set()
        self._producers: dict[str, WatchedProducer] = {}
        self._counts: dict[str, Count] = {}

    async def take_in(self) -> None:
        await self._load()
        for entry in self._entries:
            if entry.producer is not None and entry.producer_sequence is not None:
                self._numbered(entry, entry.producer, entry.producer_sequence)
            if entry.type in _OF_CONCERNS:
                self._concern(entry)
            elif entry.type in _OF_TASKS and entry.task_id:
                self._task(entry, entry.task_id)
            elif entry.type == "case.decided":
                self._decided(entry)
            elif entry.type.endswith(_CLOSED):
                self._closed(entry)
            elif entry.type == "concern.held" and entry.subject:
                await self._held(entry, entry.subject)
        await self._store_counts()

    async def _load(self) -> None:
        subjects = {e.subject for e in self._entries if e.subject and e.type in _OF_CONCERNS}
        for concern in await self._rows(WatchedConcern, WatchedConcern.subject, subjects):
            self._concerns[concern.subject] = concern
        decided = {e.subject for e in self._entries if e.subject and e.type == "case.decided"}
        tasks = {entry.task_id for entry in self._entries if entry.task_id}
        for task in [
            *await self._rows(WatchedTask, WatchedTask.task_id, tasks),
            *await self._rows(WatchedTask, WatchedTask.subject, decided),
        ]:
            self._tasks[task.task_id] = task
        for row in await self._rows(WatchedDecision, WatchedDecision.subject, decided):
            self._decisions.add((row.subject, row.route, row.seq))
        names = {entry.producer for entry in self._entries if entry.producer}
        names |= {str(_data(e).get("producer")) for e in self._entries if e.type.endswith(_CLOSED)}
        for producer in await self._rows(WatchedProducer, WatchedProducer.name, names):
            self._producers[producer.name] = producer
            self._counts[producer.name] = Count(producer.highest)
        gaps = await self._rows(WatchedGap, WatchedGap.producer, names)
        for gap in sorted(gaps, key=lambda each: each.first):
            self._counts[gap.producer].gaps.append(Gap(gap.first, gap.last, gap.since))

    async def _rows(self, model: Any, column: Any, values: set[Any]) -> Sequence[Any]:
        if not values:
            return []
        found = await self._session.execute(select(model).where(col(column).in_(values)))
        return found.scalars().all()

    def _concern(self, entry: LogEntry) -> None:
        if entry.subject is None:
            return
        # A dead letter of escalation accounts for it: it is open, counted, and a person's to read.
        if entry.type == "dead_letter.recorded" and entry.producer != "escalation":
            return
        concern = self._concerns.get(entry.subject)
        if concern is None:
            concern = WatchedConcern(subject=entry.subject)
            self._concerns[entry.subject] = concern
            self._session.add(concern)
        if entry.type == "concern.raised":
            concern.raised_at, concern.raised_seq = entry.occurred_at, entry.seq
        else:
            concern.accounted = True

    def _task(self, entry: LogEntry, task_id: UUID) -> None:
        task = self._tasks.get(task_id)
        if task is None:
            task = WatchedTask(task_id=task_id, subject=entry.subject)
            self._tasks[task_id] = task
            self._session.add(task)
        data = _data(entry)
        task.urgent = task.urgent or data.get("priority") == "P0"
        if entry.type == "task.opened":
            task.subject, task.opened_at, task.opened_seq = (
                entry.subject, entry.occurred_at, entry.seq,
            )  # fmt: skip
            task.route, task.la = data.get("route"), data.get("la")
            task.owner, task.owner_role = data.get("owner"), data.get("owner_role")
        elif entry.type in {"task.acknowledged", "task.ended"}:
            task.told = task.answered = True
        elif entry.type.startswith("notice."):
            task.told, task.failed = True, entry.type == "notice.failed"

    def _decided(self, entry: LogEntry) -> None:
        """A team ends its own tasks by deciding, also without having acknowledged them.

        The decision names its routes and not its authority: where several authorities have a task
        of one route, only as many decisions end them.
        """
        if entry.subject is None:
            return
        for route in dict.fromkeys(_data(entry).get("routes", ())):
            decision = (entry.subject, route, entry.seq)
            if decision not in self._decisions:
                self._decisions.add(decision)
                self._session.add(
                    WatchedDecision(subject=entry.subject, route=route, seq=entry.seq)
                )
            tasks = [
                task
                for task in self._tasks.values()
                if (task.subject, task.route, task.owner_role) == (entry.subject, route, "team")
            ]
            authorities = {task.la for task in tasks}
            for task in tasks:
                since = [
                    seq
                    for subject, of, seq in self._decisions
                    if (subject, of) == (entry.subject, route) and seq > (task.opened_seq or 0)
                ]
                task.answered = task.answered or len(since) >= len(authorities)

    def _closed(self, entry: LogEntry) -> None:
        data = _data(entry)
        if "producer" in data:
            name, last = str(data["producer"]), int(data["last_sequence"])
            self._count(name)
            producer = self._producers[name]
            if last > producer.closed:
                producer.closed, producer.closed_at = last, entry.recorded_at

    async def _held(self, entry: LogEntry, subject: UUID) -> None:
        hold = await self._session.get(WatchedHold, subject)
        held = _data(entry).get("held", True)  # of what cannot be read, the careful reading
        if held and hold is None:
            self._session.add(WatchedHold(subject=subject, seq=entry.seq))
        elif not held and hold is not None:
            await self._session.delete(hold)
        await self._session.flush()

    def _numbered(self, entry: LogEntry, name: str, number: int) -> None:
        """An event that came twice is one entry: a number that is here again is another event's."""
        if not self._count(name).arrived(number, entry.recorded_at):
            repeat = WatchedRepeat(
                seq=entry.seq, producer=name, number=number, since=entry.recorded_at
            )
            self._session.add(repeat)

    def _count(self, name: str) -> Count:
        if name not in self._producers:
            self._producers[name] = WatchedProducer(name=name, highest=0, closed=0)
            self._session.add(self._producers[name])
        return self._counts.setdefault(name, Count())

    async def _store_counts(self) -> None:
        await self._session.execute(
            delete(WatchedGap).where(col(WatchedGap.producer).in_(list(self._counts)))
        )
        for name, count in self._counts.items():
            self._producers[name].highest = count.highest
            for gap in count.gaps:
                self._session.add(
                    WatchedGap(producer=name, first=gap.first, last=gap.last, since=gap.since)
                )


def _data(entry: LogEntry) -> dict[str, Any]:
    """Facts of the few types that are looked into; nothing where an entry shows none."""
    if entry.type not in _READS_DATA and not entry.type.endswith(_CLOSED):
        return {}
    data: dict[str, Any] = json.loads(entry.payload).get("data") or {}
    return data
