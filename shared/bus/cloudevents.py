"""Events on the wire: CloudEvents 1.0 in Kafka's binary mode, by the standard's own binding."""

import re
from collections.abc import Mapping
from datetime import UTC
from typing import Any
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
        message = KafkaMessage(headers, record.key, record.value)
        return _event(from_binary(message, _FORMAT, CloudEvent), record)
    except UnicodeDecodeError as error:
        raise Undecodable("not-utf8") from error
    except (BaseCloudEventException, ValueError, OverflowError) as error:
        if isinstance(error, Undecodable):
            raise
        raise Undecodable("header-invalid") from error


def _event(cloud: BaseCloudEvent, record: Record) -> Event:
    schema = _SCHEMA.fullmatch(cloud.get_dataschema() or "")
    time, subject = cloud.get_time(), UUID(cloud.get_subject())
    replay_of = cloud.get_extension("replayof")
    if schema is None or schema["type"] != cloud.get_type():
        raise Undecodable("schema-unknown")
    if record.key != str(subject).encode("ascii"):
        raise Undecodable("key-not-subject")
    if time is None or time.tzinfo is None:
        raise Undecodable("header-invalid")
    return Event(
        id=UUID(cloud.get_id()),
        type=cloud.get_type(),
        version=int(schema["version"]),
        subject=subject,
        time=time.astimezone(UTC),
        producer=cloud.get_extension("producer"),
        sequence=_count(cloud.get_extension("sequence")),
        traceparent=cloud.get_extension("traceparent"),
        data=record.value,
        replay_of=UUID(replay_of) if replay_of else None,
        replay_for=cloud.get_extension("replayfor"),
    )


def _count(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,19}", text, re.ASCII):
        raise Undecodable("header-invalid")
    return int(text)


def _subject(event: BaseCloudEvent) -> str | None:
    return event.get_subject()
