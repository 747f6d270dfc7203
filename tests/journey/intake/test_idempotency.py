"""A key sent again never stores twice, and never merges two children."""

import asyncio
from typing import Any

from tests.journey.intake.harness import OTHER_URN, URN, Intake, a_body

SECOND_CHILD = {
    "ref": "pupil-b",
    "given_name": "Ottoline",
    "family_name": "Brackenbury",
    "dob": "2013-02-02",
}


def issues(response: Any) -> set[str]:
    return {issue["issue"] for issue in response.json()["data_issues"]}


async def test_the_same_body_gets_the_same_answer(intake: Intake) -> None:
    first = await intake.post(a_body())
    again = await intake.post(a_body())
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert await intake.count("submission") == 1
    assert await intake.count("outbox") <= 1


async def test_bodies_are_compared_without_their_media_and_spacing(intake: Intake) -> None:
    first = await intake.post(a_body(attachment="data:image/png;base64," + "iVBORw0KGgo" * 400))
    again = await intake.post(a_body(attachment="data:image/png;base64," + "iVBORw0KXXX" * 500))
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json()["incident_id"] == first.json()["incident_id"]


async def test_a_changed_body_about_the_same_child_and_record_only_raises(intake: Intake) -> None:
    first = (await intake.post(a_body())).json()
    worse = a_body()
    worse["facts"]["immediate_danger"] = "yes"
    raised = await intake.post(worse)
    assert raised.status_code == 200
    assert raised.json()["incident_id"] == first["incident_id"]
    assert raised.json()["priority"] == "P0"
    assert raised.json()["concerns"][0]["child_ref"] == "pupil-a"
    assert "POLICE_999" in {action["route"] for action in raised.json()["actions"]}
    milder = a_body()
    milder["facts"] = {"concern_types": ["other"], "immediate_danger": "no"}
    lowered = await intake.post(milder)
    assert lowered.status_code == 200
    assert lowered.json()["priority"] == "P0"
    assert {"POLICE_999", "POLICE_101"} <= {a["route"] for a in lowered.json()["actions"]}
    assert await intake.count("concern") == 1
    assert await intake.count("amendment") == 2


async def test_an_amendment_sent_again_is_answered_the_same_and_not_made_twice(
    intake: Intake,
) -> None:
    await intake.post(a_body())
    changed = a_body(narrative="There is more.")
    first, again = await intake.post(changed), await intake.post(changed)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json()["actions"] == again.json()["actions"]
    assert await intake.count("amendment") == 1


async def test_a_reused_key_never_merges_two_children(intake: Intake) -> None:
    first = (await intake.post(a_body())).json()
    other = await intake.post(a_body(children=[SECOND_CHILD]))
    assert other.status_code == 201
    assert "idempotency_key_reused" in issues(other)
    assert other.json()["incident_id"] != first["incident_id"]
    assert await intake.count("concern") == 2
    # Sent again, this body too is found again.
    again = await intake.post(a_body(children=[SECOND_CHILD]))
    assert again.json() == other.json()
    assert await intake.count("concern") == 2


async def test_children_without_anything_to_tell_them_by_are_never_taken_for_the_same(
    intake: Intake,
) -> None:
    nobody = [{"ref": "pupil-a"}]
    await intake.post(a_body(children=nobody))
    other = await intake.post(a_body(children=nobody, narrative="Somebody else."))
    assert other.status_code == 201
    assert "idempotency_key_reused" in issues(other)
    assert await intake.count("concern") == 2


async def test_a_child_more_is_a_new_concern_and_no_amendment(intake: Intake) -> None:
    await intake.post(a_body())
    more = a_body()
    more["children"].append(SECOND_CHILD)
    response = await intake.post(more)
    assert response.status_code == 201
    assert len(response.json()["concerns"]) == 2
    assert "idempotency_key_reused" in issues(response)


async def test_another_record_with_the_same_key_is_a_new_concern(intake: Intake) -> None:
    await intake.post(a_body())
    response = await intake.post(a_body(source_record_id="REC-2"))
    assert response.status_code == 201
    assert "idempotency_key_reused" in issues(response)


async def test_a_missing_key_is_made_of_the_body_and_reported(intake: Intake) -> None:
    first = await intake.post(a_body(), key=None)
    again = await intake.post(a_body(), key=None)
    assert "idempotency_key_missing" in issues(first)
    assert again.json() == first.json()
    assert await intake.count("submission") == 1


async def test_a_key_belongs_to_one_client_at_one_school(intake: Intake) -> None:
    await intake.grant(urn=OTHER_URN)
    await intake.grant("mis-2", URN)
    sent = [
        await intake.post(a_body()),
        await intake.post(a_body(school={"urn": OTHER_URN})),
        await intake.post(a_body(), who=intake.mis("mis-2")),
    ]
    assert [response.status_code for response in sent] == [201] * 3
    assert len({response.json()["incident_id"] for response in sent}) == 3
    assert not any("idempotency_key_reused" in issues(response) for response in sent)


async def test_a_hundred_at_once_with_one_key_store_one_row(intake: Intake) -> None:
    responses = await asyncio.gather(*(intake.post(a_body()) for _ in range(100)))
    accepted = [response for response in responses if response.status_code == 201]
    assert accepted
    assert {response.status_code for response in responses} <= {201, 409}
    assert len({response.text for response in accepted}) == 1
    refused = [response for response in responses if response.status_code == 409]
    assert all(r.headers["retry-after"] and r.json()["emergency"] for r in refused)
    assert await intake.count("submission") == 1


async def test_the_key_itself_is_stored_nowhere(intake: Intake) -> None:
    await intake.post(a_body(), key="Zinnia-Farthingale-4711")
    rows = await intake.db.fetch("SELECT s::text AS row FROM submission s")
    assert not any("Zinnia" in row["row"] or "4711" in row["row"] for row in rows)
