"""An auditor at a desk and on a phone: a case's story, an entry's proof, and the log's state."""

import re
import time
from collections.abc import Callable

import httpx2
import pytest
from playwright.sync_api import Page

from tests.e2e.conftest import Demo
from tests.e2e.web.conftest import PHONE, WIDE, Visitor

AUDITOR, OPERATOR = "Auditor", "Operator"
Visit = Callable[..., Visitor]


@pytest.fixture
def case(house: Demo) -> str:
    """The demo's one concern, once its story is in a checkpoint and whoever owes it was told."""
    headers = house.headers("--role", "auditor")
    for _ in range(100):
        entries = httpx2.get(
            f"{house.base}/v1/log/entries",
            params={"type": "notice.sent", "proofs": True, "limit": 1},
            headers=headers, timeout=20, trust_env=False,
        ).json().get("entries")  # fmt: skip
        if entries and entries[0]["proof"] is not None:
            return str(entries[0]["subject"])
        time.sleep(0.2)
    raise AssertionError("the concern did not come into a checkpoint")


def follow(page: Page, name: str | re.Pattern[str]) -> None:
    page.get_by_role("link", name=name).first.click()
    page.wait_for_load_state()


@pytest.mark.parametrize("width", [WIDE, PHONE])
def test_an_auditor_goes_from_a_case_to_its_proof(visit: Visit, case: str, width: int) -> None:
    visitor = visit(width)
    page = visitor.page
    visitor.sign_in(AUDITOR, "/audit")
    visitor.judge("audit")
    page.get_by_label("One case’s whole story").fill(case)
    page.get_by_role("button", name="Find it").click()
    page.get_by_role("heading", name="Take all that fits away").wait_for()
    visitor.judge("audit-search")
    follow(page, re.compile("the whole story"))
    page.get_by_text("School 999002 raised a concern: physical.").wait_for()
    assert page.get_by_text("WRONG").count() == 0
    visitor.judge("audit-story")
    page.get_by_role("link", name=re.compile(r"^Entry \d+$")).first.click()
    page.get_by_text("Verified against checkpoint").wait_for()
    assert page.get_by_text(re.compile("The signature of .* holds")).count() == 1
    page.get_by_text("Its bytes, as they are hashed").click()
    visitor.judge("audit-entry")
    page.goto(visitor.base + "/audit/state")
    page.get_by_text("(checked)").wait_for()
    visitor.judge("audit-state")


@pytest.mark.parametrize("width", [WIDE, PHONE])
def test_a_wrong_search_is_accessible_and_says_what_to_enter(visit: Visit, width: int) -> None:
    visitor = visit(width)
    visitor.sign_in(AUDITOR, "/audit")
    visitor.page.goto(visitor.base + "/audit/entries")
    visitor.judge("audit-form")
    visitor.page.get_by_label("School").fill("12")
    visitor.page.get_by_role("button", name="Search").click()
    visitor.page.get_by_role("link", name="Enter a URN of six digits").wait_for()
    visitor.faults = [fault for fault in visitor.faults if "Failed to load" not in fault]
    visitor.judge("audit-form-wrong")


def test_files_are_taken_away_without_javascript(visit: Visit, case: str) -> None:
    visitor = visit(scripts=False)
    page = visitor.page
    page.goto(f"{visitor.base}/audit/entries?concern={case}")
    page.get_by_role("button", name=AUDITOR, exact=True).click()
    for name in (re.compile(r"log-\d+\.jsonl"), re.compile("its checkpoint$")):
        with page.expect_download() as taken:
            page.get_by_role("link", name=name).first.click()
        text = taken.value.path().read_text()
        assert "concern.raised" in text or text.startswith("localhost/handrail-demo")


def test_an_operator_is_shown_the_state_alone(visit: Visit, case: str) -> None:
    visitor = visit(PHONE)
    visitor.page.goto(visitor.base + "/audit")
    visitor.page.get_by_role("button", name=OPERATOR, exact=True).click()
    visitor.page.get_by_role("heading", name="State of the log").wait_for()
    visitor.judge("audit-state-operator")
    visitor.page.goto(f"{visitor.base}/audit/cases/{case}")
    assert visitor.page.get_by_role("heading", level=1).inner_text() == "You cannot open this page"
