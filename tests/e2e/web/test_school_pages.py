"""A school's people, a teacher without an account and the EST at their pages, in a real browser."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx2
import pytest

from tests.e2e.conftest import Demo
from tests.e2e.web.conftest import CONCERN, PHONE, WIDE, Visitor, a_house
from tests.e2e.web.test_pages_in_a_browser import focused, tab_to

LEAD = "Safeguarding lead (DSL), school 999002"
TEACHER = "Teacher, school 999002"
EST = "Education Safeguarding Team officer, Luton"
MAIL = "no-account@school.example"
FACTS = {
    "concern_types": ["fgm"],
    "knowledge_basis": "told_by_the_child",
    "harm_level": "suspected_significant",
    "immediate_danger": "no",
    "disclosure_request": "all_parents",
    "police_investigation": "live",
}
Visit = Callable[..., Visitor]


@dataclass
class School:
    """The demo with one concern of female genital mutilation, and a wish to tell all parents."""

    demo: Demo
    case_id: str

    def get(self, path: str, *who: str) -> httpx2.Response:
        headers = self.demo.headers(*who) if who else {}
        return httpx2.get(self.demo.base + path, headers=headers, timeout=20, trust_env=False)

    def link(self) -> str:
        """As it stands in the teacher's mail."""
        for _ in range(100):
            found = re.findall(r"http://[0-9.:]+(/tasks/once/[A-Za-z0-9_-]{43})", self.mail())
            if found:
                return str(found[0])
            time.sleep(0.1)
        raise AssertionError("no mail with a link has come")

    def mail(self) -> str:
        return self.get("/mail").text


@pytest.fixture(scope="module")
def house() -> Iterator[Demo]:
    with a_house() as fresh:
        yield fresh


@pytest.fixture(scope="module")
def school(house: Demo) -> School:
    body = CONCERN | {
        "facts": FACTS,
        "children": [{"ref": "child-1", "dob": "2012-05-01", "sex": "F", "home_la": "821",
                      "given_name": "Marigold", "family_name": "Thistlewood"}],
        "reporter": {"role": "teacher", "does_teaching_work": True, "contact": MAIL},
    }  # fmt: skip
    who = ("--role", "mis", "--client", "demo-mis", "--school", "999002")
    posted = httpx2.post(
        f"{house.base}/v1/concerns",
        json=body,
        headers=house.headers(*who) | {"Idempotency-Key": "school-pages"},
        timeout=20,
        trust_env=False,
    )
    assert posted.status_code == 201, posted.text
    return School(house, posted.json()["concerns"][0]["concern_id"])


def clean(visitor: Visitor, name: str) -> None:
    # The browser itself notes each answer that is an error.
    visitor.faults = [fault for fault in visitor.faults if "Failed to load" not in fault]
    visitor.judge(name)


@pytest.mark.parametrize("width", [WIDE, PHONE])
def test_a_leads_pages_are_accessible_and_clean(visit: Visit, school: School, width: int) -> None:
    visitor = visit(width)
    page = visitor.page
    visitor.sign_in(LEAD, "/tasks")
    page.get_by_role("heading", level=2, name="Report to the police on 101").first.wait_for()
    for why in page.locator("details").all():
        why.evaluate("each => { each.open = true }")
    visitor.judge("tasks")
    page.get_by_role("link", name=re.compile("when it is done.*: Report")).last.click()
    page.get_by_role("heading", name="The teacher told me that they reported").wait_for()
    visitor.judge("task")
    page.get_by_label("The time").fill("25:00")
    page.get_by_role("button", name="Record that they reported").click()
    page.get_by_role("link", name="Enter a time, such as 2:30pm or 14:30").wait_for()
    clean(visitor, "task-wrong")
    page.goto(f"{visitor.base}/tasks/cases/{school.case_id}")
    visitor.judge("tasks-case")
    page.get_by_role("button", name="I disagree").click()
    page.get_by_role("link", name="Say why you disagree").wait_for()
    clean(visitor, "tasks-case-wrong")


