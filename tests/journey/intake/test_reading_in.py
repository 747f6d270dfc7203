"""What a submission may look like: nothing about its data ever refuses a concern."""

import base64
import secrets
from typing import Any

import orjson

from shared.events.concerns import ConcernRaised
from tests.journey.intake.harness import CLIENT, OTHER_URN, URN, Intake, a_body


def issues(response: Any) -> dict[str, str]:
    return {issue["issue"]: issue["pointer"] for issue in response.json()["data_issues"]}


async def events(intake: Intake) -> list[ConcernRaised]:
    rows = await intake.db.fetch(
        "SELECT data FROM outbox WHERE type = 'concern.raised' ORDER BY seq"
    )
    return [ConcernRaised.model_validate_json(row["data"]) for row in rows]


async def test_the_event_says_what_was_answered(intake: Intake) -> None:
    response = await intake.post(a_body(), more={"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"})
    answer = response.json()
    (event,) = await events(intake)
    assert str(event.concern_id) == answer["concerns"][0]["concern_id"]
    assert str(event.incident_id) == answer["incident_id"]
    assert event.decision["actions"] == answer["actions"]
    assert (event.urn, event.school_la, event.synthetic) == (URN, "886", True)
    assert event.school_phase == "primary"
    assert event.facts["concern_types"] == ["fgm"]
    assert event.match_keys
    row = await intake.db.fetchrow("SELECT * FROM outbox")
    assert row["producer"].startswith("intake/lane-")
    assert row["subject"] == event.concern_id
    assert row["traceparent"] == f"00-{'a' * 32}-{'b' * 16}-01"


async def test_each_child_is_decided_alone_and_the_highest_priority_leads(intake: Intake) -> None:
    body = a_body(facts={"concern_types": ["bereavement"], "immediate_danger": "no"})
    body["children"] = [
        {"ref": "a", "given_name": "Zinnia", "family_name": "F", "dob": "2012-05-01"},
        {
            "ref": "b",
            "given_name": "Otto",
            "family_name": "B",
            "facts": {"immediate_danger": "yes"},
        },
    ]
    answer = (await intake.post(body)).json()
    first, second = answer["concerns"]
    assert (first["child_ref"], second["child_ref"]) == ("a", "b")
    assert second["priority"] == answer["priority"] == "P0"
    assert first["priority"] > "P0"
    assert {a["subject"] for a in answer["actions"] if a["route"] == "POLICE_999"} == {"child-2"}
    assert len(await events(intake)) == 2


async def test_a_child_who_harmed_is_a_subject_too(intake: Intake) -> None:
    body = a_body(facts={"concern_types": ["child_on_child_sexual_violence"]})
    body["people"] = [{"ref": "p-1", "role": "child_who_harmed", "age_years": 15}]
    concerns = (await intake.post(body)).json()["concerns"]
    assert [one["subject_role"] for one in concerns] == ["child", "child_who_harmed"]


async def test_nonsense_is_accepted_reported_and_answered_with_care(intake: Intake) -> None:
    response = await intake.post(
        {"school": {"urn": URN}, "children": "?", "facts": [1, 2], "reporter": 7}
    )
    assert response.status_code == 201
    assert response.json()["priority"] <= "P1"
    assert issues(response)


async def test_plain_words_are_read_and_said_so(intake: Intake) -> None:
    body = a_body()
    body["facts"]["immediate_danger"] = "No"
    body["facts"]["disabled"] = True
    response = await intake.post(body)
    assert response.json()["priority"] == "P1"
    assert "read_as" in issues(response)


async def test_a_missing_urn_is_the_clients_only_school(intake: Intake) -> None:
    body = a_body()
    del body["school"]
    response = await intake.post(body)
    assert response.status_code == 201
    assert {"urn_missing", "urn_from_client"} <= issues(response).keys()
    assert (await events(intake))[0].urn == URN


async def test_a_client_of_several_schools_is_accepted_into_quarantine(intake: Intake) -> None:
    await intake.grant(urn=OTHER_URN)
    response = await intake.post(a_body(school={"urn": "99"}))
    assert response.status_code == 201
    assert "urn_shape" in issues(response)
    (event,) = await events(intake)
    assert event.quarantined
    assert event.school_phase is None
    assert event.urn is None
    again = await intake.post(a_body(school={"urn": "99"}))
    assert again.headers["idempotent-replayed"] == "true"


async def test_a_school_that_is_not_in_the_register_is_an_issue(intake: Intake) -> None:
    await intake.grant("mis-9", "999050")
    response = await intake.post(a_body(school={"urn": "999050"}), who=intake.mis("mis-9"))
    assert response.status_code == 201
    assert "school_not_in_register" in issues(response)
    assert (await events(intake))[0].school_la is None


async def test_an_authority_that_is_not_the_registers_is_an_issue_and_does_not_count(
    intake: Intake,
) -> None:
    response = await intake.post(a_body(school={"urn": URN, "la": "926"}))
    assert response.status_code == 201
    assert issues(response)["school_la_differs"] == "/school/la"
    assert (await events(intake))[0].school_la == "886"
    same = await intake.post(a_body(school={"urn": URN, "local_authority": "Kent"}), key="key-2")
    assert "school_la_differs" not in issues(same)


async def test_media_are_dropped_and_the_answer_says_what_to_do_with_the_device(
    intake: Intake,
) -> None:
    picture = base64.b64encode(secrets.token_bytes(3_000_000)).decode()
    body = orjson.dumps(a_body(narrative=f"She showed me this: data:image/jpeg;base64,{picture} ."))
    response = await intake.post(body)
    assert response.status_code == 201
    assert response.json()["dropped_media"] == 1
    assert "hand it to the police" in response.json()["device"]
    stored = await intake.db.fetchval("SELECT length(sealed_raw) FROM submission")
    assert stored < 10_000


async def test_the_clock_is_ours_and_not_the_senders(intake: Intake) -> None:
    response = await intake.post(a_body(discovered_at="2031-01-01T10:00:00Z"))
    assert "in_the_future" in issues(response)
    assert response.json()["received_at"].startswith("2026-11-24T10:00:00")
    assert (await events(intake))[0].discovered_at is None


async def test_a_batch_takes_each_concern_alone(intake: Intake) -> None:
    items = [
        {**a_body(), "idempotency_key": "one"},
        {**a_body(school={"urn": OTHER_URN}), "idempotency_key": "two"},
        {**a_body(), "idempotency_key": "one"},
        "a story without any form",
    ]
    response = await intake.post({"concerns": items}, key=None, path="/v1/concerns/batch")
    results = response.json()["results"]
    assert response.status_code == 200
    assert [result["status"] for result in results] == [201, 403, 201, 201]
    assert results[0]["answer"] == results[2]["answer"]
    assert results[1]["problem"]["emergency"]
    assert await intake.count("submission") == 2


async def test_an_empty_batch_is_refused(intake: Intake) -> None:
    response = await intake.post({"concerns": []}, path="/v1/concerns/batch")
    assert response.status_code == 400
    assert response.json()["emergency"]


async def test_a_persons_own_school_needs_no_grant_row(intake: Intake) -> None:
    response = await intake.post(a_body(), who=intake.person("dsl"))
    assert response.status_code == 201
    (event,) = await events(intake)
    assert event.reporter_ref
    assert await intake.db.fetchval("SELECT submitted_by FROM submission") == event.reporter_ref
    assert CLIENT not in (await intake.db.fetchval("SELECT client FROM submission"))
