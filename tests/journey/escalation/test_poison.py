"""What cannot be understood is read by hand, first of all."""

import json
from uuid import UUID, uuid4

import pytest

from shared.bus import Record
from tests.journey.escalation.house import LUTON, House, dsl, worker


async def test_a_concern_of_an_unknown_form_goes_to_the_top_of_triage(house: House) -> None:
    await house.raised(facts={"immediate_danger": "yes"})
    concern_id = uuid4()
    await house.hear(
        "concern.raised", concern_id, **house.concern(concern_id, discovered_at="yesterday")
    )
    row = (await house.queue(worker()))[0]
    assert (row["case_id"], row["priority"], row["unprocessed"]) == (str(concern_id), "P0", True)
    assert "DSL" in {t["route"] for t in await house.tasks(dsl()) if t["unprocessed"]}
    assert [e["unprocessed"] for e in await house.told("case.opened")] == [False, True]
    assert len(await house.told("dead_letter.recorded")) == 1


async def test_bytes_that_are_no_event_at_all_still_reach_every_hub(house: House) -> None:
    await house.deliver(Record("handrail.concerns.v1", None, b"\xff\xfe", (), 0, 99))
    for la in (LUTON, "886"):
        rows = await house.queue(worker(la=la))
        assert {(row["unprocessed"], row["la"]) for row in rows} == {(True, None)}
        assert len({row["case_id"] for row in rows}) == 1


async def test_a_999_advised_with_it_does_not_wait_to_be_understood(house: House) -> None:
    first = await house.raised(facts={"immediate_danger": "yes"})
    advice = (await house.case(worker(), first))["decision"]
    concern_id = uuid4()
    data = house.concern(concern_id, decision=advice, discovered_at="yesterday")
    await house.hear("concern.raised", concern_id, **data)
    routes = {
        task["route"] for task in await house.tasks(dsl()) if task["case_id"] == str(concern_id)
    }
    assert "POLICE_999" in routes


async def test_an_amendment_applies_at_once_to_a_case_read_by_hand(house: House) -> None:
    concern_id = uuid4()
    await house.hear(
        "concern.raised", concern_id, **house.concern(concern_id, discovered_at="yesterday")
    )
    await house.amended(concern_id, immediate_danger="yes")
    case = await house.case(worker(), concern_id)
    assert "POLICE_999" in {task["route"] for task in case["tasks"]}
    assert case["unprocessed"]


async def test_whoever_is_excluded_does_not_see_it_unread_either(house: House) -> None:
    concern_id = uuid4()
    data = house.concern(concern_id, excluded_refs=[house.ref("dsl-1")], discovered_at="yesterday")
    await house.hear("concern.raised", concern_id, **data)
    assert await house.tasks(dsl()) == []
    assert await house.tasks(dsl(account="dsl-2"))


async def test_a_case_whose_later_event_is_poison_comes_back_to_the_top(house: House) -> None:
    other = await house.raised()
    case_id = await house.raised()
    await house.hear("concern.amended", case_id, nonsense=True)
    rows = await house.queue(worker())
    assert [UUID(row["case_id"]) for row in rows] == [case_id, other]
    assert rows[0]["unprocessed"]


async def test_once_understood_the_case_keeps_its_tasks_and_gets_its_own(house: House) -> None:
    concern_id = uuid4()
    broken = house.record(
        "concern.raised", concern_id, house.concern(concern_id, discovered_at="yesterday")
    )
    await house.deliver(broken)
    before = {task["task_id"] for task in (await house.case(worker(), concern_id))["tasks"]}
    good = house.record("concern.raised", concern_id, house.concern(concern_id))
    of = dict(broken.headers)["ce_id"]
    headers = (*good.headers, ("ce_replayof", of), ("ce_replayfor", b"escalation"))
    await house.deliver(Record(good.topic, good.key, good.value, headers, 0, good.offset))
    case = await house.case(worker(), concern_id)
    assert not case["unprocessed"]
    assert case["priority"] == "P0"
    assert case["la"] == LUTON
    assert before <= {task["task_id"] for task in case["tasks"]}
    assert len(await house.told("case.opened")) == 1


async def test_what_was_said_of_an_unread_case_stands_once_it_is_understood(house: House) -> None:
    concern_id = uuid4()
    broken = house.record(
        "concern.raised", concern_id, house.concern(concern_id, discovered_at="yesterday")
    )
    await house.deliver(broken)
    await house.amended(concern_id, conflict=["dsl"], harm_level="significant_actual_or_likely")
    good = house.record("concern.raised", concern_id, house.concern(concern_id))
    of = dict(broken.headers)["ce_id"]
    headers = (*good.headers, ("ce_replayof", of), ("ce_replayfor", b"escalation"))
    await house.deliver(Record(good.topic, good.key, good.value, headers, 0, good.offset))
    case = await house.case(worker(), concern_id)
    assert not case["unprocessed"]
    assert case["facts"]["harm_level"] == "significant_actual_or_likely"
    assert case["facts"]["concern_types"] == ["physical"]
    assert (await house.ask("GET", f"/v1/cases/{concern_id}", dsl())).status_code == 404


