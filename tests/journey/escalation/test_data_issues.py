"""What was read with doubt is put before a person, and holds nothing up."""

from typing import Any

from shared.telemetry import REGISTRY
from tests.journey.escalation.house import KENT, LUTON, NORFOLK, House, dsl, worker

DOUBT = {"pointer": "/children/0/dob", "issue": "age_contradiction"}
READ = {"pointer": "/facts", "issue": "read_as"}


def flags(rows: list[dict[str, Any]]) -> dict[str, bool]:
    return {row["route"]: row["check_data"] for row in rows}


async def test_doubtful_data_are_the_leads_to_look_at(house: House) -> None:
    case_id = await house.raised(data_issues=[READ, DOUBT])
    assert flags(await house.tasks(dsl()))["DSL"]
    assert flags(await house.queue(worker())) == {"MASH": False}
    issues = (await house.case(dsl(), case_id))["data_issues"]
    assert issues[1] == DOUBT | {
        "detail": "Age and date of birth disagree; the younger age was taken."
    }


async def test_data_that_were_read_well_ask_nobody_to_look(house: House) -> None:
    await house.raised(data_issues=[READ])
    assert not any(flags(await house.tasks(dsl())).values())


async def test_a_doubt_of_a_newer_kind_is_not_taken_for_harmless(house: House) -> None:
    case_id = await house.raised(data_issues=[{"pointer": "", "issue": "thought_of_later"}])
    assert flags(await house.tasks(dsl()))["DSL"]
    assert (await house.case(dsl(), case_id))["data_issues"][0]["detail"]


async def test_once_the_lead_has_acknowledged_the_look_is_done(house: House) -> None:
    await house.raised(data_issues=[DOUBT])
    task = next(row for row in await house.tasks(dsl()) if row["check_data"])
    path = f"/v1/tasks/{task['task_id']}/acknowledge"
    done = await house.ask("POST", path, dsl(), {"reference": "seen"}, task["version"])
    assert done.status_code == 200, done.text
    assert not any(flags(await house.tasks(dsl(), "all")).values())


def quarantined(**more: Any) -> dict[str, Any]:
    calm = {"concern_types": ["other"], "harm_level": "none"}
    return {"urn": None, "quarantined": True, "school_la": None, "facts": calm} | more


async def test_a_concern_of_no_known_school_is_a_task_of_every_hub(house: House) -> None:
    def alarms() -> float:
        labels = {"code": "quarantined"}
        return REGISTRY.get_sample_value("handrail_operator_alarms_total", labels) or 0

    before = alarms()
    case_id = await house.raised(**quarantined(home_la=None))
    for la in (LUTON, KENT):
        row = next(row for row in await house.queue(worker(la=la)) if row["check_data"])
        assert (row["case_id"], row["la"]) == (str(case_id), None)
    assert alarms() == before + 1
    assert (await house.case(worker(), case_id))["quarantined"]


async def test_the_childs_hub_can_finish_what_it_has_sorted(house: House) -> None:
    case_id = await house.raised(**quarantined(home_la=NORFOLK))
    assert await house.queue(worker()) == []
    hub = worker(la=NORFOLK)
    row = next(row for row in await house.queue(hub) if row["check_data"])
    assert not row["awaiting_school_call"]
    done = await house.ask(
        "POST",
        f"/v1/tasks/{row['task_id']}/acknowledge",
        hub,
        {"reference": "rang the school"},
        row["version"],
    )
    assert done.status_code == 200, done.text
    assert str(case_id) == done.json()["case_id"]


async def test_a_quarantined_concern_driven_again_is_one_task_for_the_hub(house: House) -> None:
    case_id = await house.raised(**quarantined(home_la=LUTON))
    await house.raised(case_id, **quarantined(home_la=LUTON))
    assert [row["check_data"] for row in await house.queue(worker())] == [True]


async def test_the_hubs_own_task_says_that_no_school_is_known(house: House) -> None:
    case_id = await house.raised(urn=None, quarantined=True)
    tasks = (await house.case(worker(), case_id))["tasks"]
    (hub,) = [task for task in tasks if task["route"] == "MASH"]
    assert "QUARANTINED" in {reason["rule"] for reason in hub["because"]}
