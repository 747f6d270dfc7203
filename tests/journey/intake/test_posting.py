"""A concern that is posted is stored, told of, and answered with what to do now."""

from typing import Any

from tests.journey.intake.harness import Intake, a_body


async def test_a_concern_is_stored_with_its_event_and_answered_with_advice(intake: Intake) -> None:
    response = await intake.post(a_body())
    assert response.status_code == 201, response.text
    answer: dict[str, Any] = response.json()
    concern = answer["concerns"][0]
    assert response.headers["location"] == concern["status_url"]
    assert concern["child_ref"] == "pupil-a"
    routes = {action["route"]: action for action in answer["actions"]}
    assert routes["POLICE_101"]["subject"] == "child-1"
    assert "MASH" in routes
    assert await intake.count("submission") == 1
    assert await intake.count("concern") == 1
