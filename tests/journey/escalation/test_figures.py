"""Figures: how soon and how many, without anybody in them."""

import csv
import io
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

from tests.journey.escalation.house import KENT, House, worker
from tests.journey.escalation.test_poison import again

MANAGER = {"role": "manager", "route": "MASH", "la": "821", "account": "manager-1"}
NEGLECT = {"concern_types": ["neglect"], "harm_level": "suspected_significant"}


async def figures(house: House, who: dict[str, Any] = MANAGER, **asked: str) -> Any:
    query = "&".join(f"{name}={value}" for name, value in {"la": "821", **asked}.items())
    answer = await house.ask("GET", f"/v1/reports/figures?{query}", who)
    assert answer.status_code == 200, answer.text
    return answer.json()


def part(found: Any, by: str, name: str) -> Any:
    volume = next(v for v in found["volumes"] if v["by"] == by)
    return next(p["count"] for p in volume["parts"] if p["name"] == name)


async def real(house: House, **more: Any) -> Any:
    return await house.raised(synthetic=False, **more)


async def test_cases_are_counted_by_what_they_are_about(house: House) -> None:
    for _ in range(6):
        await real(house, facts=NEGLECT)
    for _ in range(5):
        await real(house)
    found = await figures(house)
    assert found["cases"] == 10, "eleven, told in fives"
    assert part(found, "category", "neglect") == 5
    assert part(found, "category", "physical") == 5
    assert part(found, "outcome", "undecided") == 10


async def test_figures_are_of_whole_weeks_so_that_no_day_can_be_taken_from_another(
    house: House,
) -> None:
    for _ in range(5):
        await real(house)
    weeks = [("2026-11-25", "2026-11-25"), ("2026-11-23", "2026-11-24")]
    found = [await figures(house, since=since, until=until) for since, until in weeks]
    assert found[0] == found[1]
    assert (found[0]["since"], found[0]["until"]) == ("2026-11-23", "2026-11-29")
    assert found[0]["cases"] == 5


async def test_cases_are_counted_by_the_type_of_their_school(house: House) -> None:
    for _ in range(5):
        await real(house, school_phase="Primary")
        await real(house, school_phase="Not applicable")
        await real(house, urn=None, quarantined=True)
    found = await figures(house)
    types = next(v["parts"] for v in found["volumes"] if v["by"] == "school_type")
    assert {one["name"]: one["count"] for one in types} == {
        "not applicable": 5,
        "not known": 5,
        "primary": 5,
    }


async def test_a_school_that_is_known_at_last_is_counted_by_its_type(house: House) -> None:
    for _ in range(5):
        concern_id = uuid4()
        told = house.concern(concern_id, synthetic=False, school_phase="Secondary")
        broken = house.record(
            "concern.raised", concern_id, told | {"discovered_at": "then", "school_phase": None}
        )
        await house.deliver(broken)
        await house.deliver(again(house, broken, told))
    assert part(await figures(house), "school_type", "secondary") == 5


async def test_small_numbers_are_not_told_nor_given_away(house: House) -> None:
    for _ in range(6):
        await real(house, facts=NEGLECT)
    await real(house)
    found = await figures(house)
    assert part(found, "category", "physical") is None
    assert part(found, "category", "neglect") is None, "the whole less the six is one"


async def test_one_small_number_hides_one_other_and_not_all(house: House) -> None:
    for kind, number in (("neglect", 6), ("physical", 7), ("radicalisation", 1)):
        for _ in range(number):
            await real(house, facts={"concern_types": [kind]})
    found = await figures(house)
    told = [part(found, "category", kind) for kind in ("radicalisation", "neglect", "physical")]
    assert told == [None, None, 10], "with what is hidden they are fifteen"


async def test_of_fewer_than_five_cases_nothing_is_told(house: House) -> None:
    for _ in range(4):
        await real(house)
    found = await figures(house)
    assert found["cases"] is None
    assert [volume["parts"] for volume in found["volumes"]] == [[]] * 5


