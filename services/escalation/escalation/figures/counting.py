"""Counts cases and clocks of one authority in a time; drills and wrong entries do not count."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.heartbeat import HEARTBEAT_URN
from escalation.viewer import Viewer


def _known(case: str) -> str:
    """Not kept from the reader: what `conflicts.without_conflict` says of other queries."""
    return f"""
    NOT EXISTS (SELECT FROM exclusion e WHERE e.case_id = {case}.id AND e.account_ref = :ref)
    AND NOT ({case}.exclude_school_staff AND {case}.reporter_ref IS DISTINCT FROM :ref
        AND coalesce({case}.urn = ANY(CAST(:staff_of AS text[])), false))
    AND NOT EXISTS (SELECT FROM jsonb_array_elements_text({case}.conflicted) AS post
        WHERE post || ' ' || {case}.urn = ANY(CAST(:posts AS text[])))
    """  # noqa: S608 - all of it is written here


_REAL: Final = (
    "c.la = :la AND c.received_at >= :since AND c.received_at < :until "
    "AND c.entered_in_error_at IS NULL AND (NOT c.synthetic OR :synthetic) "
    f"AND NOT (c.synthetic AND c.urn IS NOT DISTINCT FROM '{HEARTBEAT_URN}') AND {_known('c')}"
)
_VOLUMES: Final = f"""
SELECT kind, name, count(*) FROM (
    SELECT 'priority' AS kind, c.priority AS name FROM case_file c WHERE {_REAL}
    UNION ALL
    SELECT 'outcome', coalesce(c.outcome, 'undecided') FROM case_file c WHERE {_REAL}
    UNION ALL
    SELECT 'home_authority', coalesce(c.home_la, 'not known') FROM case_file c WHERE {_REAL}
    UNION ALL
    SELECT 'school_type', coalesce(lower(c.school_phase), 'not known')
    FROM case_file c WHERE {_REAL}
    UNION ALL
    SELECT 'category', coalesce(t.name, 'unknown') FROM case_file c
    LEFT JOIN LATERAL jsonb_array_elements_text(
        CASE jsonb_typeof(c.facts -> 'concern_types') WHEN 'array'
        THEN c.facts -> 'concern_types' ELSE '[]' END) AS t(name) ON true
    WHERE {_REAL}
) AS counted GROUP BY kind, name ORDER BY kind, name
"""  # noqa: S608 - all of it is written here
# A clock is met by an acknowledgement, or by what closed the task, before its end.
_CLOCKS: Final = f"""
SELECT t.route, count(*) AS due,
    count(*) FILTER (WHERE least(t.acknowledged_at, t.told_at, t.closed_at) <= t.by) AS met,
    count(*) FILTER (
        WHERE least(t.acknowledged_at, t.told_at, t.closed_at) IS NULL AND t.by < :now) AS overdue
FROM task t JOIN case_file c ON c.id = t.case_id
WHERE {_REAL} AND t.by IS NOT NULL AND t.state <> 'superseded' AND t.kind = 'duty'
    AND (t.by < :now OR t.closed_at IS NOT NULL)
GROUP BY t.route ORDER BY t.route
"""  # noqa: S608 - all of it is written here
# The hub's first answer, by its first clock: that a case is opened again makes neither better.
_DECIDED: Final = f"""
SELECT count(*) AS due, count(*) FILTER (WHERE c.first_answered_at <= c.first_answer_by) AS met,
    count(*) FILTER (WHERE c.first_answered_at IS NULL) AS overdue
FROM case_file c
WHERE {_REAL} AND c.first_answer_by IS NOT NULL
    AND (c.first_answer_by < :now OR c.first_answered_at IS NOT NULL)
"""  # noqa: S608 - all of it is written here
_AGAIN: Final = f"""
SELECT count(*) AS all, count(*) FILTER (WHERE EXISTS (
    SELECT FROM case_link a JOIN case_link b ON b.match_key = a.match_key
    JOIN case_file o ON o.id = b.case_id
    WHERE a.case_id = c.id AND o.id <> c.id AND o.entered_in_error_at IS NULL
      AND split_part(a.match_key, ':', 1) IN ('upn', 'nhs', 'name_dob')
      AND o.incident_id IS DISTINCT FROM c.incident_id
      AND o.received_at < c.received_at AND o.received_at >= c.received_at - interval '12 months'
      AND {_known("o")}
)) AS again FROM case_file c WHERE {_REAL}
"""  # noqa: S608 - all of it is written here


@dataclass(frozen=True, slots=True)
class Asked:
    """viewer: cases that keep this person out do not count. synthetic: a demo counts its own."""

    la: str
    since: datetime
    until: datetime
    now: datetime
    viewer: Viewer
    synthetic: bool

    def parameters(self) -> dict[str, Any]:
        of_viewer = {
            "ref": self.viewer.ref,
            "staff_of": sorted(self.viewer.school_staff_of),
            "posts": [f"{g.role} {g.urn}" for g in self.viewer.principal.roles if g.urn],
        }
        own = {name: getattr(self, name) for name in self.__slots__ if name != "viewer"}
        return own | of_viewer


@dataclass(frozen=True, slots=True)
class Clock:
    """due: clocks that have ended or been met; met: in time; overdue: nobody has yet."""

    name: str
    due: int
    met: int
    overdue: int


@dataclass(frozen=True, slots=True)
class Counted:
    """volumes: by kind of part, each part's count; again: cases of a child seen within a year."""

    cases: int
    again: int
    volumes: dict[str, dict[str, int]]
    clocks: tuple[Clock, ...]


async def count(session: AsyncSession, asked: Asked) -> Counted:
    given = asked.parameters()
    volumes: dict[str, dict[str, int]] = {}
    for kind, name, number in await session.execute(text(_VOLUMES), given):
        volumes.setdefault(kind, {})[name] = number
    decided = (await session.execute(text(_DECIDED), given)).one()
    clocks = [Clock("LA_DECISION", *decided)]
    clocks += [Clock(*row) for row in await session.execute(text(_CLOCKS), given)]
    cases, again = (await session.execute(text(_AGAIN), given)).one()
    return Counted(cases, again, volumes, tuple(clock for clock in clocks if clock.due))
