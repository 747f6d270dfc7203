"""Reading the rules and asking what they would say, at a desk, on a phone, without JavaScript."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.e2e.web.conftest import PHONE, WIDE, Visitor

DUTY = "Duty worker, Luton hub"
AUDITOR = "Auditor"
PAGES = {
    "rules": "/policy",
    "rule-tables": "/policy/tables",
    "rule-table": "/policy/tables/nudes",
    "rule": "/policy/rules/NAT-FGM-01",
    "pack": "/policy/packs/kent",
    "pack-national": "/policy/packs/national",
    "clocks": "/policy/clocks",
    "sources": "/policy/sources",
}
# Long, and on a phone made like the others.
ALIKE = {"pack-national", "sources", "rule-tables"}
Visit = Callable[..., Visitor]


def ask(page: Page, *, age: str = "14") -> None:
    page.get_by_label("Kind of concern", exact=True).select_option("fgm")
    page.get_by_label("Age", exact=True).fill(age)
    page.get_by_label("How it is known").select_option("told_by_the_child")
    page.get_by_label("Reporter role").select_option("teacher")
    page.get_by_label("Where the child lives").select_option("Kent")
    page.get_by_label("A route you had expected").select_option("LADO")
    page.get_by_role("button", name="Ask the rules").click()


@pytest.mark.parametrize("width", [WIDE, PHONE])
def test_every_page_of_the_rules_is_accessible_and_clean(visit: Visit, width: int) -> None:
    visitor = visit(width)
    visitor.sign_in(DUTY)
    for name, path in PAGES.items():
        if width == PHONE and name in ALIKE:
            continue
        visitor.page.goto(visitor.base + path)
        visitor.judge(name)


@pytest.mark.parametrize("width", [WIDE, PHONE])
def test_a_what_if_is_accessible_before_and_after_and_when_it_is_wrong(
    visit: Visit, width: int
) -> None:
    visitor = visit(width)
    page = visitor.page
    visitor.sign_in(DUTY)
    if width == PHONE:
        page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="Rules", exact=True).click()
    page.get_by_role("link", name="What would the rules say?").click()
    page.get_by_text("More facts").click()
    visitor.judge("what-if")
    ask(page, age="old")
    page.get_by_role("link", name="Enter a whole number from 0 to 120: age", exact=True).wait_for()
    visitor.faults = [fault for fault in visitor.faults if "Failed to load" not in fault]
    visitor.judge("what-if-wrong")
    ask(page)
    page.get_by_text("not taken; the nearest rule is NAT-ADU-01").wait_for()
    for why in page.locator("details").all():
        why.evaluate("each => { each.open = true }")
    visitor.judge("what-if-answer")


def test_a_what_if_needs_no_javascript_and_an_auditor_may_ask_too(visit: Visit) -> None:
    visitor = visit(scripts=False)
    visitor.sign_in(AUDITOR, "/audit")
    visitor.page.goto(visitor.base + "/policy/what-if")
    if "Sign in as whom?" in visitor.page.content():
        visitor.page.get_by_role("button", name=AUDITOR, exact=True).click()
        visitor.page.goto(visitor.base + "/policy/what-if")
    ask(visitor.page)
    assert visitor.page.get_by_role("heading", name="POLICE_101").count() == 1
    visitor.page.get_by_role("link", name="NAT-FGM-01").first.click()
    assert "FGM Act 2003" in visitor.page.content()
