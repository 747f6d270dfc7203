"""A concern becomes one case with a task for each who must act."""

from uuid import uuid4

from shared.telemetry import REGISTRY
from tests.journey.escalation.house import KENT, LUTON, NORFOLK, House, dsl, worker


async def test_a_concern_becomes_a_case_with_a_task_in_the_hubs_queue(house: House) -> None:
    case_id = await house.raised()
    row = (await house.queue(worker()))[0]
    assert row["case_id"] == str(case_id)
    assert (row["route"], row["la"], row["priority"]) == ("MASH", LUTON, "P1")
    assert row["concern_types"] == ["physical"]
    assert row["age_band"] == "5 to 9"
    assert row["has_it"] is None


async def test_the_same_event_twice_makes_one_case(house: House) -> None:
    concern_id = uuid4()
    record = house.record("concern.raised", concern_id, house.concern(concern_id))
    await house.deliver(record)
    await house.deliver(record, record)
    assert len(await house.queue(worker())) == 1
    assert len(await house.told("case.opened")) == 1


async def test_a_concern_driven_again_as_a_new_event_joins_its_case(house: House) -> None:
    concern_id = await house.raised()
    before = await house.queue(worker())
    await house.raised(concern_id)
    assert [row["task_id"] for row in await house.queue(worker())] == [
        row["task_id"] for row in before
    ]
    assert len(await house.told("case.opened")) == 1


async def test_each_task_is_told_with_its_owner_and_its_rules(house: House) -> None:
    case_id = await house.raised()
    opened = await house.told("task.opened")
    assert {event["route"] for event in opened} >= {"MASH"}
    assert all(event["rules"] and event["case_id"] == str(case_id) for event in opened)
    hub = next(event for event in opened if event["route"] == "MASH")
    assert hub["owner_role"] == "team"


async def test_advice_that_was_given_stays_even_where_the_rules_ask_less(house: House) -> None:
    advised = {
        "priority": "P0",
        "actions": [
            {
                "route": "POLICE_999",
                "subject": "child-1",
                "la": LUTON,
                "priority": "P0",
                "certainty": "certain",
                "by": "now",
                "owner": "whoever is with the child",
                "owner_role": "with_child",
                "channel": "PHONE_ONLY",
                "contact": {"phone": "999"},
                "script": "Ring 999 now.",
                "because": [{"rule": "OLD-1", "title": "", "cite": "", "facts": {}}],
            }
        ],
    }
    await house.raised(decision=advised)
    routes = {task["route"]: task for task in await house.tasks(dsl())}
    assert routes["POLICE_999"]["priority"] == "P0"
    assert (await house.queue(worker()))[0]["route"] == "MASH"


async def test_where_the_hub_takes_calls_only_it_sees_that_it_awaits_one(house: House) -> None:
    await house.raised(school_la=NORFOLK, home_la=NORFOLK)
    row = (await house.queue(worker(la=NORFOLK)))[0]
    assert row["awaiting_school_call"]
    assert row["channel"] == "PHONE_ONLY"
    assert "MASH" in {task["route"] for task in await house.tasks(dsl())}


async def test_a_child_who_lives_elsewhere_is_in_that_authoritys_queue(house: House) -> None:
    await house.raised(school_la=LUTON, home_la=KENT)
    assert await house.queue(worker()) == []
    assert len(await house.queue(worker(la=KENT))) == 1


async def test_a_task_of_an_unknown_authority_is_in_every_authoritys_queue(house: House) -> None:
    await house.raised(school_la=None, home_la=None, urn=None)
    opened = await house.told("task.opened")
    assert any(event["route"] == "MASH" and event["la"] is None for event in opened)
    assert len(await house.queue(worker())) == 1
    assert len(await house.queue(worker(la=KENT))) == 1


async def test_an_authority_without_contacts_is_an_alarm_to_the_operator(house: House) -> None:
    def alarms() -> float:
        labels = {"code": "directory_missing"}
        return REGISTRY.get_sample_value("handrail_operator_alarms_total", labels) or 0

    before = alarms()
    await house.raised(home_la="383", school_la="383")
    assert alarms() > before
