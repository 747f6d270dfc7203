"""One shift hands its queue to the next by name: nothing lies between two people."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx2

from escalation.shift.late import tell_untaken
from tests.journey.escalation.house import KENT, House, worker

ANNA, BEN = worker(account="anna"), worker(account="ben")
NIA, NED = worker("EDT", account="nia"), worker("EDT", account="ned")
EVENING = datetime(2026, 11, 24, 21, 0, tzinfo=UTC)
MORNING = datetime(2026, 11, 25, 9, 5, tzinfo=UTC)
LOW = {"harm_level": "emerging_need", "concern_types": ["neglect"], "consent": "given"}
DANGER = {"immediate_danger": "yes"}


async def brief(house: House, who: dict[str, Any], path: str = "") -> Any:
    path = path or f"/v1/queues/{who['route']}/brief?la={who['la']}"
    answer = await house.ask("GET", path, who)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def why(house: House, who: dict[str, Any], case_id: UUID) -> list[str]:
    items = (await brief(house, who))["items"]
    return next(item["why"] for item in items if item["case_id"] == str(case_id))


async def give(house: House, who: dict[str, Any], to: str) -> httpx2.Response:
    return await house.ask("POST", f"/v1/queues/{who['route']}/hand-over?la=821", who, {"to": to})


async def take(house: House, who: dict[str, Any], handover_id: str) -> httpx2.Response:
    return await house.ask("POST", f"/v1/handovers/{handover_id}/take", who)


async def handovers(house: House, who: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await house.ask("GET", "/v1/handovers", who)).json()
    return found


async def night(house: House, **more: Any) -> UUID:
    """A concern of the evening, which the night team has."""
    house.clock.set(EVENING)
    return await house.raised(**more)


async def open_tasks(house: House, case_id: UUID, route: str) -> list[dict[str, Any]]:
    rows = await house.sql(
        "SELECT * FROM task WHERE case_id = $1 AND route = $2 AND closed_at IS NULL "
        "AND kind <> 'clock'",
        case_id,
        route,
    )
    return [dict(row) for row in rows]


async def test_a_brief_says_what_is_red_what_is_life_and_what_expires_before_the_next_opening(
    house: House,
) -> None:
    plain, red, life = [
        await house.raised(facts=facts) for facts in ({}, {"consent": "given"}, DANGER)
    ]
    version = (await house.case(ANNA, red))["version"]
    await house.ask("POST", f"/v1/cases/{red}/rate", ANNA, {"rating": "red"}, version)
    assert "red" in await why(house, ANNA, red)
    assert "red" not in await why(house, ANNA, plain)
    assert "life" in await why(house, ANNA, life)
    found = await brief(house, ANNA)
    assert found["until"] == "2026-11-25T09:00:00Z"
    await house.sql("UPDATE task SET by = '2026-11-25T08:00:00Z' WHERE case_id = $1", plain)
    assert await why(house, ANNA, plain) == ["expires"]
    house.clock.set(datetime(2026, 11, 25, 8, 10, tzinfo=UTC))
    assert await why(house, ANNA, plain) == ["overdue"]


async def test_a_promised_call_is_in_the_brief(house: House) -> None:
    unsure = await house.raised(facts={"immediate_danger": "unknown"})
    assert "promised_call" in await why(house, ANNA, unsure)


async def test_what_is_read_by_hand_is_in_the_brief(house: House) -> None:
    case_id = await house.raised()
    await house.sql("UPDATE case_file SET unprocessed = true WHERE id = $1", case_id)
    assert (await why(house, ANNA, case_id))[0] == "read_by_hand"


async def test_a_case_in_conflict_is_not_in_the_brief(house: House) -> None:
    await house.raised(excluded_refs=[house.ref("anna")])
    assert (await brief(house, ANNA))["items"] == []
    assert len((await brief(house, BEN))["items"]) == 1


async def test_until_it_is_taken_by_name_a_queue_is_the_givers(house: House) -> None:
    case_id = await night(house)
    given = (await give(house, NIA, "MASH")).json()
    assert (given["cases"], given["mine_to_take"], given["taken_at"]) == (1, False, None)
    assert await open_tasks(house, case_id, "EDT")
    assert [one["id"] for one in await handovers(house, ANNA)] == [given["id"]]
    house.clock.set(MORNING)
    taken = await take(house, ANNA, given["id"])
    assert taken.status_code == 200, taken.text
    assert not await open_tasks(house, case_id, "EDT")
    assert await handovers(house, ANNA) == []
    (told,) = await house.told("shift.handed_over")
    assert (told["taken_by_ref"], told["cases"]) == (house.ref("anna"), 1)


async def test_a_case_that_only_the_night_team_had_is_the_days_to_decide(house: House) -> None:
    case_id = await night(house)
    await house.sql("UPDATE task SET closed_at = now() WHERE route = 'MASH'")
    given = (await give(house, NIA, "MASH")).json()
    house.clock.set(MORNING)
    await take(house, ANNA, given["id"])
    (task,) = await open_tasks(house, case_id, "MASH")
    assert (task["kind"], task["priority"]) == ("handover", "P1")
    version = (await house.case(ANNA, case_id))["version"]
    body = {"outcome": "ADVICE"}
    decided = await house.ask("POST", f"/v1/cases/{case_id}/decide", ANNA, body, version)
    assert decided.status_code == 200, decided.text
    assert decided.json()["outcome"] == "ADVICE"


async def test_a_call_that_nobody_has_confirmed_does_not_end_with_the_night(house: House) -> None:
    case_id = await night(house, facts=DANGER)
    await house.sql("UPDATE task SET priority = 'P0' WHERE route = 'EDT'")
    await house.sql("UPDATE task SET closed_at = now() WHERE route = 'MASH'")
    given = (await give(house, NIA, "MASH")).json()
    await take(house, ANNA, given["id"])
    assert await open_tasks(house, case_id, "EDT")
    (task,) = await open_tasks(house, case_id, "MASH")
    assert task["priority"] == "P0"


async def test_taking_twice_changes_nothing_and_a_colleague_is_told_that_it_is_taken(
    house: House,
) -> None:
    await house.raised()
    given = (await give(house, ANNA, "MASH")).json()
    first = (await take(house, ANNA, given["id"])).json()
    house.clock.advance(timedelta(minutes=5))
    assert (await take(house, ANNA, given["id"])).json() == first
    late = await take(house, BEN, given["id"])
    assert (late.status_code, late.json()["code"]) == (409, "taken")
    assert len(await house.told("shift.handed_over")) == 1


async def test_two_who_take_at_once_take_it_once(house: House) -> None:
    await house.raised()
    given = (await give(house, ANNA, "MASH")).json()
    answers = await asyncio.gather(*(take(house, who, given["id"]) for who in (ANNA, BEN)))
    assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_a_queue_given_again_is_one_handover_with_what_came_since(house: House) -> None:
    await house.raised()
    first = (await give(house, ANNA, "EDT")).json()
    house.clock.advance(timedelta(minutes=10))
    await house.raised()
    again = (await give(house, BEN, "EDT")).json()
    assert (again["id"], again["cases"]) == (first["id"], 2)
    assert again["late_from"] == first["late_from"]


async def test_two_who_give_at_once_give_it_once(house: House) -> None:
    await house.raised()
    answers = await asyncio.gather(*(give(house, who, "EDT") for who in (ANNA, BEN) * 2))
    assert len({answer.json()["id"] for answer in answers}) == 1


async def test_a_case_in_conflict_is_in_no_count_and_waits_for_a_colleague(house: House) -> None:
    await house.raised()
    hidden = await house.raised(excluded_refs=[house.ref("anna")])
    given = (await give(house, ANNA, "MASH")).json()
    assert given["cases"] == 1
    assert (await handovers(house, BEN))[0]["cases"] == 2
    assert (await take(house, ANNA, given["id"])).json()["cases"] == 1
    assert await handovers(house, ANNA) == []
    (left,) = await handovers(house, BEN)
    assert (left["cases"], left["late_from"]) == (1, given["late_from"])
    items = (await brief(house, BEN, f"/v1/handovers/{left['id']}/brief"))["items"]
    assert [item["case_id"] for item in items] == [str(hidden)]
    for path in ("/take", "/brief"):
        method = "POST" if path == "/take" else "GET"
        answer = await house.ask(method, f"/v1/handovers/{left['id']}{path}", ANNA)
        assert answer.status_code == 404
    assert (await take(house, BEN, left["id"])).status_code == 200


async def test_the_taker_reads_what_was_given_before_taking_it(house: House) -> None:
    case_id = await night(house)
    given = (await give(house, NIA, "MASH")).json()
    later = await night(house)
    items = (await brief(house, ANNA, f"/v1/handovers/{given['id']}/brief"))["items"]
    assert [item["case_id"] for item in items] == [str(case_id)]
    assert str(later) not in str(items)


async def test_a_queue_goes_to_its_own_next_shift_or_between_hub_and_night_team(
    house: House,
) -> None:
    answer = await give(house, ANNA, "LADO")
    assert (answer.status_code, answer.json()["code"]) == (422, "not-the-next-shift")
    kent = worker(la=KENT)
    given = (await give(house, ANNA, "MASH")).json()
    assert given["cases"] == 0
    assert (await take(house, kent, given["id"])).status_code == 404
    assert (await give(house, worker("LADO"), "MASH")).status_code == 422


async def test_a_queue_that_nobody_takes_is_told_half_an_hour_into_the_shift_and_once(
    house: House,
) -> None:
    await night(house)
    given = (await give(house, NIA, "MASH")).json()
    assert given["late_from"] == "2026-11-25T09:30:00Z"
    house.clock.set(MORNING)
    assert await tell_untaken(house.runtime.sessions, house.clock) == 0
    house.clock.set(datetime(2026, 11, 25, 9, 31, tzinfo=UTC))
    assert await tell_untaken(house.runtime.sessions, house.clock) == 1
    assert await tell_untaken(house.runtime.sessions, house.clock) == 0
    (told,) = await house.told("shift.untaken")
    assert (told["route"], told["to_route"], told["la"]) == ("EDT", "MASH", "821")
    assert (await take(house, ANNA, given["id"])).status_code == 200


async def test_the_night_team_is_late_half_an_hour_after_the_day_gave(house: House) -> None:
    given = (await give(house, ANNA, "EDT")).json()
    assert given["late_from"] == "2026-11-24T10:30:00Z"
