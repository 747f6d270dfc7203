"""What is no school's to know never stands in the way of what is."""

import json
from uuid import UUID

import pytest

from handrail.event_contracts import example_path
from shared.events.catalogue import EVENTS, TOPICS, topics_for
from shared.events.concerns import EventData
from tests.journey.intake.harness import Intake
from tests.journey.intake.test_receipts import hear, opened, raised


def example(name: str, concern_id: UUID) -> EventData:
    told = json.loads(example_path(EVENTS[name]).read_text())
    return EVENTS[name].model.model_validate(told | {"case_id": str(concern_id)})


@pytest.mark.parametrize(
    "name",
    [
        event.name
        for topic in TOPICS
        for event in topic.events
        if topic.name in topics_for("intake")
        and "intake" not in event.consumers
        and "case_id" in event.model.model_fields
    ],
)
async def test_a_decision_is_shown_after_whatever_came_before_it(intake: Intake, name: str) -> None:
    concern_id = await raised(intake)
    decided = example("case.decided", concern_id)
    await hear(
        intake,
        *opened(intake, concern_id),
        (name, example(name, concern_id)),
        ("case.decided", decided),
    )
    assert await intake.count("dead_letter") == 0
    shown = (await intake.get(f"/v1/concerns/{concern_id}")).json()
    assert shown["state"] == "decided"
