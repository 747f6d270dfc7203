"""What a school's people see of what they owe, and how they say on a page that it is done."""

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx2
import pytest

from shared.clock import SetClock
from tests.conftest import Database, TestIssuer
from tests.journey.escalation.house import House, worker
from tests.journey.web.conftest import Desk, hidden

URN = "999002"
DSL, TEACHER = f"demo-dsl-{URN}", f"demo-reporter-{URN}"
HEAD, CHAIR = f"demo-head-{URN}", f"demo-chair-{URN}"
FGM = {"concern_types": ["fgm"], "knowledge_basis": "told_by_the_child", "age_years": 14,
       "reporter_does_teaching_work": "yes", "reporter_role": "teacher"}  # fmt: skip


@pytest.fixture
def house(desk: Desk, clock: SetClock, issuer: TestIssuer, database: Database) -> House:
    return House(desk.app, clock, issuer, database)


FORCED = {"concern_types": ["forced_marriage"], "age_years": 15}
_BOX = re.compile(r'<input [^>]*name="(when-[a-z]+)"[^>]* value="([^"]*)"')


async def fgm(house: House, **more: Any) -> UUID:
    return await house.raised(urn=URN, facts=FGM, **more)


async def task_id(house: House, case_id: UUID, route: str, owner: str) -> UUID:
    rows = await house.sql(
        "SELECT id FROM task WHERE case_id = $1 AND route = $2 AND owner_role = $3",
        case_id, route, owner,
    )  # fmt: skip
    found: UUID = rows[0]["id"]
    return found


async def send(desk: Desk, page: str, to: str, **fields: str) -> httpx2.Response:
    """The form as the page holds it, with what a person typed."""
    html = (await desk.get(page)).text
    assert f'action="{page}{to}"' in html, html
    form = html[html.index(f'action="{page}{to}"') :]
    form = form[: form.index("</form>")]
    return await desk.post(page + to, hidden(form) | dict(_BOX.findall(form)) | fields)


def shown(answer: httpx2.Response) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text))


async def test_a_lead_sees_the_schools_tasks_with_number_script_rule_and_deadline(
    desk: Desk, house: House
) -> None:
    await fgm(house)
    said = shown(await desk.sign_in(DSL, "/tasks"))
    assert "Report to the police on 101" in said
    assert "Ring 101. Write down the time" in said
    assert "NAT-FGM-01: FGM Act 2003 s.5B" in said
    assert "working hour" in said or "working day" in said
    assert "drill: do not call" in said


async def test_a_call_is_not_done_without_its_reference_and_then_it_is_on_record(
    desk: Desk, house: House
) -> None:
    case_id = await house.raised(urn=URN, facts=FORCED)
    at = f"/tasks/{await task_id(house, case_id, 'POLICE_101', 'dsl')}"
    await desk.sign_in(DSL, at)
    bare = await send(desk, at, "/acknowledge", reference="")
    assert bare.status_code == 422
    assert "Give the reference number of the call" in bare.text
    done = await send(desk, at, "/acknowledge", reference="CAD 4711")
    assert (done.status_code, done.headers["location"]) == (303, f"{at}?said=done")
    after = shown(await desk.get(done.headers["location"]))
    assert "It is on record that this is done." in after
    assert "You said so today" in after
    assert "Reference: CAD 4711" in after
    rows = await house.sql("SELECT reference FROM task WHERE reference IS NOT NULL")
    assert [row["reference"] for row in rows] == ["CAD 4711"]


async def test_a_teacher_sees_their_own_duty_alone_and_closes_it(desk: Desk, house: House) -> None:
    case_id = await fgm(house, reporter_ref=house.ref(TEACHER))
    said = await desk.sign_in(TEACHER, "/tasks")
    assert said.text.count("govuk-summary-card__title-wrapper") == 1
    at = f"/tasks/{await task_id(house, case_id, 'POLICE_101', 'reporter')}"
    done = await send(desk, at, "/acknowledge", reference="CAD 12")
    assert done.status_code == 303
    assert "There is nothing that you have to do now." in (await desk.get("/tasks")).text
    assert "CAD 12" in (await desk.get("/tasks?state=all")).text
    assert (await desk.get(f"/tasks/cases/{case_id}")).status_code == 403