async def test_drills_wrong_entries_other_authorities_and_other_weeks_do_not_count(
    house: House,
) -> None:
    outside_the_demo = house.runtime.settings.model_copy(update={"synthetic": False})
    house.app.state.runtime = replace(house.runtime, settings=outside_the_demo)
    for _ in range(5):
        await real(house)
    for _ in range(3):
        await house.raised(synthetic=True)
        await real(house, home_la=KENT, school_la=KENT)
        wrong = await real(house)
        await house.sql("UPDATE case_file SET entered_in_error_at = now() WHERE id = $1", wrong)
    house.clock.advance(timedelta(days=7))
    for _ in range(3):
        await real(house)
    assert (await figures(house, until="2026-11-25"))["cases"] == 5


async def test_decisions_in_time_are_a_share_of_those_due(house: House) -> None:
    cases = [await real(house) for _ in range(10)]
    for case_id in cases[:5]:
        version = (await house.case(worker(), case_id))["version"]
        body = {"outcome": "ADVICE"}
        await house.ask("POST", f"/v1/cases/{case_id}/decide", worker(), body, version)
    house.clock.advance(timedelta(days=2))
    clock = next(t for t in (await figures(house))["timeliness"] if t["clock"] == "LA_DECISION")
    assert clock == {"clock": "LA_DECISION", "due": 10, "met_percent": 50, "overdue": 5}


async def test_a_case_opened_again_counts_by_its_first_answer_alone(house: House) -> None:
    cases = [await real(house) for _ in range(10)]
    for case_id in cases[:5]:
        version = (await house.case(worker(), case_id))["version"]
        body = {"outcome": "ADVICE"}
        await house.ask("POST", f"/v1/cases/{case_id}/decide", worker(), body, version)
    for case_id in cases:
        await house.amended(case_id, harm_level="severe")
    house.clock.advance(timedelta(days=9))
    counted = await figures(house)
    clock = next(t for t in counted["timeliness"] if t["clock"] == "LA_DECISION")
    assert clock == {"clock": "LA_DECISION", "due": 10, "met_percent": 50, "overdue": 5}


async def test_children_seen_again_within_a_year_are_a_share(house: House) -> None:
    for number in range(5):
        await real(house, match_keys=[f"upn:{number}"])
    house.clock.advance(timedelta(days=20))
    for number in range(5):
        await real(house, match_keys=[f"upn:{number}"])
    assert (await figures(house))["seen_within_a_year_percent"] == 50


async def test_a_case_in_conflict_is_in_no_figure(house: House) -> None:
    for _ in range(5):
        await real(house)
    for _ in range(3):
        await real(house, excluded_refs=[house.ref("manager-1")])
    assert (await figures(house))["cases"] == 5
    other = MANAGER | {"account": "manager-2"}
    assert (await figures(house, other))["cases"] == 10


async def test_a_case_in_conflict_makes_no_child_one_that_was_seen_before(house: House) -> None:
    for number in range(5):
        out = [house.ref("manager-1")]
        await real(house, match_keys=[f"upn:{number}"], excluded_refs=out)
    house.clock.advance(timedelta(days=20))
    for number in range(5):
        await real(house, match_keys=[f"upn:{number}"])
    assert (await figures(house))["seen_within_a_year_percent"] == 0
    other = MANAGER | {"account": "manager-2"}
    assert (await figures(house, other))["seen_within_a_year_percent"] == 50


async def test_only_a_manager_of_that_authority_has_its_figures(house: House) -> None:
    kent = MANAGER | {"la": KENT}
    for who in (kent, worker()):
        answer = await house.ask("GET", "/v1/reports/figures?la=821", who)
        assert answer.status_code == 403
    long = "/v1/reports/figures?la=821&since=2024-01-01&until=2026-01-01"
    answer = await house.ask("GET", long, MANAGER)
    assert (answer.status_code, answer.json()["code"]) == (422, "days-not-valid")


async def test_the_same_figures_as_csv(house: House) -> None:
    for _ in range(5):
        await real(house)
    answer = await house.ask("GET", "/v1/reports/figures.csv?la=821", MANAGER)
    rows = list(csv.reader(io.StringIO(answer.text)))
    assert rows[0] == ["table", "name", "measure", "value"]
    assert ["cases", "all", "count", "5"] in rows
    assert "attachment" in answer.headers["content-disposition"]
