"""A brief's reasons as people say them, and a case's short reference."""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from escalation.shift.brief import Why

# What is merely open needs no word.
WHY: Final[Mapping[Why, str]] = {
    "read_by_hand": "Read by hand",
    "life": "Life in danger",
    "red": "Rated red",
    "promised_call": "A call is owed",
    "overdue": "Overdue",
    "expires": "Expires before the next opening",
}


def reference(case_id: UUID) -> str:
    """As the queue shows it."""
    return str(case_id)[-8:].upper()
