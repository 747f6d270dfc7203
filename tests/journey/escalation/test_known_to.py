"""Who is kept out of an earlier case does not learn from a later one that it exists."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

from tests.journey.escalation.house import SCHOOL, House, at_school, dsl, worker

CHILD = ["upn:a1"]
SLIGHT = {"concern_types": ["neglect"], "harm_level": "in_need", "immediate_danger": "no"}
LOW = {
    "concern_types": ["low_level_concern"],
    "source_of_harm": ["staff"],
    "harm_level": "none_indicated",
}
# What could only be there because of an earlier concern.
TELLS = ("earlier_concerns", "previous_low_level", "NAT-GEN-05A", "NAT-ADU-11", "whole chronology")


def tell_tales(shown: Any) -> list[str]:
    text = json.dumps(shown)
    return [word for word in TELLS if word in text]


async def again(house: House, **more: Any) -> UUID:
    """Another slight concern about the child, a month later."""
    house.clock.advance(timedelta(days=30))
    return await house.raised(facts=SLIGHT, match_keys=CHILD, **more)


def priorities(tasks: list[dict[str, Any]]) -> dict[str, str]:
    return {task["route"]: task["priority"] for task in tasks}


async def test_a_worker_kept_out_of_the_earlier_case_sees_the_response_and_not_its_cause(
    house: House,
) -> None:
    await house.raised(facts=SLIGHT, match_keys=CHILD, excluded_refs=[house.ref("worker-1")])
    later = await again(house)
    shown, whole = [
        await house.case(worker(account=account), later) for account in ("worker-1", "worker-2")
    ]
    assert tell_tales(shown) == []
    assert "NAT-GEN-05A" in tell_tales(whole)
    assert whole["facts"]["earlier_concerns"] == 1
    assert shown["priority"] == whole["priority"]
    assert priorities(shown["tasks"]) == priorities(whole["tasks"])
    assert all(task["because"] for task in shown["tasks"])


async def test_what_is_shown_is_what_is_shown_of_a_first_concern(house: House) -> None:
    first = await house.raised(facts=SLIGHT, match_keys=["upn:other"])
    await house.raised(facts=SLIGHT, match_keys=CHILD, excluded_refs=[house.ref("worker-1")])
    later = await house.raised(facts=SLIGHT, match_keys=CHILD)
    one, other = [await house.case(worker(), case_id) for case_id in (first, later)]
    assert one["facts"] == other["facts"]
    hubs = [next(t for t in case["tasks"] if t["route"] == "MASH") for case in (one, other)]
    assert hubs[0]["because"] == hubs[1]["because"]
    assert hubs[0]["script"] == hubs[1]["script"]


async def test_a_lead_in_conflict_in_the_earlier_case_sees_a_neutral_reason(house: House) -> None:
    await house.raised(facts=SLIGHT, match_keys=CHILD, excluded_roles=["dsl"])
    later = await again(house)
    tasks = [t for t in await house.tasks(dsl()) if t["case_id"] == str(later)]
    assert tasks
    assert tell_tales([tasks, await house.case(dsl(), later)]) == []
    deputy = at_school("deputy_dsl", "deputy-1")
    assert "NAT-GEN-05A" in tell_tales(await house.tasks(deputy))


async def test_a_reason_that_is_left_with_none_says_only_that_it_stands(house: House) -> None:
    adult = [house.ref("ta-7")]
    await house.raised(facts=LOW, excluded_refs=[*adult, house.ref("lado-1")])
    later = await house.raised(facts=LOW, excluded_refs=adult)
    lado = worker("LADO", account="lado-1")
    shown = await house.case(lado, later)
    assert tell_tales(shown) == []
    [task] = [task for task in shown["tasks"] if task["route"] == "LADO"]
    assert [reason["rule"] for reason in task["because"]] == ["STANDS"]
    whole = await house.case(worker("LADO", account="lado-2"), later)
    assert whole["facts"]["previous_low_level"] == 1


async def test_a_teacher_who_stands_in_learns_nothing_of_the_case_they_are_accused_in(
    house: House,
) -> None:
    teacher = at_school("reporter", "teacher-1")
    await house.raised(facts=SLIGHT, match_keys=CHILD, excluded_refs=[house.ref("teacher-1")])
    await again(house, reporter_ref=house.ref("teacher-1"), exclude_school_staff=True)
    tasks = await house.tasks(teacher)
    assert tasks
    assert tell_tales(tasks) == []


async def test_only_the_earlier_cases_that_one_may_know_of_are_counted(house: House) -> None:
    await house.raised(facts=SLIGHT, match_keys=CHILD, excluded_refs=[house.ref("worker-1")])
    await house.raised(facts=SLIGHT, match_keys=CHILD)
    later = await again(house)
    shown = await house.case(worker(), later)
    assert shown["facts"]["earlier_concerns"] == 1
    causes = [r for task in shown["tasks"] for r in task["because"] if r["rule"] == "NAT-GEN-05A"]
    assert {str(reason["facts"]["earlier_concerns"]) for reason in causes} == {"1"}


async def test_what_the_school_itself_told_is_told_to_all(house: House) -> None:
    await house.raised(facts=SLIGHT, match_keys=CHILD, excluded_refs=[house.ref("worker-1")])
    house.clock.advance(timedelta(days=30))
    facts = SLIGHT | {"earlier_concerns": 4}
    later = await house.raised(facts=facts, match_keys=CHILD)
    assert (await house.case(worker(), later))["facts"]["earlier_concerns"] == 4


async def test_an_amendment_neither_lowers_the_count_nor_tells_it(house: House) -> None:
    for _ in range(2):
        await house.raised(facts=SLIGHT, match_keys=CHILD, excluded_refs=[house.ref("worker-1")])
    later = await again(house)
    await house.amended(later, earlier_concerns=1)
    assert (await house.case(worker(account="worker-2"), later))["facts"]["earlier_concerns"] == 2
    assert (await house.case(worker(), later))["facts"]["earlier_concerns"] == 1


async def test_who_is_kept_out_only_later_sees_less_from_then_on(house: House) -> None:
    earlier = await house.raised(facts=SLIGHT, match_keys=CHILD)
    later = await again(house)
    assert tell_tales(await house.case(worker(), later))
    await house.amended(earlier, excluded_refs=[house.ref("worker-1")])
    assert tell_tales(await house.case(worker(), later)) == []


async def test_a_link_that_a_person_made_is_no_history_for_who_may_not_open_the_other(
    house: House,
) -> None:
    hidden = await house.raised(excluded_refs=[house.ref("worker-1")])
    case_id = await house.raised(facts=SLIGHT)
    version = (await house.case(worker(account="worker-2"), case_id))["version"]
    body = {"other_id": str(hidden), "state": "confirmed"}
    path = f"/v1/cases/{case_id}/links"
    said = await house.ask("POST", path, worker(account="worker-2"), body, version)
    assert said.status_code == 200, said.text
    shown, whole = [
        await house.case(worker(account=account), case_id) for account in ("worker-1", "worker-2")
    ]
    kinds = [{entry["kind"] for entry in case["history"]} for case in (shown, whole)]
    assert "link_confirmed" not in kinds[0]
    assert "link_confirmed" in kinds[1]
    assert tell_tales(shown) == []


async def test_an_erased_case_tells_nobody_of_the_earlier_ones(house: House) -> None:
    await house.raised(facts=SLIGHT, match_keys=CHILD)
    later = await again(house)
    at = house.clock.now().isoformat()
    told = {"concern_id": str(later), "erased_at": at, "actor_ref": house.ref("dpo-1")}
    await house.hear("concern.erased", later, **told)
    assert tell_tales(await house.case(worker(), later)) == []
    assert tell_tales(await house.case(dsl(SCHOOL), later)) == []
