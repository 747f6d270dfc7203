"""The log's rows as PostgreSQL's binary COPY takes them, made here in one pass over a batch.

The driver's own way looks each value's codec up again: it takes two and a half times as long, and
every entry of the log passes through here. The format is that of PostgreSQL's COPY reference.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime
from struct import Struct
from typing import Any, Final

Row = tuple[Any, ...]
HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER: Final = b"\xff\xff"
_NULL: Final = b"\xff\xff\xff\xff"
_2000: Final = datetime(2000, 1, 1, tzinfo=UTC)
# A field is its length and its bytes; a row begins with how many fields it has.
_LENGTH: Final = Struct(">i").pack
_BEGINNING: Final = Struct(">hiqi16s").pack  # seq, event id
_TIMES: Final = Struct(">iqiq").pack
_WHOLE: Final = Struct(">iq").pack
_UUID: Final = Struct(">i16s").pack
_WHERE: Final = Struct(">iiiqi").pack  # partition, offset, and the length of the payload
_LEAF: Final = Struct(">i32s").pack
_EVENT: Final = Struct(">hi16siq").pack


async def entries(
    parts: Iterable[Sequence[Row]], ids: list[tuple[bytes, int]]
) -> AsyncIterator[bytes]:
    """Of `log_entry`, part by part: PostgreSQL takes in one while the next is made. ids: is told
    each id and seq, for `events`."""
    yield HEADER
    for rows in parts:
        yield b"".join(entry_fields(rows, ids))
    yield TRAILER


async def events(ids: Sequence[tuple[bytes, int]]) -> AsyncIterator[bytes]:
    """Of `log_event`: the ids, and where they are."""
    fields = [_EVENT(2, 16, event_id, 8, seq) for event_id, seq in ids]
    yield b"".join((HEADER, *fields, TRAILER))


def entry_fields(rows: Sequence[Row], ids: list[tuple[bytes, int]]) -> list[bytes]:
    """Rows in the order of `storing.COLUMNS`, all recorded at one time."""
    texts, now = _Texts(), _microseconds(rows[0][4])
    made: list[bytes] = []
    for (
        seq, event_id, kind, occurred, _, producer, number, subject, task, topic, partition,
        offset, payload, leaf,
    ) in rows:  # fmt: skip
        own = event_id.int.to_bytes(16)
        ids.append((own, seq))
        made += (
            _BEGINNING(14, 8, seq, 16, own), texts[kind],
            _TIMES(8, _microseconds(occurred), 8, now),
            _NULL if producer is None else texts[producer],
            _NULL if number is None else _WHOLE(8, number),
            _NULL if subject is None else _UUID(16, subject.int.to_bytes(16)),
            _NULL if task is None else _UUID(16, task.int.to_bytes(16)),
            texts[topic], _WHERE(4, partition, 8, offset, len(payload)), payload, _LEAF(32, leaf),
        )  # fmt: skip
    return made


class _Texts(dict[str, bytes]):
    """Types, producers and topics come again and again."""

    def __missing__(self, text: str) -> bytes:
        data = text.encode()
        self[text] = field = _LENGTH(len(data)) + data
        return field


def _microseconds(at: datetime) -> int:
    since = at - _2000
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
