"""How often the child of a case was spoken of before, as far as the reader may know."""

from datetime import timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, exists, func, not_, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from escalation.chronology import CHILD_KEYS
from escalation.conflicts import Shown, may_open
from escalation.models import CaseFile, CaseLink, LinkDecision
from escalation.viewer import Viewer

WITHIN: Final = timedelta(days=365)
_Mine, _Theirs, _Key = aliased(CaseLink), aliased(CaseLink), aliased(CaseLink)
_Word = aliased(LinkDecision)


def seen_before(viewer: Viewer) -> ColumnElement[int]:
    """Earlier cases of the child of `Shown` within twelve months, by a key that both have or by a
    person's word; those that the reader may not open do not count."""
    by_key = (
        select(func.count(func.distinct(col(CaseFile.id))))
        .select_from(_Mine)
        .join(_Theirs, col(_Theirs.match_key) == col(_Mine.match_key))
        .join(CaseFile, col(CaseFile.id) == col(_Theirs.case_id))
        .where(col(_Mine.case_id) == col(Shown.id), _tells_a_child(_Mine), _earlier(viewer))
        .where(not_(_said("undone")))
    )
    by_word = (
        select(func.count())
        .select_from(_Word)
        .join(CaseFile, col(CaseFile.id).in_((col(_Word.case_id), col(_Word.other_id))))
        .where(
            or_(col(_Word.case_id) == col(Shown.id), col(_Word.other_id) == col(Shown.id)),
            col(_Word.state) == "confirmed",
            _earlier(viewer),
            not_(_shares_a_key()),
        )
    )
    return by_key.correlate(Shown).scalar_subquery() + by_word.correlate(Shown).scalar_subquery()


def _earlier(viewer: Viewer) -> ColumnElement[bool]:
    return and_(
        col(CaseFile.id) != col(Shown.id),
        col(CaseFile.opened_at) <= col(Shown.opened_at),
        col(CaseFile.opened_at) > col(Shown.opened_at) - WITHIN,
        col(CaseFile.incident_id).is_distinct_from(col(Shown.incident_id)),
        col(CaseFile.erased_at).is_(None),
        col(CaseFile.entered_in_error_at).is_(None),
        may_open(viewer),
    )


def _said(state: str) -> ColumnElement[bool]:
    return exists(
        select(1)
        .where(
            col(LinkDecision.case_id) == func.least(CaseFile.id, Shown.id),
            col(LinkDecision.other_id) == func.greatest(CaseFile.id, Shown.id),
            col(LinkDecision.state) == state,
        )
        .correlate(CaseFile, Shown)
    )


def _shares_a_key() -> ColumnElement[bool]:
    return exists(
        select(1)
        .select_from(_Key)
        .join(_Theirs, col(_Theirs.match_key) == col(_Key.match_key))
        .where(
            col(_Key.case_id) == col(Shown.id),
            col(_Theirs.case_id) == col(CaseFile.id),
            _tells_a_child(_Key),
        )
        .correlate(CaseFile, Shown)
    )


def _tells_a_child(link: Any) -> ColumnElement[bool]:
    return func.split_part(link.match_key, ":", 1).in_(CHILD_KEYS)
