"""What went before: the incident's other cases, and earlier concerns about the same child or adult.

Lower-level concerns add up (R-GEN-05, R-ADU-11): how many there were is a fact of the new one, and
the rules decide with it. It can raise, never lower.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from shared.events.concerns import ConcernRaised

# What tells one child from another; an address tells a household.
CHILD_KEYS: Final = ("upn", "nhs", "name_dob")
LOW_LEVEL: Final = "low_level_concern"
MOST: Final = 99
_BEFORE: Final = text("""
SELECT EXISTS (SELECT FROM case_file WHERE id = :case_id)
    OR EXISTS (SELECT FROM case_file WHERE incident_id = :incident_id)
    OR EXISTS (SELECT FROM early_hold WHERE case_id = :case_id) AS heard,
    (SELECT count(DISTINCT c.id) FROM case_link l JOIN case_file c ON c.id = l.case_id
     WHERE l.match_key = ANY(CAST(:keys AS text[])) AND c.id <> :case_id
       AND c.incident_id IS DISTINCT FROM :incident_id
       AND c.erased_at IS NULL AND c.entered_in_error_at IS NULL) AS concerns,
    (SELECT count(DISTINCT c.id) FROM exclusion e JOIN case_file c ON c.id = e.case_id
     WHERE e.account_ref = ANY(CAST(:accused AS text[])) AND c.id <> :case_id
       AND c.incident_id IS DISTINCT FROM :incident_id
       AND c.facts -> 'concern_types' @> CAST(:low_level AS jsonb)
       AND c.erased_at IS NULL AND c.entered_in_error_at IS NULL) AS low_level
""")


@dataclass(frozen=True)
class Before:
    """heard: there is the case, another of its incident, or a hold that came before it.

    concerns: earlier ones about the same child. low_level: earlier low-level concerns about the
    same adult, where this one is of that kind.
    """

    heard: bool
    concerns: int
    low_level: int

    def facts(self, told: dict[str, Any]) -> dict[str, Any]:
        """What was told, with what is known here; the higher number counts."""
        known = {"earlier_concerns": self.concerns, "previous_low_level": self.low_level}
        more = {name: min(count, MOST) for name, count in known.items() if count}
        return told | {name: max(count, _number(told.get(name))) for name, count in more.items()}


async def before(session: AsyncSession, raised: ConcernRaised) -> Before:
    types = raised.facts.get("concern_types")
    low_level = isinstance(types, list) and LOW_LEVEL in types
    row = await session.execute(
        _BEFORE,
        {
            "case_id": raised.concern_id,
            "incident_id": raised.incident_id,
            "keys": child_keys(raised.match_keys),
            "accused": sorted(raised.excluded_refs) if low_level else [],
            "low_level": f'["{LOW_LEVEL}"]',
        },
    )
    heard, concerns, earlier = row.one()
    return Before(heard, concerns, earlier)


def child_keys(keys: Iterable[str]) -> list[str]:
    """Of an event's match keys those that tell the child: a key says its kind before the colon."""
    return sorted({key for key in keys if kind_of(key) in CHILD_KEYS})


def kind_of(key: str) -> str:
    return key.partition(":")[0]


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


async def earlier_concerns(session: AsyncSession, case_id: UUID) -> int:
    """Cases of the same child that were opened before this one, by keys or by a person's word."""
    count: int = (await session.execute(_EARLIER, {"case_id": case_id})).scalar_one()
    return min(count, MOST)


_EARLIER: Final = text("""
SELECT count(*) FROM case_file c JOIN case_file me ON me.id = :case_id
LEFT JOIN link_decision d ON d.case_id = least(c.id, me.id) AND d.other_id = greatest(c.id, me.id)
WHERE c.id <> me.id AND c.opened_at <= me.opened_at
  AND c.incident_id IS DISTINCT FROM me.incident_id
  AND c.erased_at IS NULL AND c.entered_in_error_at IS NULL
  AND (d.state = 'confirmed' OR (d.state IS NULL AND EXISTS (
      SELECT FROM case_link a JOIN case_link b ON b.match_key = a.match_key
      WHERE a.case_id = me.id AND b.case_id = c.id
        AND split_part(a.match_key, ':', 1) IN ('upn', 'nhs', 'name_dob'))))
""")
