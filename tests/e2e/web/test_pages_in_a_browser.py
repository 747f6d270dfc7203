"""Signing in and looking at the queues as people do it: mouse, keyboard, phone, no JavaScript."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.conftest import Demo
from tests.e2e.web.conftest import PHONE, WIDE, Visitor, a_house

DUTY = "Duty worker, Luton hub"
Visit = Callable[..., Visitor]


@pytest.fixture(scope="module")
def house() -> Iterator[Demo]:
    with a_house() as fresh:
        yield fresh


@pytest.mark.parametrize("width", [WIDE, PHONE])
def test_every_page_on_the_way_is_accessible_and_clean(visit: Visit, width: int) -> None:
    visitor = visit(width)
    page = visitor.page
    page.goto(visitor.base + "/triage")
    visitor.judge("people")
    page.get_by_role("button", name=DUTY, exact=True).click()
    page.wait_for_url(visitor.base + "/triage")
    visitor.judge("queues")
    page.get_by_role("link", name="Safeguarding hub (MASH)").click()
    page.get_by_role("heading", level=1, name="Safeguarding hub (MASH): queue").wait_for()
    assert page.get_by_role("row").count() == 2
    visitor.judge("queue")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", level=1, name="You are signed out").wait_for()
    visitor.judge("signed-out")
    page.goto(visitor.base + "/triage")
    assert "Sign in as whom?" in page.content()


def test_the_demos_own_pages_are_accessible_too(visit: Visit) -> None:
    visitor = visit()
    for path in ("/", "/mail"):
        visitor.page.goto(visitor.base + path)
        visitor.judge(path.strip("/") or "front")
    visitor.page.goto(visitor.base)
    visitor.page.get_by_role("link", name="The queues").click()
    assert visitor.page.get_by_role("heading", level=1).inner_text() == "Sign in as whom?"


@pytest.mark.parametrize("width", [WIDE, PHONE])
def test_an_error_is_an_accessible_page(visit: Visit, width: int) -> None:
    visitor = visit(width)
    visitor.sign_in("Auditor", "/audit")
    visitor.judge("audit")
    for path, name in (("/audit/nothing", "not-found"), ("/audit-log/sign-in/callback", "refused")):
        visitor.page.goto(visitor.base + path)
        # The browser itself notes each answer that is an error.
        visitor.faults = [fault for fault in visitor.faults if "Failed to load" not in fault]
        visitor.judge(name)


def test_one_sign_out_is_enough_for_the_queues_and_the_log(visit: Visit) -> None:
    visitor = visit()
    visitor.sign_in("Auditor", "/audit")
    visitor.page.goto(visitor.base + "/triage")
    visitor.page.get_by_role("button", name=DUTY, exact=True).click()
    visitor.page.wait_for_url(visitor.base + "/triage")
    before: Any = visitor.page.context.cookies()
    visitor.page.get_by_role("button", name="Sign out").click()
    visitor.page.get_by_role("heading", level=1, name="You are signed out").wait_for()
    visitor.page.context.add_cookies(before)  # as a thief of the old cookies would
    for path in ("/audit", "/triage"):
        visitor.page.goto(visitor.base + path)
        assert "Sign in as whom?" in visitor.page.content(), path


def test_it_works_without_javascript(visit: Visit) -> None:
    visitor = visit(scripts=False)
    visitor.sign_in(DUTY, "/triage/MASH/821")
    assert visitor.page.get_by_role("row").count() == 2
    visitor.page.get_by_role("button", name="Sign out").click()
    assert visitor.page.get_by_role("heading", level=1).inner_text() == "You are signed out"
    assert visitor.faults == []


def test_it_works_with_the_keyboard_alone(visit: Visit) -> None:
    visitor = visit()
    page = visitor.page
    page.goto(visitor.base + "/triage")
    tab_to(visitor, DUTY)
    page.keyboard.press("Enter")
    page.wait_for_url(visitor.base + "/triage")
    page.keyboard.press("Tab")
    assert focused(visitor) == "Skip to main content"
    page.keyboard.press("Enter")
    tab_to(visitor, "Safeguarding hub (MASH), Luton")
    page.keyboard.press("Enter")
    page.wait_for_url("**/triage/MASH/821")
    tab_to(visitor, "Sign out")
    page.keyboard.press("Enter")
    page.get_by_role("heading", level=1, name="You are signed out").wait_for()


def focused(visitor: Visitor) -> str:
    text: str = visitor.page.evaluate("document.activeElement.textContent.trim()")
    return text


def tab_to(visitor: Visitor, name: str) -> None:
    for _ in range(40):
        visitor.page.keyboard.press("Tab")
        if focused(visitor) == name:
            outline = "getComputedStyle(document.activeElement).outlineStyle"
            shadow = "getComputedStyle(document.activeElement).boxShadow"
            assert visitor.page.evaluate(f"[{outline}, {shadow}]") != ["none", "none"], name
            return
    raise AssertionError(f"{name} is not reached with the keyboard")


def test_two_people_in_two_browsers_see_each_their_own(visit: Visit) -> None:
    duty, lead = visit(), visit()
    duty.sign_in(DUTY)
    lead.page.goto(lead.base + "/triage")
    lead.page.get_by_role("button", name="Safeguarding lead (DSL), school 999002").click()
    assert lead.page.get_by_role("heading", level=1).inner_text() == "You cannot open this page"
    duty.page.reload()
    assert duty.page.get_by_role("heading", level=1).inner_text() == "Queues"


def test_the_scripts_run_under_the_strict_policy(visit: Visit) -> None:
    visitor = visit()
    visitor.sign_in(DUTY)
    page = visitor.page
    page.wait_for_function("document.body.classList.contains('govuk-frontend-supported')")
    assert page.evaluate("typeof htmx") == "object"
    injected = "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=alert(1)>')"
    with pytest.raises(Exception, match="TrustedHTML"):
        page.evaluate(injected)
