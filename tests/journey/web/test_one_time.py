"""A teacher without an account comes by a one-time link to the duty that is theirs alone."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest

from handrail.keys import private_file
from shared.clock import SetClock
from shared.sealing import Opener
from tests.conftest import Database, TestIssuer
from tests.journey.escalation.house import House
from tests.journey.web.conftest import Desk, hidden
from tests.journey.web.test_school_tasks import DSL, FGM, TEACHER, URN, send, shown, task_id


class Posts:
    """Opens what only notify can open, as the mail has it."""

    def __init__(self, house: House, opener: Opener) -> None:
        self.house, self.opener = house, opener

    async def links(self) -> list[str]:
        return [
            "/tasks/once/"
            + self.opener.open("contacts", one["sealed_link"], context=one["task_id"]).decode()
            for one in await self.house.told("task.link_made")
        ]


@pytest.fixture
def house(desk: Desk, clock: SetClock, issuer: TestIssuer, database: Database) -> House:
    return House(desk.app, clock, issuer, database)


@pytest.fixture
def posts(house: House, sealing_keys: Path) -> Posts:
    return Posts(house, Opener.from_files(private_file(sealing_keys, "contacts")))


async def duty(house: House, **more: Any) -> UUID:
    case_id = await house.raised(urn=URN, facts=FGM, **more)
    return await task_id(house, case_id, "POLICE_101", "reporter")


async def press(desk: Desk, link: str, **headers: str) -> httpx2.Response:
    return await desk.post(link, {}, **headers)


async def test_the_duty_of_the_reporter_alone_has_a_link_and_its_token_is_nowhere_in_clear(
    house: House, posts: Posts
) -> None:
    await duty(house)
    (link,) = await posts.links()
    token = link.rpartition("/")[2]
    tables = await house.sql(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'escalation'"
    )
    assert len(tables) > 10
    for (table,) in tables:
        rows = await house.sql(f'SELECT t::text AS told FROM "{table}" t')
        assert not any(token in row["told"] for row in rows), table
        assert not any(token.encode().hex() in row["told"] for row in rows), table


async def test_looking_uses_nothing_up_and_pressing_opens_it_once(
    desks: Callable[[], Desk], house: House, posts: Posts
) -> None:
    await duty(house)
    (link,) = await posts.links()
    scanner, teacher, other = desks(), desks(), desks()
    for _ in range(2):
        page = await scanner.get(link)
        assert page.status_code == 200
        assert "Report to the police" not in page.text
    opened = await press(teacher, link)
    assert (opened.status_code, opened.headers["location"]) == (303, "/tasks/once")
    assert "Report to the police on 101" in shown(await teacher.get("/tasks/once"))
    for answer in (await press(other, link), await other.get(link)):
        assert answer.status_code == 410
        assert "has been used already" in answer.text
        assert "safeguarding lead of your school" in answer.text
    assert (await press(teacher, link)).headers["location"] == "/tasks/once"  # a double click
    assert (await other.get("/tasks/once")).status_code == 403


async def test_the_teacher_closes_the_duty_with_its_reference_and_sees_nothing_else(
    desk: Desk, house: House, posts: Posts
) -> None:
    task = await duty(house)
    (link,) = await posts.links()
    await press(desk, link)
    assert (await send(desk, "/tasks/once", "/acknowledge", reference="")).status_code == 422
    done = await send(desk, "/tasks/once", "/acknowledge", reference="CAD 9")
    assert done.headers["location"] == "/tasks/once?said=done"
    assert "It is on record" in (await desk.get("/tasks/once?said=done")).text
    rows = await house.sql("SELECT state, reference FROM task WHERE id = $1", task)
    assert tuple(rows[0]) == ("acknowledged", "CAD 9")
    case = (await house.sql("SELECT case_id FROM task WHERE id = $1", task))[0]["case_id"]
    for path in ("/tasks", f"/tasks/{task}", f"/tasks/cases/{case}", "/triage"):
        assert (await desk.get(path)).status_code == 403, path


async def test_it_serves_a_reporter_whose_account_the_concern_named(
    desk: Desk, house: House, posts: Posts
) -> None:
    task = await duty(house, reporter_ref=house.ref("teacher-without-sign-in"))
    (link,) = await posts.links()
    await press(desk, link)
    done = await send(desk, "/tasks/once", "/acknowledge", reference="CAD 9")
    assert done.status_code == 303
    who = (await house.sql("SELECT acknowledged_by_ref FROM task WHERE id = $1", task))[0][0]
    assert who == house.ref("teacher-without-sign-in")


async def test_nobody_elses_sign_in_is_taken_away_and_nobody_acts_as_the_one_before(
    desk: Desk, house: House, posts: Posts
) -> None:
    await duty(house)
    (link,) = await posts.links()
    await desk.sign_in(DSL, "/tasks")
    for answer in (await desk.get(link), await press(desk, link)):
        assert answer.status_code == 409
        assert "Somebody else is signed in in this browser." in answer.text
    assert (await desk.get("/tasks")).status_code == 200
    assert not (await house.sql("SELECT 1 FROM one_time_link WHERE used_at IS NOT NULL"))


async def test_another_sites_page_cannot_press_the_button(
    desk: Desk, house: House, posts: Posts
) -> None:
    await duty(house)
    (link,) = await posts.links()
    sent = {"Origin": "https://elsewhere.example", "Sec-Fetch-Site": "cross-site"}
    assert (await press(desk, link, **sent)).status_code == 403
    assert (await press(desk, link)).status_code == 303


async def test_a_link_ends_but_never_before_the_duty_is_due(
    desk: Desk, house: House, posts: Posts, clock: SetClock
) -> None:
    task = await duty(house)
    (link,) = await posts.links()
    by = (await house.sql("SELECT by FROM task WHERE id = $1", task))[0]["by"]
    ends = (await house.sql("SELECT ends_at FROM one_time_link"))[0]["ends_at"]
    assert ends >= by
    clock.advance(timedelta(days=9))
    for answer in (await desk.get(link), await press(desk, link)):
        assert answer.status_code == 410
        assert "This link is too old" in answer.text
    unknown = await desk.get("/tasks/once/" + "a" * 43)
    assert unknown.status_code == 404
    assert "This link is not known here" in unknown.text


async def test_what_was_done_in_the_meantime_is_not_opened_any_more(
    desk: Desk, house: House, posts: Posts
) -> None:
    task = await duty(house)
    (link,) = await posts.links()
    await house.sql("UPDATE task SET state = 'told', closed_at = now() WHERE id = $1", task)
    answer = await press(desk, link)
    assert answer.status_code == 410
    assert "There is nothing left to do here" in answer.text


async def test_a_lead_sends_a_new_link_and_the_old_one_opens_nothing(
    desks: Callable[[], Desk], house: House, posts: Posts
) -> None:
    task = await duty(house, reporter_ref=house.ref(TEACHER))
    lead, teacher = desks(), desks()
    await lead.sign_in(DSL, f"/tasks/{task}")
    sent = await send(lead, f"/tasks/{task}", "/link")
    assert sent.headers["location"] == f"/tasks/{task}?said=link"
    assert "A new link is on its way" in (await lead.get(sent.headers["location"])).text
    old, new = await posts.links()
    assert (await press(teacher, old)).status_code == 404
    assert (await press(teacher, new)).status_code == 303
    made = await house.told("task.link_made")
    assert [one["again"] for one in made] == [False, True]


async def test_a_lead_in_conflict_sends_no_link(desk: Desk, house: House, posts: Posts) -> None:
    task = await duty(house, excluded_refs=[house.ref(DSL)])
    page = await desk.sign_in(DSL, "/tasks")
    answer = await desk.post(f"/tasks/{task}/link", {"csrf": hidden(page.text)["csrf"]})
    assert answer.status_code == 404
    assert len(await posts.links()) == 1


async def test_a_session_that_ran_out_says_how_to_go_on(
    desk: Desk, house: House, posts: Posts, clock: SetClock
) -> None:
    await duty(house)
    (link,) = await posts.links()
    await press(desk, link)
    html = (await desk.get("/tasks/once")).text
    clock.advance(timedelta(hours=2))
    fields = hidden(html[html.index("/tasks/once/acknowledge") :]) | {"reference": "CAD 1"}
    late = await desk.post("/tasks/once/acknowledge", fields)
    assert late.status_code == 403
    assert "tell the lead that you reported" in re.sub(r"\s+", " ", late.text)
