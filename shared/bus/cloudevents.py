"""Events on the wire: CloudEvents 1.0 in Kafka's binary mode, by the standard's own binding."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary, to_binary
from cloudevents.core.exceptions import BaseCloudEventException
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from shared.bus import Record
from shared.events.envelope import Event

_REQUIRED = frozenset(
    f"ce_{name}"
    for name in (
        "specversion", "id", "source", "type", "subject", "time", "dataschema", "sequence",
        "producer",
    )
)  # fmt: skip
# What `to_record` writes, by header and attribute. The binding reads it as this does, in five times
# the time; whatever is not exactly so is the binding's to judge.
_USUAL: Final = {
    **{name: name.removeprefix("ce_") for name in _REQUIRED},
    "content-type": "datacontenttype",
    "ce_traceparent": "traceparent",
    "ce_replayof": "replayof",
    "ce_replayfor": "replayfor",
}
_USUAL_TIME: Final = re.compile(
    rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{6})?Z"
)
_SCHEMA = re.compile(r"/schemas/(?P<type>[a-z_]+\.[a-z_]+)/(?P<version>[1-9][0-9]{0,8})\.json")


class Undecodable(ValueError):
    """The record is not an event of ours. The code says why; it never holds what was in it."""

    def __init__(self, reason_code: str) -> None:
        super().__init__(reason_code)
        self.reason_code = reason_code


class _AsItIs(JSONFormat):
    """The value stays the producer's bytes: the model of its type reads it, once."""

    def read_data(self, body: bytes, datacontenttype: str | None) -> bytes:  # noqa: ARG002
        return body


_FORMAT = _AsItIs()


def to_record(row: Mapping[str, Any]) -> Record:
    """Encodes one outbox row. Key and subject are the concern's random id, nothing else."""
    subject = str(row["subject"])
    attributes = {
        "specversion": "1.0",
        "id": str(row["event_id"]),
        "source": f"/handrail/{row['producer']}",
        "type": row["type"],
        "subject": subject,
        "time": row["occurred_at"].astimezone(UTC),
        "datacontenttype": "application/json",
        "dataschema": f"/schemas/{row['type']}/{row['version']}.json",
        "sequence": str(row["sequence"]),
        "producer": row["producer"],
        "traceparent": row["traceparent"],
        "replayof": row.get("replay_of"),
        "replayfor": row.get("replay_for"),
    }
    present = {name: value for name, value in attributes.items() if value is not None}
    message = to_binary(CloudEvent(present, row["data"]), _FORMAT, key_mapper=_subject)
    return Record(
        topic=row["topic"],
        key=subject.encode("ascii"),
        value=message.value,
        headers=tuple(message.headers.items()),
    )


def from_record(record: Record) -> Event:
    headers = dict(record.headers)
    if len(headers) != len(record.headers):
        raise Undecodable("header-twice")
    # The binding makes up a missing id or time; an event is never given one it did not have.
    if not headers.keys() >= _REQUIRED:
        raise Undecodable("header-missing")
    try:
        return _event(_usual(headers, record.key) or _read(headers, record), record)
    except UnicodeDecodeError as error:
        raise Undecodable("not-utf8") from error
    except (BaseCloudEventException, ValueError, OverflowError) as error:
        if isinstance(error, Undecodable):
            raise
        raise Undecodable("header-invalid") from error


def _usual(headers: Mapping[str, bytes], key: bytes | None) -> dict[str, Any] | None:
    values = headers.values()
    if not headers.keys() <= _USUAL.keys() or headers["ce_specversion"] != b"1.0":
        return None
    if not (all(values) and b"".join(values).isascii() and (key or b"").isascii()):
        return None
    if not _USUAL_TIME.fullmatch(headers["ce_time"]):
        return None
    attributes: dict[str, Any] = {_USUAL[name]: value.decode() for name, value in headers.items()}
    attributes["time"] = datetime.fromisoformat(attributes["time"])
    return attributes


def _read(headers: Mapping[str, bytes], record: Record) -> Mapping[str, Any]:
    message = KafkaMessage(dict(headers), record.key, record.value)
    return from_binary(message, _FORMAT, CloudEvent).get_attributes()


def _event(attributes: Mapping[str, Any], record: Record) -> Event:
    schema = _SCHEMA.fullmatch(attributes["dataschema"])
    time, subject = attributes["time"], UUID(attributes["subject"])
    replay_of = attributes.get("replayof")
    if schema is None or schema["type"] != attributes["type"]:
        raise Undecodable("schema-unknown")
    if record.key != str(subject).encode("ascii"):
        raise Undecodable("key-not-subject")
    if time is None or time.tzinfo is None:
        raise Undecodable("header-invalid")
    return Event(
        id=UUID(attributes["id"]),
        type=attributes["type"],
        version=int(schema["version"]),
        subject=subject,
        time=time if time.tzinfo is UTC else time.astimezone(UTC),
        producer=attributes["producer"],
        sequence=_count(attributes["sequence"]),
        traceparent=attributes.get("traceparent"),
        data=record.value,
        replay_of=UUID(replay_of) if replay_of else None,
        replay_for=attributes.get("replayfor"),
    )


def _count(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,19}", text, re.ASCII):
        raise Undecodable("header-invalid")
    return int(text)


def _subject(event: BaseCloudEvent) -> str | None:
    return event.get_subject()
