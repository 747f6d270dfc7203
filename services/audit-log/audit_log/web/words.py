"""What the pages of the log share: ages, addresses, and what a list of entries shows."""

import json
from datetime import datetime
from typing import Final
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict

from audit_log.auditors.saying import say
from audit_log.models import LogEntry
from shared.policy.clocks import LONDON

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
TAGS: Final = {
    "raised": "purple",
    "decided": "blue",
    "task": "yellow",
    "told": "turquoise",
    "answered": "green",
    "read": "orange",
    "kept": "grey",
    "system": "grey",
}


class Row(BaseModel):
    """An entry in a list. proved: None where nothing was proved yet."""

    model_config = ConfigDict(frozen=True)

    seq: int
    href: str
    at: str
    iso: str
    type: str
    what: str
    colour: str
    words: str
    rules: tuple[str, ...]
    concern: str | None
    concern_href: str | None


def row_of(entry: LogEntry) -> Row:
    said = say(entry.payload)
    topic = json.loads(entry.payload).get("data") is not None and entry.subject
    return Row(
        seq=entry.seq,
        href=f"/audit/entries/{entry.seq}",
        at=instant(entry.occurred_at),
        iso=entry.occurred_at.isoformat(),
        type=entry.type,
        what=said.what,
        colour=TAGS[said.what],
        words=said.words,
        rules=said.rules,
        concern=str(entry.subject)[-8:].upper() if topic else None,
        concern_href=f"/audit/cases/{entry.subject}" if topic else None,
    )


def instant(at: datetime) -> str:
    """To the second, for evidence: "24 November 2026, 10:00:07"."""
    local = at.astimezone(LONDON)
    return f"{local.day} {local:%B %Y, %H:%M:%S}"


def age(seconds: int) -> str:
    for length, name in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute")):
        if seconds >= length:
            number = seconds // length
            return f"{number} {name}{'' if number == 1 else 's'}"
    return "less than a minute"


def address(path: str, **query: object) -> str:
    given = {name: value for name, value in query.items() if value not in (None, "")}
    return f"{path}?{urlencode(given)}" if given else path