def again(house: House, broken: Record, good: dict[str, object]) -> Record:
    """What was a dead letter, mended and driven again."""
    headers = dict(broken.headers)
    event_type = headers["ce_type"].decode()
    made = house.record(event_type, UUID((broken.key or b"").decode()), good)
    marks = (("ce_replayof", headers["ce_id"]), ("ce_replayfor", b"escalation"))
    return Record(made.topic, made.key, made.value, (*made.headers, *marks), 0, made.offset)


def said(house: House, case_id: UUID, **more: object) -> dict[str, object]:
    amended: dict[str, object] = {
        "concern_id": str(case_id),
        "received_at": house.clock.now().isoformat(),
        "facts": {},
        "decision": {},
        "data_issues": [],
        "sealed_details": "sealed",
    }
    return amended | more


async def test_a_case_leaves_the_top_when_its_amendment_is_understood_after_all(
    house: House,
) -> None:
    case_id = await house.raised()
    broken = house.record("concern.amended", case_id, {"nonsense": True})
    await house.deliver(broken)
    await house.deliver(again(house, broken, said(house, case_id)))
    case = await house.case(worker(), case_id)
    assert not case["unprocessed"]
    assert case["history"][-1]["kind"] == "understood"
    assert await house.sql("SELECT * FROM task WHERE rank = 0") == []


async def test_while_anything_of_it_is_unread_a_case_stays_at_the_top(house: House) -> None:
    concern_id = uuid4()
    data = house.concern(concern_id)
    broken = house.record("concern.raised", concern_id, data | {"discovered_at": "yesterday"})
    amended = house.record("concern.amended", concern_id, {"nonsense": True})
    await house.deliver(broken)
    await house.deliver(amended)
    await house.deliver(again(house, broken, data))
    assert (await house.case(worker(), concern_id))["unprocessed"]
    await house.deliver(again(house, amended, said(house, concern_id)))
    assert not (await house.case(worker(), concern_id))["unprocessed"]


async def test_a_post_in_conflict_does_not_see_it_unread_either(house: House) -> None:
    concern_id = uuid4()
    conflict = {"conflict": ["dsl"]}
    data = house.concern(concern_id, facts=conflict, discovered_at="yesterday")
    await house.hear("concern.raised", concern_id, **data)
    assert await house.tasks(dsl()) == []


async def test_an_amendment_that_is_poison_still_keeps_out_whom_it_names(house: House) -> None:
    case_id = await house.raised()
    await house.hear("concern.amended", case_id, excluded_refs=[house.ref("dsl-1")])
    assert (await house.ask("GET", f"/v1/cases/{case_id}", dsl())).status_code == 404


async def test_a_notice_that_cannot_be_read_opens_no_case(house: House) -> None:
    await house.hear("notice.failed", uuid4(), nonsense=True)
    assert await house.queue(worker()) == []
    assert len(await house.told("dead_letter.recorded")) == 1


async def test_the_dead_letter_is_sealed(house: House) -> None:
    concern_id = uuid4()
    await house.hear(
        "concern.raised", concern_id, **house.concern(concern_id, discovered_at="yesterday")
    )
    letter = (await house.sql("SELECT raw FROM dead_letter"))[0]["raw"]
    assert "yesterday" not in letter
    assert json.dumps(LUTON) not in letter


@pytest.mark.parametrize(
    "broken",
    [
        {"facts": {"where": "a\0b"}},
        {"decision": {"priority": "P0", "actions": [{"route": "POLICE_999", "by": "soon"}]}},
        {"decision": {"priority": "P0", "actions": "all", "clocks": 7}},
        {"excluded_refs": ["a\0b"]},
        {"urn": "\ud800"},
        {"match_keys": 5, "decision": None},
    ],
)
async def test_whatever_is_wrong_with_it_somebody_reads_it(
    house: House, broken: dict[str, object]
) -> None:
    concern_id = uuid4()
    data = house.concern(concern_id)
    await house.hear("concern.raised", concern_id, **(data | broken))
    assert [row["case_id"] for row in await house.queue(worker())] == [str(concern_id)]
    assert (await house.queue(worker()))[0]["unprocessed"]