async def test_a_lead_records_that_the_teacher_reported_and_cannot_do_it_for_them(
    desk: Desk, house: House
) -> None:
    case_id = await fgm(house, reporter_ref=house.ref(TEACHER))
    at = f"/tasks/{await task_id(house, case_id, 'POLICE_101', 'reporter')}"
    await desk.sign_in(DSL, at)
    page = await desk.get(at)
    assert f'action="{at}/acknowledge"' not in page.text
    late = await send(desk, at, "/told", **{"when-time": "25:00", "reference": "CAD 5"})
    assert late.status_code == 422
    assert "Enter a time, such as 2:30pm" in late.text
    assert 'value="CAD 5"' in late.text
    told = await send(desk, at, "/told", **{"when-time": "0:01", "reference": "CAD 5"})
    assert told.status_code == 303, told.text
    assert "The lead recorded it: reported by the teacher" in (await desk.get(at)).text


async def test_a_page_that_was_overtaken_keeps_what_was_typed(desk: Desk, house: House) -> None:
    case_id = await house.raised(urn=URN, facts=FORCED)
    task = await task_id(house, case_id, "POLICE_101", "dsl")
    at = f"/tasks/{task}"
    await desk.sign_in(DSL, at)
    await house.sql("UPDATE task SET version = version + 1 WHERE id = $1", task)
    stale = hidden((await desk.get(at)).text) | {"version": "1", "reference": "CAD 77"}
    refused = await desk.post(f"{at}/acknowledge", stale)
    assert refused.status_code == 412
    assert "This has changed since you read it" in refused.text
    assert 'value="CAD 77"' in refused.text


async def test_the_hubs_question_is_opened_on_record_and_answered(desk: Desk, house: House) -> None:
    case_id = await house.raised(urn=URN)
    hub = worker()
    version = (await house.case(hub, case_id))["version"]
    question = {"question": "Who collects the child today?"}
    asked = await house.ask("POST", f"/v1/cases/{case_id}/ask", hub, question, version)
    assert asked.status_code == 200, asked.text
    rows = await house.sql("SELECT id FROM task WHERE kind = 'information'")
    at = f"/tasks/{rows[0]['id']}"
    await desk.sign_in(DSL, at)
    assert "Who collects" not in (await desk.get(at)).text
    opened = await send(desk, at, "/question")
    assert "Who collects the child today?" in opened.text
    assert len(await house.told("details.read")) == 1
    assert (await send(desk, at, "/answer", answer="")).status_code == 422
    sent = await send(desk, at, "/answer", answer="An aunt whom we know.")
    assert sent.status_code == 303
    assert "Your answer is with the hub" in (await desk.get(sent.headers["location"])).text
    assert "aunt" not in str(await house.sql("SELECT * FROM case_event"))


async def test_the_chair_who_stands_in_opens_the_question_and_sees_what_was_answered(
    desk: Desk, house: House
) -> None:
    case_id = await house.raised(urn=URN, exclude_school_staff=True)
    hub = worker()
    version = (await house.case(hub, case_id))["version"]
    question = {"question": "Who collects the child today?"}
    await house.ask("POST", f"/v1/cases/{case_id}/ask", hub, question, version)
    rows = await house.sql("SELECT id FROM task WHERE kind = 'information'")
    at = f"/tasks/{rows[0]['id']}"
    await desk.sign_in(CHAIR, at)
    assert "Who collects the child today?" in (await send(desk, at, "/question")).text
    assert (await send(desk, at, "/answer", answer="An aunt whom we know.")).status_code == 303
    again = await send(desk, at, "/question")
    assert "Who collects the child today?" in again.text
    assert "An aunt whom we know." in again.text
    assert len(await house.told("details.read")) == 2


async def test_a_lead_disagrees_at_risk_now_reads_999_first_and_settles_it(
    desk: Desk, house: House
) -> None:
    case_id = await house.raised(urn=URN)
    at = f"/tasks/cases/{case_id}"
    await desk.sign_in(DSL, at)
    first = await desk.get(at)
    assert "If a child is in danger now, ring 999 first." in first.text
    said = await send(desk, at, "/disagree", reason="Invented reason.", at_risk_now="yes")
    assert said.status_code == 303, said.text
    page = shown(await desk.get(said.headers["location"]))
    assert "Ring 999 now if a child is in danger" in page
    assert "Step 3: waits for the hub’s answer" in page
    assert "the headteacher" in page  # whose step the third is
    assert (await send(desk, at, "/settle", settled="")).status_code == 422
    settled = await send(desk, at, "/settle", settled="The hub rang.")
    assert settled.status_code == 303
    assert "Step 3: settled" in shown(await desk.get(at))
    notes = await send(desk, at, "/notes")
    assert "Invented reason." in notes.text
    assert "The hub rang." in notes.text


