"""A queue and its brief as one page that stands alone, to be read while the system is away."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from jinja2 import Environment, FileSystemLoader
from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.deciding import Rules
from escalation.queue import queue_page
from escalation.rows import TaskRow
from escalation.shift.brief import brief_of
from escalation.shift.routes import times_of
from escalation.viewer import Viewer
from escalation.web import TEMPLATES
from escalation.web.shift_words import WHY, reference
from escalation.web.words import authority_name, queue_name
from shared.policy.clocks import LONDON
from shared.web.times import clock_time

# A page of the queue that is read at once; all pages of it are in the snapshot.
_AT_ONCE: Final = 200
# A paper with more rows than this is none that anybody works from.
MOST_ROWS: Final = 5000


@dataclass(frozen=True, slots=True)
class Snapshot:
    html: str
    rows: int


@dataclass(frozen=True, slots=True)
class _Row:
    """by: the day and the time, for "in 20 minutes" would be wrong when it is read."""

    reference: str
    task: TaskRow
    types: str
    by: str
    said: tuple[str, ...]


async def snapshot_html(
    session: AsyncSession, viewer: Viewer, rules: Rules, route: str, la: str
) -> Snapshot:
    """What the viewer may know of, and nothing that was told: no name, no narrative, no address."""
    now, until = times_of(rules, la)
    brief = await brief_of(session, viewer, route, la, now, until)
    why = {item.task_id: tuple(WHY[w] for w in item.why if w in WHY) for item in brief.items}
    rows: list[_Row] = []
    after: str | None = None
    while len(rows) < MOST_ROWS:
        found, after = await queue_page(session, viewer, route, la, after, _AT_ONCE, now)
        rows += [_row(task, why.get(task.task_id, ())) for task in found]
        if after is None:
            break
    html = _TEMPLATE.render(
        queue=queue_name(route),
        authority=authority_name(rules, la),
        at=_dated(now),
        until=_dated(until),
        rows=rows,
        more=after is not None,
    )
    return Snapshot(html, len(rows))


def _row(task: TaskRow, why: tuple[str, ...]) -> _Row:
    return _Row(
        reference=reference(task.case_id),
        task=task,
        types=", ".join(name.replace("_", " ") for name in task.concern_types),
        by="now" if task.by is None else _dated(task.by),
        said=why,
    )


def _dated(at: datetime) -> str:
    """With its day: on paper "today" is wrong tomorrow."""
    local = at.astimezone(LONDON)
    return f"{local:%a} {local.day} {local:%b %Y}, {clock_time(local.time())}"


_TEMPLATE: Final = Environment(
    loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
).get_template("snapshot.html")
