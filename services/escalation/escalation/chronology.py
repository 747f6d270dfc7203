"""What went before: the incident's other cases, and earlier concerns about the same child or adult.

Lower-level concerns add up (R-GEN-05, R-ADU-11): how many there were is a fact of the new one, and
the rules decide with it. It can raise, never lower. What was told and which cases were counted is
kept apart, so that whoever is kept out of one of those learns of none (`known_to`).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from escalation.models import CaseFile
from shared.events.concerns import ConcernRaised

Json = dict[str, Any]
# What tells one child from another; an address tells a household.
CHILD_KEYS: Final = ("upn", "nhs", "name_dob")
CHILD_FACT: Final = "earlier_concerns"
ADULT_FACT: Final = "previous_low_level"
LOW_LEVEL: Final = "low_level_concern"
MOST: Final = 99
# In the place of reasons that would tell a reader of cases that they must not know of.
STANDS: Final = {
    "rule": "STANDS",
    "title": "It was decided so, and what was decided is never lowered",
    "cite": "Handrail: nothing is lowered by a machine",
    "facts": {},
}
_BEFORE: Final = text("""
SELECT EXISTS (SELECT FROM case_file WHERE id = :case_id)
    OR EXISTS (SELECT FROM case_file WHERE incident_id = :incident_id)
    OR EXISTS (SELECT FROM early_hold WHERE case_id = :case_id) AS heard,
    ARRAY(SELECT DISTINCT c.id::text FROM case_link l JOIN case_file c ON c.id = l.case_id
     WHERE l.match_key = ANY(CAST(:keys AS text[])) AND c.id <> :case_id
       AND c.incident_id IS DISTINCT FROM :incident_id
       AND c.erased_at IS NULL AND c.entered_in_error_at IS NULL) AS concerns,
    ARRAY(SELECT DISTINCT c.id::text FROM exclusion e JOIN case_file c ON c.id = e.case_id
     WHERE e.account_ref = ANY(CAST(:accused AS text[])) AND c.id <> :case_id
       AND c.incident_id IS DISTINCT FROM :incident_id
       AND c.facts -> 'concern_types' @> CAST(:low_level AS jsonb)
       AND c.erased_at IS NULL AND c.entered_in_error_at IS NULL) AS low_level
""")


@dataclass(frozen=True)
class Before:
    """heard: there is the case, another of its incident, or a hold that came before it.

    cases: by the fact that counts them, the ids of earlier ones about the same child, and of
    earlier low-level ones about the same adult where this one is of that kind.
    """

    heard: bool
    cases: dict[str, list[str]]


def count(case: CaseFile, told: Json, cases: Mapping[str, Sequence[str]]) -> None:
    """Gives the case what was told, with what is known here; the higher number counts."""
    known = {name: list(ids[:MOST]) for name, ids in cases.items() if ids}
    case.chronology = {name: {"told": told.get(name), "cases": ids} for name, ids in known.items()}
    more = {name: max(len(ids), number(told.get(name))) for name, ids in known.items()}
    case.facts = told | more


def told_of(case: CaseFile) -> Json:
    """The facts as people told them."""
    told = {name: value for name, value in case.facts.items() if name not in case.chronology}
    said = {name: one["told"] for name, one in case.chronology.items()}
    return told | {name: value for name, value in said.items() if value is not None}


def without_others(case: CaseFile, asked: Json) -> Json:
    """Of a task or an action `because` and `script`, with nothing that tells of other cases."""
    because = asked.get("because") or []
    own = [r for r in because if not case.chronology.keys() & (r.get("facts") or {}).keys()]
    if len(own) == len(because):
        return {name: asked.get(name) for name in ("because", "script")}
    return {"because": own or [STANDS], "script": ""}


def counted(case: CaseFile) -> dict[str, list[str]]:
    return {name: one["cases"] for name, one in case.chronology.items()}


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
    return Before(heard, {CHILD_FACT: concerns, ADULT_FACT: earlier})


def child_keys(keys: Iterable[str]) -> list[str]:
    """Of an event's match keys those that tell the child: a key says its kind before the colon."""
    return sorted({key for key in keys if kind_of(key) in CHILD_KEYS})


def kind_of(key: str) -> str:
    return key.partition(":")[0]


def number(value: object) -> int:
    return value if isinstance(value, int) else 0


async def earlier_concerns(session: AsyncSession, case_id: UUID) -> list[str]:
    """Cases of the same child that were opened before this one, by keys or by a person's word."""
    return list((await session.execute(_EARLIER, {"case_id": case_id})).scalars())


_EARLIER: Final = text("""
SELECT c.id::text FROM case_file c JOIN case_file me ON me.id = :case_id
LEFT JOIN link_decision d ON d.case_id = least(c.id, me.id) AND d.other_id = greatest(c.id, me.id)
WHERE c.id <> me.id AND c.opened_at <= me.opened_at
  AND c.incident_id IS DISTINCT FROM me.incident_id
  AND c.erased_at IS NULL AND c.entered_in_error_at IS NULL
  AND (d.state = 'confirmed' OR (d.state IS NULL AND EXISTS (
      SELECT FROM case_link a JOIN case_link b ON b.match_key = a.match_key
      WHERE a.case_id = me.id AND b.case_id = c.id
        AND split_part(a.match_key, ':', 1) IN ('upn', 'nhs', 'name_dob'))))
""")
