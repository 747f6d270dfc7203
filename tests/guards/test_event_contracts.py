"""The event contracts stay true: schemas, examples, the AsyncAPI document, producers, consumers."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from handrail.event_contracts import (
    ASYNCAPI,
    EXAMPLES,
    asyncapi,
    breaking_changes,
    example_path,
    schema_of,
    schema_path,
)
from shared.events.catalogue import EVENTS, TOPICS, EventType
from shared.policy import yaml12

every_event = pytest.mark.parametrize("event", EVENTS.values(), ids=lambda event: event.name)
CODE = Path(__file__).parents[2]


@every_event
def test_the_checked_in_schema_is_the_models(event: EventType) -> None:
    assert json.loads(schema_path(event).read_text()) == schema_of(event)


@every_event
def test_the_example_is_an_event_of_its_schema(event: EventType) -> None:
    example = json.loads(example_path(event).read_text())
    Draft202012Validator(schema_of(event)).validate(example)
    read = event.model.model_validate(example)
    assert set(example) == set(read.model_dump())


def test_no_example_or_schema_is_left_over() -> None:
    named = {example_path(event) for event in EVENTS.values()}
    assert set(EXAMPLES.iterdir()) == named


def test_the_asyncapi_document_is_the_catalogues() -> None:
    assert ASYNCAPI.read_text() == asyncapi()
    document = yaml12.load(ASYNCAPI.read_bytes())
    assert set(document["channels"]) == {topic.name for topic in TOPICS}
    assert set(document["components"]["messages"]) == set(EVENTS)


@every_event
def test_every_event_is_produced_and_consumed_by_the_code_that_the_catalogue_names(
    event: EventType,
) -> None:
    assert event.producers, f"{event.name} has no producer"
    assert "audit-log" in event.consumers, f"{event.name} would be missing from the log"
    for service in event.producers:
        assert _mentions(service, event.name), f"{service} never produces {event.name}"
    for service in event.consumers - {"audit-log"}:
        assert _mentions(service, event.name), f"{service} never consumes {event.name}"


def _mentions(service: str, name: str) -> bool:
    folders = [CODE / "services" / service, CODE / "shared"]
    files = [f for folder in folders for f in folder.rglob("*.py") if "events" not in f.parts]
    # What is said alike for each service is written with the service's name left open.
    alike = name.replace(service.replace("-", "_"), "{source}")
    texts = [file.read_text() for file in files]
    return any(f'"{name}"' in text or f'"{alike}"' in text for text in texts)


def _changed(change: str) -> tuple[dict[str, Any], dict[str, Any]]:
    old = schema_of(EVENTS["concern.raised"])
    new = copy.deepcopy(old)
    members, required = new["properties"], new["required"]
    if change == "a required member added":
        members["extra"] = {"type": "string"}
        required.append("extra")
    elif change == "a member removed":
        del members["urn"]
        required.remove("urn")
    elif change == "a type changed":
        members["synthetic"] = {"type": "string"}
    elif change == "an enumeration widened":
        members["subject_role"]["enum"].append("adult")
    elif change == "a required member made optional":
        required.remove("synthetic")
    elif change == "an optional member added":
        members["extra"] = {"type": "string"}
    elif change == "a description reworded":
        new["description"] = "Said better."
    return old, new


@pytest.mark.parametrize(
    "change",
    [
        "a required member added",
        "a member removed",
        "a type changed",
        "an enumeration widened",
        "a required member made optional",
    ],
)
def test_an_incompatible_change_is_refused(change: str) -> None:
    assert breaking_changes(*_changed(change))


@pytest.mark.parametrize("change", ["an optional member added", "a description reworded"])
def test_a_compatible_change_passes(change: str) -> None:
    assert breaking_changes(*_changed(change)) == []
