"""What is said later: amendments, and requests to tell others."""

import asyncio
import json
from typing import Any
from uuid import UUID

import pytest

from intake.privacy import erase
from shared.events.concerns import ConcernAmended
from shared.outbox import commit
from shared.sealing import account_ref
from tests.journey.intake.harness import URN, Intake, a_body

TELL = "/v1/disclosure-requests"


async def amendments(intake: Intake) -> list[ConcernAmended]:
    rows = await intake.db.fetch("SELECT data FROM outbox WHERE type = 'concern.amended'")
    return [ConcernAmended.model_validate_json(row["data"]) for row in rows]


async def raised(intake: Intake, **changes: Any) -> str:
    response = await intake.post(a_body(**changes))
    concern: str = response.json()["concerns"][0]["concern_id"]
    return concern


async def amend(intake: Intake, concern: str, body: Any, who: Any = None) -> Any:
    return await intake.post(body, key=None, path=f"/v1/concerns/{concern}/amendments", who=who)


async def test_an_amendment_needs_only_what_is_new_and_raises(intake: Intake) -> None:
    concern = await raised(intake)
    response = await amend(intake, concern, {"facts": {"immediate_danger": "yes"}})
    assert response.status_code == 200
    assert response.json()["priority"] == "P0"
    assert response.json()["data_issues"] == []
    (event,) = await amendments(intake)
    assert event.facts["immediate_danger"] == "yes"
    assert event.facts["concern_types"] == ["fgm"]
    assert event.decision["priority"] == "P0"
    now = (await intake.get(f"/v1/concerns/{concern}")).json()
    assert now["priority"] == "P0"


async def test_an_amendment_lowers_nothing(intake: Intake) -> None:
    concern = await raised(intake)
    before = (await intake.get(f"/v1/concerns/{concern}")).json()
    milder = {"facts": {"immediate_danger": "no", "harm_level": "none_indicated", "age_years": 40}}
    after = (await amend(intake, concern, milder)).json()
    assert after["priority"] <= before["priority"]
    routes = {action["route"]: action["by"] for action in after["actions"]}
    for action in before["actions"]:
        assert routes[action["route"]] <= action["by"] or routes[action["route"]] == "now"


