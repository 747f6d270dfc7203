"""Cases about one child are seen together; what adds up is decided anew, and nothing is hidden."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2

from tests.journey.escalation.house import KENT, House, worker
from tests.journey.escalation.test_poison import again

CHILD = ["upn:a1", "address:h1"]
SLIGHT = {"concern_types": ["neglect"], "harm_level": "emerging_need", "immediate_danger": "no"}


async def say(house: House, case_id: UUID, other: UUID, state: str) -> httpx2.Response:
    version = (await house.case(worker(), case_id))["version"]
    body = {"other_id": str(other), "state": state}
    return await house.ask("POST", f"/v1/cases/{case_id}/links", worker(), body, version)


async def linked(house: House, case_id: UUID) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await house.case(worker(), case_id))["linked"]
    return found


def rules_of(case: dict[str, Any]) -> set[str]:
    return {b["rule"] for action in case["decision"]["actions"] for b in action["because"]}


async def test_a_link_says_what_the_two_cases_share(house: House) -> None:
    first = await house.raised(match_keys=CHILD)
    house.clock.advance(timedelta(days=30))
    second = await house.raised(match_keys=[*CHILD, "name_dob:n1"])
    [link] = await linked(house, second)
    assert link["case_id"] == str(first)
    assert link["shared"] == ["address", "upn"]
    assert link["relations"] == ["same_child", "same_household"]
    assert link["state"] == "suggested"


async def test_one_household_is_not_one_child(house: House) -> None:
    await house.raised(match_keys=["upn:a1", "address:h1"])
    house.clock.advance(timedelta(days=30))
    second = await house.raised(match_keys=["upn:b2", "address:h1"])
    assert [link["relations"] for link in await linked(house, second)] == [["same_household"]]
    assert "NAT-GEN-05A" not in rules_of(await house.case(worker(), second))


async def test_the_same_within_a_day_may_be_a_duplicate_and_is_still_a_case(house: House) -> None:
    await house.raised(match_keys=CHILD)
    house.clock.advance(timedelta(hours=2))
    second = await house.raised(match_keys=CHILD)
    [link] = await linked(house, second)
    assert "possible_duplicate" in link["relations"]
    assert len(await house.queue(worker())) == 2


async def test_children_of_one_incident_are_seen_together(house: House) -> None:
    incident = str(uuid4())
    await house.raised(incident_id=incident)
    second = await house.raised(incident_id=incident)
    assert [link["relations"] for link in await linked(house, second)] == [["same_incident"]]


async def test_another_slight_concern_about_one_child_is_decided_over_the_whole_story(
    house: House,
) -> None:
    await house.raised(facts=SLIGHT, match_keys=CHILD)
    house.clock.advance(timedelta(days=90))
    second = await house.raised(facts=SLIGHT, match_keys=["upn:a1"])
    rows = await house.sql("SELECT facts, decision::text FROM case_file WHERE id = $1", second)
    assert '"earlier_concerns": 1' in rows[0]["facts"]
    assert "NAT-GEN-05A" in rows[0]["decision"]


async def test_what_the_school_counted_is_kept_where_it_is_more(house: House) -> None:
    await house.raised(facts=SLIGHT, match_keys=CHILD)
    second = await house.raised(facts=SLIGHT | {"earlier_concerns": 4}, match_keys=CHILD)
    rows = await house.sql("SELECT facts FROM case_file WHERE id = $1", second)
    assert '"earlier_concerns": 4' in rows[0]["facts"]


async def test_a_pattern_of_low_level_concerns_about_one_adult_goes_to_the_lado(
    house: House,
) -> None:
    adult = [house.ref("ta-7")]
    low = {
        "concern_types": ["low_level_concern"],
        "source_of_harm": ["staff"],
        "harm_level": "none_indicated",
    }
    await house.raised(facts=low, excluded_refs=adult)
    house.clock.advance(timedelta(days=60))
    second = await house.raised(facts=low, excluded_refs=adult)
    rows = await house.sql("SELECT route FROM task WHERE case_id = $1", second)
    assert "LADO" in {row["route"] for row in rows}


async def test_a_person_confirms_a_link_and_takes_it_back(house: House) -> None:
    first = await house.raised(match_keys=CHILD)
    second = await house.raised(match_keys=CHILD)
    assert (await say(house, second, first, "confirmed")).json()["linked"][0]["state"] == (
        "confirmed"
    )
    assert [link["state"] for link in await linked(house, first)] == ["confirmed"]
    await say(house, first, second, "undone")
    assert [link["state"] for link in await linked(house, second)] == ["undone"]
    told = [event["state"] for event in await house.told("case.linked")]
    assert told == ["confirmed", "undone"]


async def test_a_person_links_what_no_key_does_and_the_case_is_raised_by_it(house: House) -> None:
    await house.raised()  # gives the worker a queue to see both from
    first = await house.raised(match_keys=["upn:old"])
    house.clock.advance(timedelta(days=10))
    neglect = {"concern_types": ["neglect"], "harm_level": "in_need"}
    second = await house.raised(facts=neglect, match_keys=["upn:new"])
    before = await house.case(worker(), second)
    answer = await say(house, second, first, "confirmed")
    assert answer.status_code == 200, answer.text
    after = await house.case(worker(), second)
    assert after["facts"]["earlier_concerns"] == 1
    assert rules_of(after) >= rules_of(before)
    assert after["priority"] <= before["priority"]


async def test_taking_a_link_back_lowers_nothing(house: House) -> None:
    first = await house.raised(match_keys=CHILD)
    house.clock.advance(timedelta(days=10))
    second = await house.raised(match_keys=CHILD)
    before = await house.case(worker(), second)
    await say(house, second, first, "undone")
    after = await house.case(worker(), second)
    assert after["decision"]["actions"] == before["decision"]["actions"]
    assert after["priority"] == before["priority"]


async def test_the_same_word_twice_is_recorded_once(house: House) -> None:
    first = await house.raised(match_keys=CHILD)
    second = await house.raised(match_keys=CHILD)
    for _ in range(2):
        assert (await say(house, second, first, "confirmed")).status_code == 200
    assert len(await house.told("case.linked")) == 1


async def test_a_case_one_may_not_see_cannot_be_linked(house: House) -> None:
    mine = await house.raised()
    hidden = await house.raised(excluded_refs=[house.ref("worker-1")])
    theirs = await house.raised(home_la=KENT, school_la=KENT, urn="999002")
    for other in (hidden, theirs, uuid4()):
        assert (await say(house, mine, other, "confirmed")).status_code == 404
    assert (await say(house, mine, mine, "confirmed")).status_code == 422


async def test_a_concern_read_by_hand_at_first_is_decided_over_the_whole_story_too(
    house: House,
) -> None:
    await house.raised(facts=SLIGHT, match_keys=CHILD)
    second = uuid4()
    told = house.concern(second, facts=SLIGHT, match_keys=CHILD)
    broken = house.record("concern.raised", second, told | {"discovered_at": "then"})
    await house.deliver(broken)
    await house.deliver(again(house, broken, told))
    [row] = await house.sql("SELECT facts, decision::text FROM case_file WHERE id = $1", second)
    assert '"earlier_concerns": 1' in row["facts"]
    assert "NAT-GEN-05A" in row["decision"]
