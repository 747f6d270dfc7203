"""The one form in which an event enters the tree: the same event always gives the same bytes.

Canonical JSON here is UTF-8 without spaces, members sorted by code point, none twice, no floats.
What is sealed stays outside: the entry holds one salted commitment to it. When the salt is deleted
the commitment says nothing about the people any more, and the tree and every proof stay valid.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NoReturn
from uuid import UUID

import orjson
from pydantic import ValidationError

from shared.events.catalogue import EVENTS
from shared.events.envelope import Event

# The widest entry that a bundle of the tiled format can hold.
MAX_ENTRY_BYTES: Final = 65_535
# `"commitment":"…",` with 64 hexadecimal digits.
_COMMITMENT_BYTES: Final = 80
_MAX_REASON = 64
# A number of a compact JSON that is, or in a string looks like, a float; no member of ours is that.
_FLOAT: Final = re.compile(rb"[:\[,]-?[0-9]+[.eE]")
Json = Any


class NotCanonical(ValueError):
    """The data has no canonical form; the code says why and never holds a value."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Entry:
    """payload: the bytes of the leaf. salt: of its commitment, where it has one.

    doubt: why a person must look at the event although it is logged, or None.
    """

    payload: bytes
    salt: bytes | None
    task_id: UUID | None = None
    doubt: str | None = None


def canonical(value: Json) -> bytes:
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # numbers of more than 64 bits, text that is not Unicode
        pass
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return text.encode()


def _no_float(_: str) -> NoReturn:
    raise NotCanonical("float")