async def test_the_same_amendment_is_made_once_however_often_it_is_sent(intake: Intake) -> None:
    concern = await raised(intake)
    said = {"narrative": "There is more to say."}
    answers = await asyncio.gather(*(amend(intake, concern, said) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(await amendments(intake)) == 1


async def test_several_amendments_at_once_all_count(intake: Intake) -> None:
    concern = await raised(intake)
    await asyncio.gather(*(amend(intake, concern, {"narrative": f"{n}"}) for n in range(5)))
    rows = await intake.db.fetch("SELECT number FROM amendment ORDER BY number")
    assert [row["number"] for row in rows] == [1, 2, 3, 4, 5]
    counted = await intake.db.fetch(
        "SELECT sequence FROM outbox WHERE producer = 'intake' ORDER BY seq"
    )
    assert [row["sequence"] for row in counted] == [1, 2, 3, 4, 5]


async def test_one_who_may_not_see_a_concern_cannot_amend_it(intake: Intake) -> None:
    concern = await raised(intake)
    await intake.grant("mis-2", URN)
    for who in (intake.mis("mis-2"), intake.person("reporter"), intake.person("head", "999002")):
        assert (await amend(intake, concern, {"narrative": "x"}, who)).status_code == 404


async def test_general_advice_about_nothing_that_happened_may_go_out_as_a_template(
    intake: Intake,
) -> None:
    asked = {
        "school": {"urn": URN},
        "audience": "all_parents",
        "facts": {"case_facts_in_text": "no", "police_investigation": "none"},
    }
    response = await intake.post(asked, path=TELL, who=intake.person("head"))
    assert response.status_code == 201, response.text
    answer = response.json()
    assert answer["gate"]["state"] == "ALLOW_TEMPLATE"
    assert {action["route"] for action in answer["actions"]} == {"EST"}
    assert answer["data_issues"] == []


async def test_a_warning_to_other_schools_is_held_and_the_child_still_referred(
    intake: Intake,
) -> None:
    body = a_body(disclosure_request="other_schools")
    body["facts"] = {
        "concern_types": ["other"],
        "harm_level": "suspected_significant",
        "police_investigation": "unknown",
        "disclosure_request": "other_schools",
    }
    answer = (await intake.post(body, who=intake.person("head"))).json()
    assert answer["gate"]["state"] == "HOLD"
    assert {"EST", "POLICE"} <= set(answer["gate"]["needs"])
    assert {"POLICE_101", "MASH", "EST"} <= {action["route"] for action in answer["actions"]}


@pytest.mark.parametrize("audience", ["press", "website_social", "foi", None, "everybody"])
async def test_the_public_is_never_told(intake: Intake, audience: str | None) -> None:
    asked = {"school": {"urn": URN}, "audience": audience, "narrative": "May we?"}
    response = await intake.post(asked, path=TELL, who=intake.person("head"))
    assert response.json()["gate"]["state"] == "DENY"


async def test_a_request_about_a_concern_belongs_to_that_concern(intake: Intake) -> None:
    concern = await raised(intake)
    asked = {"concern_id": concern, "audience": "other_schools"}
    response = await intake.post(asked, path=TELL, who=intake.person("head"))
    assert response.status_code == 200
    assert response.json()["gate"]["state"] == "HOLD"
    assert "EST" in {action["route"] for action in response.json()["actions"]}
    (event,) = await amendments(intake)
    assert str(event.concern_id) == concern
    assert json.loads(event.model_dump_json())["facts"]["disclosure_request"] == "other_schools"


async def test_a_request_about_a_concern_one_may_not_see_is_not_found(intake: Intake) -> None:
    concern = await raised(intake)
    asked = {"concern_id": concern, "audience": "other_schools"}
    stranger = intake.person("head", "999002")
    assert (await intake.post(asked, path=TELL, who=stranger)).status_code == 404


ACCUSED = {"people": [{"role": "subject_of_allegation", "staff_ref": "S-17"}]}


async def test_whom_an_amendment_accuses_is_told_to_those_who_must_keep_them_out(
    intake: Intake,
) -> None:
    head = intake.person("head")
    given = {"role": "dsl", "urn": URN, "account": "dsl-17", "staff_ref": "S-17"}
    assert (await intake.post(given, key=None, path="/v1/grants", who=head)).status_code == 201
    concern = await raised(intake)
    accused = intake.person("dsl", account="dsl-17")
    assert (await intake.get(f"/v1/concerns/{concern}", accused)).status_code == 200
    assert (await amend(intake, concern, ACCUSED)).status_code == 200
    (event,) = await amendments(intake)
    assert account_ref(intake.desk.runtime.secret, "dsl-17") in event.excluded_refs
    assert not event.exclude_school_staff
    assert (await intake.get(f"/v1/concerns/{concern}", accused)).status_code == 404


async def test_amendments_at_once_keep_out_everyone_that_either_names(intake: Intake) -> None:
    concern = await raised(intake)
    several = [
        {"people": [{"role": "subject_of_allegation", "staff_ref": f"S-{n}"}]} for n in range(6)
    ]
    who = intake.person("dsl")
    answers = await asyncio.gather(*(amend(intake, concern, one, who) for one in several))
    # The first that is stored hides the concern from the lead, so later ones may find nothing.
    stored = [one.status_code for one in answers].count(200)
    events = await amendments(intake)
    assert len(events) == stored >= 1
    row = await intake.db.fetchrow("SELECT excluded_refs FROM submission")
    named = {ref for event in events for ref in event.excluded_refs}
    assert set(json.loads(row["excluded_refs"])) == named


async def test_what_is_said_while_a_concern_is_erased_is_not_kept(intake: Intake) -> None:
    concern = await raised(intake)
    async with intake.desk.runtime.sessions() as session:
        await erase(session, UUID(concern), "dpo", intake.desk.runtime.clock.now())
        waiting = asyncio.create_task(amend(intake, concern, {"narrative": "more"}))
        await asyncio.sleep(0.3)  # it waits for the erasure's lock; if it does not, it comes after
        await commit(session)
    assert (await waiting).status_code == 410
    assert await intake.count("amendment") == 0
