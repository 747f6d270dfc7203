"""`handrail events`: writes the schemas and the AsyncAPI document, and holds them to the code."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
import yaml

import shared.events
from shared.events.catalogue import EVENTS, TOPICS, EventType

PLACE = Path(shared.events.__file__).parent
ASYNCAPI = PLACE / "asyncapi.yaml"
EXAMPLES = PLACE / "examples"

events_app = typer.Typer(no_args_is_help=True, help="The contracts of the events.")


def schema_path(event: EventType) -> Path:
    return PLACE / "schemas" / event.name / f"{event.version}.json"


def schema_of(event: EventType) -> dict[str, Any]:
    """The JSON Schema of the event's data as the model now has it."""
    schema = event.model.model_json_schema(mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"/schemas/{event.name}/{event.version}.json",
        **schema,
    }


def _written(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def breaking_changes(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Why records or readers of the old schema would not get along with the new one.

    Only an optional member may be added: topics hold old records for weeks, and an old reader may
    run beside a new writer. Everything else needs a new version of the event.
    """
    faults = []
    old_members, new_members = _members(old), _members(new)
    for place, schema in old_members.items():
        if place not in new_members:
            faults.append(f"{place} is gone")
        elif schema != new_members[place]:
            faults.append(f"{place} means something else")
    faults += [f"{place} is required now" for place in sorted(_required(new) - _required(old))]
    faults += [f"{place} is optional now" for place in sorted(_required(old) - _required(new))]
    return faults


def _objects(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "", schema
    yield from schema.get("$defs", {}).items()


def _members(schema: dict[str, Any]) -> dict[str, Any]:
    return {
        f"{name}/{member}": _bare(meaning)
        for name, part in _objects(schema)
        for member, meaning in part.get("properties", {}).items()
    }


def _required(schema: dict[str, Any]) -> set[str]:
    return {
        f"{name}/{member}" for name, part in _objects(schema) for member in part.get("required", ())
    }


def _bare(schema: Any) -> Any:
    """Without what only people read."""
    if isinstance(schema, dict):
        said = ("description", "title", "default")
        return {key: _bare(value) for key, value in schema.items() if key not in said}
    return [_bare(item) for item in schema] if isinstance(schema, list) else schema


def asyncapi() -> str:
    """The AsyncAPI 3 document of every topic, generated from the catalogue."""
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Handrail events",
            "version": "1",
            "description": "CloudEvents 1.0 in Kafka binary mode; the key is the concern's id. "
            "Personal details travel only in members named sealed_….",
        },
        "defaultContentType": "application/json",
        "channels": {
            topic.name: {
                "address": topic.name,
                "description": f"{topic.partitions} partitions, kept {topic.retention.days} days.",
                "messages": {
                    event.name: {"$ref": f"#/components/messages/{event.name}"}
                    for event in topic.events
                },
            }
            for topic in TOPICS
        },
        "operations": _operations(),
        "components": {"messages": {event.name: _message(event) for event in EVENTS.values()}},
    }
    return str(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100))


def _operations() -> dict[str, Any]:
    operations = {}
    for topic in TOPICS:
        for action in ("send", "receive"):
            for service in ("intake", "escalation", "notify", "audit-log"):
                messages = [
                    {"$ref": f"#/channels/{topic.name}/messages/{event.name}"}
                    for event in topic.events
                    if service in (event.producers if action == "send" else event.consumers)
                ]
                if messages:
                    operations[f"{service}.{action}.{topic.name}"] = {
                        "action": action,
                        "channel": {"$ref": f"#/channels/{topic.name}"},
                        "messages": messages,
                    }
    return operations


def _message(event: EventType) -> dict[str, Any]:
    return {
        "name": event.name,
        "title": (event.model.__doc__ or "").strip().splitlines()[0],
        "contentType": "application/json",
        "bindings": {"kafka": {"key": {"type": "string", "format": "uuid"}}},
        "payload": {"$ref": f"./schemas/{event.name}/{event.version}.json"},
        "examples": [{"payload": json.loads(example_path(event).read_text())}],
    }


def example_path(event: EventType) -> Path:
    return EXAMPLES / f"{event.name}.{event.version}.json"


@events_app.command()
def write() -> None:
    """Write the schemas and the AsyncAPI document. Refuses a change that needs a new version."""
    for event in EVENTS.values():
        path, schema = schema_path(event), schema_of(event)
        faults = breaking_changes(json.loads(path.read_text()), schema) if path.exists() else []
        if faults:
            typer.echo(
                f"{event.name} version {event.version} would break its readers: "
                f"{'; '.join(faults)}. Raise its version in shared/events/catalogue.py.",
                err=True,
            )
            raise typer.Exit(1)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_written(schema))
    ASYNCAPI.write_text(asyncapi())


@events_app.command()
def check() -> None:
    """Fail where the checked-in contracts are not those of the code."""
    stale = [e.name for e in EVENTS.values() if not _is_current(e)]
    if not ASYNCAPI.exists() or ASYNCAPI.read_text() != asyncapi():
        stale.append(ASYNCAPI.name)
    if stale:
        typer.echo(f"Out of date: {', '.join(stale)}. Run `handrail events write`.", err=True)
        raise typer.Exit(1)


def _is_current(event: EventType) -> bool:
    path = schema_path(event)
    return path.exists() and path.read_text() == _written(schema_of(event))