def _once(members: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(members)
    if len(found) != len(members):
        raise NotCanonical("member-twice")
    return found


def read(data: bytes) -> Json:
    """JSON that has exactly one canonical form. Raises `NotCanonical`."""
    value = _read_compact(data)
    return _read_any(data) if value is None else value


def _read_compact(data: bytes) -> Json:
    """As producers write it. What gives the same bytes back has no member twice and no escapes that
    could hide a name; None of all else."""
    try:
        value = orjson.loads(data)
        same = orjson.dumps(value) == data
    except (ValueError, TypeError):
        return None
    return value if same and data[:1] == b"{" and not _FLOAT.search(data) else None


def _read_any(data: bytes) -> Json:
    try:
        return json.loads(
            data.decode(),
            object_pairs_hook=_once,
            parse_float=_no_float,
            parse_constant=_no_float,
        )
    except NotCanonical:
        raise
    except UnicodeError as error:
        raise NotCanonical("not-utf8") from error
    except (ValueError, RecursionError) as error:
        raise NotCanonical("not-json") from error


def _take_sealed(value: Json, place: str, taken: dict[str, Json]) -> Json:
    if isinstance(value, list):
        return [
            _take_sealed(item, f"{place}/{nr}", taken) if isinstance(item, (dict, list)) else item
            for nr, item in enumerate(value)
        ]
    rest: dict[str, Json] = {}
    for name, item in value.items():
        if name.startswith("sealed_") or name == "match_keys":
            taken[f"{place}/{name}"] = item
        elif isinstance(item, (dict, list)):
            rest[name] = _take_sealed(item, f"{place}/{name}", taken)
        else:
            rest[name] = item
    return rest


def _may_be_sealed(data: bytes) -> bool:
    """Without an escape no name can hide: most events are seen at once to have nothing sealed."""
    return b"sealed_" in data or b"match_keys" in data or b"\\" in data


def commitment(salt: bytes, content: bytes) -> str:
    return hashlib.sha256(salt + content).hexdigest()


def of_event(event: Event, topic: str, salt: bytes | None) -> Entry:
    """The entry of an event. Without its salt (erased since) the commitment is left out.

    Data that is not what its type promises may hold anything, names too, so none of it is shown:
    the whole of it goes under the commitment, and a person is to look.
    """
    envelope = _envelope(event, topic)
    try:
        data = _known(event)
        taken: dict[str, Json] = {}
        sealed = _may_be_sealed(event.data)
        envelope["data"] = _take_sealed(data, "", taken) if sealed else data
        hidden = canonical(taken) if taken else b""
        return _committed(envelope, salt, hidden, data)
    except NotCanonical as error:
        doubt = error.code
    except UnicodeError:
        doubt = "not-utf8"
    for name in ("data", "commitment"):
        envelope.pop(name, None)
    envelope |= {"undisclosed": doubt, "length": len(event.data)}
    return _committed(envelope, salt, event.data, None, doubt)


def _committed(
    envelope: dict[str, Json],
    salt: bytes | None,
    hidden: bytes,
    data: Json,
    doubt: str | None = None,
) -> Entry:
    if not hidden:
        salt = None
    if salt is not None:
        envelope["commitment"] = commitment(salt, hidden)
    payload = canonical(envelope)
    # The same with and without its commitment, or an erasure would change what the entry says.
    if len(payload) + (0 if salt else _COMMITMENT_BYTES) > MAX_ENTRY_BYTES:
        raise NotCanonical("too-large")
    return Entry(payload, salt, _task_id(data), doubt)


def _envelope(event: Event, topic: str) -> dict[str, Json]:
    members = {
        "id": str(event.id),
        "type": event.type,
        "version": event.version,
        "subject": str(event.subject),
        "time": instant(event.time),
        "producer": event.producer,
        "sequence": event.sequence,
        "topic": topic,
        "traceparent": event.traceparent,
        "replay_of": str(event.replay_of) if event.replay_of else None,
        "replay_for": event.replay_for,
    }
    return {name: value for name, value in members.items() if value is not None}


def _known(event: Event) -> Json:
    kind = EVENTS.get(event.type)
    if kind is None:
        raise NotCanonical("unknown-type")
    if kind.version != event.version:
        raise NotCanonical("unknown-version")
    data = read(event.data)
    try:
        kind.model.model_validate(data)
    except ValidationError:
        raise NotCanonical("not-of-its-type") from None
    return data


def _task_id(data: Json) -> UUID | None:
    """The data has passed its model, so what is there is a UUID."""
    return UUID(data["task_id"]) if data and data.get("task_id") else None


def of_unreadable(place: tuple[str, int, int], raw: bytes, reason: str, salt: bytes) -> Entry:
    """The entry of a record that is no event: where it was and what it weighed, not what it was."""
    topic, partition, offset = place
    described = {
        "type": "audit.unreadable",
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "length": len(raw),
        "reason": reason[:_MAX_REASON],
        "commitment": commitment(salt, raw),
    }
    return Entry(canonical(described), salt, doubt=reason[:_MAX_REASON])


def of_conflict(
    event: Event, place: tuple[str, int, int], first_seq: int, raw: bytes, salt: bytes
) -> Entry:
    """The entry of a record that bears the id of another event: someone made up one of the two."""
    topic, partition, offset = place
    described = {
        "type": "audit.conflict",
        "id": str(event.id),
        "subject": str(event.subject),
        "first_seq": first_seq,
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "length": len(raw),
        "commitment": commitment(salt, raw),
    }
    return Entry(canonical(described), salt, doubt="conflict")


def of_lost(topic: str, partition: int, first: int, following: int) -> Entry:
    """The entry of records that the bus no longer has: from `first` to before `following`."""
    described = {
        "type": "audit.lost",
        "topic": topic,
        "partition": partition,
        "from": first,
        "to": following - 1,
    }
    return Entry(canonical(described), None)


def without_commitment(payload: bytes) -> bytes:
    """The entry as it can still be compared after its salt was deleted."""
    members = json.loads(payload)
    members.pop("commitment", None)
    return canonical(members)


def instant(at: datetime) -> str:
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC)
    return at.isoformat(timespec="microseconds")[:-6] + "Z"