@pytest.mark.parametrize("width", [WIDE, PHONE])
def test_the_ests_page_is_accessible_and_marks_what_would_identify(
    visit: Visit, school: School, width: int
) -> None:
    visitor = visit(width)
    page = visitor.page
    visitor.sign_in(EST, f"/triage/EST/requests/{school.case_id}")
    visitor.judge("est")
    page.get_by_label("Online safety at home, to all parents").check()
    page.get_by_role("button", name="Choose").click()
    page.get_by_label("Topic").select_option("sharing pictures")
    note = page.get_by_label(re.compile("One general sentence"))
    note.fill("Look out for marygold in Year 9.")
    page.get_by_role("button", name="Check it").click()
    page.locator("mark", has_text="marygold").wait_for()
    assert note.input_value() == "Look out for marygold in Year 9."
    clean(visitor, "est-marked")
    note.fill("Talk with your child.")
    page.get_by_role("button", name="Check it").click()
    page.get_by_role("button", name="Release this letter").click()
    page.get_by_text("Still needed: POLICE").wait_for()
    clean(visitor, "est-held")


def test_the_est_records_the_police_and_releases_without_javascript(
    visit: Visit, school: School
) -> None:
    visitor = visit(scripts=False)
    page = visitor.page
    visitor.sign_in(EST, f"/triage/EST/requests/{school.case_id}")
    page.get_by_label("Yes, they agree").check()
    page.get_by_label("The police’s reference").fill("CRIME 12/26")
    page.get_by_role("button", name="Record what the police said").click()
    page.get_by_text("What the police said is on record.").wait_for()
    page.get_by_label("Online safety at home, to all parents").check()
    page.get_by_role("button", name="Choose").click()
    page.get_by_label("Topic").select_option("sharing pictures")
    page.get_by_role("button", name="Check it").click()
    page.get_by_role("button", name="Release this letter").click()
    page.get_by_role("heading", level=1, name="Released").wait_for()
    assert "your team brings this letter" in page.content()


@pytest.mark.parametrize("width", [PHONE])
def test_a_teacher_without_an_account_does_it_from_their_mail_once(
    visit: Visit, school: School, width: int
) -> None:
    link = school.link()
    visitor, second = visit(width), visit()
    page = visitor.page
    page.goto(visitor.base + link)
    visitor.judge("once")
    page.get_by_role("button", name="Open it").click()
    page.wait_for_url("**/tasks/once")
    visitor.judge("once-task")
    page.get_by_label("Reference number").fill("CAD 4711")
    page.get_by_role("button", name="It is done").click()
    page.get_by_text("It is on record that this is done.").wait_for()
    visitor.judge("once-done")
    second.page.goto(visitor.base + link)
    second.page.get_by_text("This link has been used already.").wait_for()
    clean(second, "once-used")


def test_a_lead_does_it_with_the_keyboard_alone_and_without_javascript(
    visit: Visit, school: School
) -> None:
    visitor = visit()
    page = visitor.page
    visitor.sign_in(LEAD, f"/tasks/cases/{school.case_id}")
    page.get_by_label("Why you disagree").focus()
    page.keyboard.type("Invented: the child is not safe.")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    assert focused(visitor) == "I disagree"
    page.keyboard.press("Enter")
    page.get_by_text("Ring 999 now if a child is in danger, and the hub").wait_for()
    visitor.judge("tasks-case-disagreed")
    tab_to(visitor, "Sign out")
    plain = visit(scripts=False)
    plain.sign_in(LEAD, f"/tasks/cases/{school.case_id}")
    plain.page.get_by_label("It is settled, because").fill("Invented: they rang.")
    plain.page.get_by_role("button", name="It is settled").click()
    plain.page.get_by_text("It is on record that this is settled.").wait_for()
    assert plain.faults == []
