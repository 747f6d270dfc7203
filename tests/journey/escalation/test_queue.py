"""The order of a queue, its pages, and who may look at it."""

import base64
from datetime import timedelta
from uuid import UUID

import pytest

from tests.journey.escalation.house import KENT, House, at_school, dsl, worker


async def test_what_must_be_read_by_hand_comes_first_then_by_priority(house: House) -> None:
    planned = await house.raised(facts={"harm_level": "in_need", "concern_types": ["neglect"]})
    urgent = await house.raised()
    danger = await house.raised()
    await house.amended(danger, immediate_danger="yes", weapon="yes")
    unread = await house.raised(facts={"age_years": 9}, urn=7, school_la="821")
    rows = await house.queue(worker())
    order = [UUID(row["case_id"]) for row in rows]
    assert rows[0]["unprocessed"]
    assert order[0] == unread
    assert (
        order.index(danger) <= order.index(urgent)
        or rows[order.index(danger)]["priority"] == (rows[order.index(urgent)]["priority"])
    )
    assert planned not in order or order[-1] == planned
    assert [row["priority"] for row in rows[1:]] == sorted(row["priority"] for row in rows[1:])


async def test_of_one_priority_the_oldest_comes_first(house: House) -> None:
    first = await house.raised()
    house.clock.advance(timedelta(minutes=5))
    second = await house.raised()
    rows = await house.queue(worker())
    assert [UUID(row["case_id"]) for row in rows] == [first, second]


async def test_the_pages_of_a_queue_hold_every_task_once(house: House) -> None:
    raised = set()
    for _ in range(7):
        raised.add(await house.raised())
        house.clock.advance(timedelta(minutes=1))
    raised.add(await house.raised(school_la=None, home_la=None, urn=None))
    seen: list[UUID] = []
    path: str | None = "/v1/queues/MASH?la=821&limit=3"
    while path:
        page = (await house.ask("GET", path, worker())).json()
        assert len(page["items"]) <= 3
        seen += [UUID(row["case_id"]) for row in page["items"]]
        path = page["next"]
    assert len(seen) == 8
    assert set(seen) == raised


TASK = "7f0f4a0e-3c8a-4a51-9d0c-0d9f5f8f4f11"
NOON = "2026-11-24T12:00:00+00:00"


def place(written: str) -> str:
    return base64.urlsafe_b64encode(written.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "after",
    [
        "xyz",
        "\u00e9",
        place(f'[Infinity, "{NOON}", "{TASK}"]'),
        place(f'[1e400, "{NOON}", "{TASK}"]'),
        place(f'[40000, "{NOON}", "{TASK}"]'),
        place(f'[-1, "{NOON}", "{TASK}"]'),
        place(f'["2", "{NOON}", "{TASK}"]'),
        place(f'[2, "2026-11-24T12:00:00", "{TASK}"]'),
        place(f'[2, "0001-01-01T00:00:00+14:00", "{TASK}"]'),
        place(f'[2, 7, "{TASK}"]'),
        place(f'[2, "{NOON}", 7]'),
        place(f'{{"0": 1, "1": "{NOON}", "2": "{TASK}"}}'),
        place("[" * 30_000),
        place("7"),
    ],
)
async def test_a_place_that_was_made_up_is_refused(house: House, after: str) -> None:
    for path, who in (
        (f"/v1/queues/MASH?la=821&after={after}", worker()),
        (f"/v1/tasks?after={after}", dsl()),
    ):
        answer = await house.ask("GET", path, who)
        assert (answer.status_code, answer.json()["code"]) == (422, "place-not-valid")
        assert after not in answer.text


async def test_only_the_workers_of_that_queue_and_authority_see_it(house: House) -> None:
    await house.raised()
    path = "/v1/queues/MASH?la=821"
    for who in (worker(la=KENT), worker(route="LADO"), dsl(), at_school("reporter", "t-1")):
        assert (await house.ask("GET", path, who)).status_code == 403
    mis = {"role": "mis", "client": "vendor-1", "school": "999001"}
    assert (await house.ask("GET", path, mis)).status_code == 403


async def test_a_row_tells_how_many_children_the_incident_has(house: House) -> None:
    incident = "7f0f4a0e-3c8a-4a51-9d0c-0d9f5f8f4f11"
    for _ in range(3):
        await house.raised(incident_id=incident)
    assert {row["siblings"] for row in await house.queue(worker())} == {2}


async def test_a_row_holds_no_name_and_nothing_that_was_told(house: House) -> None:
    await house.raised()
    answer = await house.ask("GET", "/v1/queues/MASH?la=821", worker())
    assert "what was said" not in answer.text
    assert answer.headers["cache-control"] == "no-store"


async def test_a_notice_that_could_not_be_delivered_shows_in_the_queue_until_one_is(
    house: House,
) -> None:
    case_id = await house.raised()
    row = (await house.queue(worker()))[0]
    notice = {
        "notice_id": "7f0f4a0e-3c8a-4a51-9d0c-0d9f5f8f4f12",
        "task_id": row["task_id"],
        "case_id": str(case_id),
        "channel": "email",
        "template": "task_opened",
        "recipient": "team",
        "attempts": 6,
        "at": house.clock.now().isoformat(),
    }
    await house.hear("notice.failed", case_id, **notice, reason="unreached")
    assert (await house.queue(worker()))[0]["notice_failed"]
    await house.hear("notice.sent", case_id, **notice | {"attempts": 7})
    assert not (await house.queue(worker()))[0]["notice_failed"]