async def test_a_child_who_left_starts_the_clock_of_the_file(desk: Desk, house: House) -> None:
    case_id = await house.raised(urn=URN)
    at = f"/tasks/cases/{case_id}"
    await desk.sign_in(DSL, at)
    to_come = {"event": "left_school", "when-year": "2099", "when-time": "9am"}
    assert (await send(desk, at, "/milestone", **to_come)).status_code == 422
    told = await send(desk, at, "/milestone", event="left_school", **{"when-time": "0:01"})
    assert told.status_code == 303, told.text
    page = shown(await desk.get(at))
    assert "The child has left this school: today" in page
    clocks = await house.sql("SELECT 1 FROM task WHERE kind = 'clock' AND case_id = $1", case_id)
    assert clocks


async def test_a_case_says_who_has_what_by_role_and_what_must_not_be_done(
    desk: Desk, house: House
) -> None:
    case_id = await fgm(house)
    await desk.sign_in(DSL, f"/tasks/cases/{case_id}")
    page = shown(await desk.get(f"/tasks/cases/{case_id}"))
    assert "the teacher personally" in page
    assert "Nobody of the team yet" in page
    assert "What must not be done" in page
    assert "Do not wait for the DSL before acting." in page


@pytest.mark.parametrize("conflict", [{"conflicted": ["dsl"]}, {"excluded": True}])
async def test_to_a_lead_in_conflict_the_case_is_on_no_page(
    desk: Desk, house: House, conflict: dict[str, object]
) -> None:
    excluded = [house.ref(DSL)] if "excluded" in conflict else []
    case_id = await house.raised(urn=URN, facts=FORCED, excluded_refs=excluded)
    if "conflicted" in conflict:
        await house.sql("UPDATE case_file SET conflicted = '[\"dsl\"]' WHERE id = $1", case_id)
    task = await task_id(house, case_id, "POLICE_101", "dsl")
    page = await desk.sign_in(DSL, "/tasks?state=all")
    assert "There is nothing" in page.text or "You have no tasks here." in page.text
    for path in (f"/tasks/{task}", f"/tasks/cases/{case_id}"):
        assert (await desk.get(path)).status_code == 404, path
    fields = {"csrf": hidden(page.text)["csrf"], "version": "1", "reference": "x"}
    for path in (f"/tasks/{task}/acknowledge", f"/tasks/{task}/told",
                 f"/tasks/cases/{case_id}/disagree"):  # fmt: skip
        body = fields | {"reason": "x", "when-day": "1", "when-month": "1", "when-year": "2020",
                         "when-time": "9am"}  # fmt: skip
        assert (await desk.post(path, body)).status_code == 404, path


async def test_a_notices_link_to_a_teams_task_leads_to_its_case(desk: Desk, house: House) -> None:
    case_id = await house.raised(urn=URN)
    await desk.sign_in()
    answer = await desk.get(f"/tasks/{await task_id(house, case_id, 'MASH', 'team')}")
    assert answer.headers["location"] == f"/triage/cases/{case_id}"


async def test_another_schools_lead_finds_nothing_there(
    desks: Callable[[], Desk], desk: Desk, house: House
) -> None:
    case_id = await house.raised(urn="999001")
    await desk.sign_in(DSL, "/tasks")
    assert "There is nothing that you have to do now." in (await desk.get("/tasks")).text
    assert (await desk.get(f"/tasks/cases/{case_id}")).status_code == 404


async def test_many_tasks_go_on_page_by_page(desk: Desk, house: House) -> None:
    for _ in range(26):
        await house.raised(urn=URN, facts={"harm_level": "none_indicated"})
    first = await desk.sign_in(DSL, "/tasks")
    following = re.search(r'href="(/tasks\?state=open&amp;after=[^"]+)" rel="next"', first.text)
    assert following
    second = await desk.get(following[1].replace("&amp;", "&"))
    assert first.text.count("govuk-summary-card__title-wrapper") == 25
    assert second.text.count("govuk-summary-card__title-wrapper") >= 1
