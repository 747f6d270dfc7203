"""A duty worker's day at the desk: with a mouse, with a colleague, without JavaScript, by keyboard,
on a phone, and when the house stops while the desk is open."""

import secrets
from collections.abc import Callable

import httpx2
import pytest

from tests.e2e.conftest import Demo
from tests.e2e.web.conftest import CONCERN, PHONE, WIDE, Visitor

DUTY = "Duty worker, Luton hub"
MANAGER = "Manager, Luton hub"
HERE = "/triage/MASH/821"
Visit = Callable[..., Visitor]


def post(house: Demo, **facts: str) -> str:
    """One more concern; gives its reference."""
    body = {**CONCERN, "facts": {**CONCERN["facts"], **facts}}  # type: ignore[dict-item]
    key = {"Idempotency-Key": secrets.token_hex(8)}
    mis = house.headers("--role", "mis", "--client", "demo-mis", "--school", "999002")
    answer = httpx2.post(
        f"{house.base}/v1/concerns", json=body, headers=mis | key, timeout=20, trust_env=False
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["concerns"][0]["concern_id"])[-8:].upper()


def row(visitor: Visitor, reference: str) -> str:
    found = visitor.page.get_by_role("row").filter(has_text=reference)
    found.wait_for()
    return found.inner_text()


def connected(visitor: Visitor) -> None:
    """Waits until the page has its stream."""
    for _ in range(200):
        if visitor.page.evaluate("!!document.querySelector('.handrail-live')?._htmx?.sse"):
            return
        visitor.page.wait_for_timeout(50)
    raise AssertionError("the page has no live updates")


def fill_and_send(visitor: Visitor, form: str, button: str, **fields: str) -> None:
    page = visitor.page
    page.get_by_text(form, exact=True).click()
    for name, value in fields.items():
        box = page.locator(f"[name='{name.replace('_', '-')}']:visible")
        if box.evaluate("box => box.tagName") == "SELECT":
            box.select_option(value)
        else:
            box.fill(value)
    page.get_by_role("button", name=button, exact=True).click()
    page.get_by_role("alert").wait_for()


@pytest.mark.parametrize("width", [WIDE, PHONE])
def test_the_whole_day_of_a_duty_worker(visit: Visit, house: Demo, width: int) -> None:
    reference = post(house)
    visitor = visit(width)
    page = visitor.page
    visitor.sign_in(DUTY, HERE)
    assert "Nobody" in row(visitor, reference)
    visitor.judge("duty-queue")
    page.get_by_label("Find a reference").fill(reference.lower())
    page.get_by_role("button", name="Find", exact=True).click()
    page.get_by_role("heading", level=1, name=f"Case {reference}").wait_for()
    visitor.judge("duty-case")
    page.get_by_role("button", name="Take this case").click()
    page.get_by_text("You have taken this case.").wait_for()
    page.get_by_label("Why do you need to read them?").select_option("triage")
    page.get_by_role("button", name="Open the details").click()
    page.get_by_text("Invented: marks on the arm.").wait_for()
    visitor.judge("duty-details")
    page.goto(f"{visitor.base}{HERE}?reference={reference}")
    fill_and_send(
        visitor, "Rate it (red, amber, green or blue)", "Record the rating", rating="amber"
    )
    fill_and_send(
        visitor, "Ask the school for information", "Ask the school’s lead", question="Who saw it?"
    )
    page.get_by_text("Decide", exact=True).click()
    page.get_by_label("Outcome").select_option("NFA")
    page.get_by_role("button", name="Record the decision").click()
    page.get_by_role("link", name="Enter why there is no further action").wait_for()
    visitor.faults.clear()  # the browser itself notes an answer that is an error
    visitor.judge("duty-refused")
    page.get_by_label("Why", exact=True).last.fill("Seen, and all is well.")
    page.get_by_role("button", name="Record the decision").click()
    page.get_by_text("The decision is recorded").wait_for()
    visitor.judge("duty-decided")
    page.goto(visitor.base + HERE)
    assert page.get_by_role("row").filter(has_text=reference).count() == 0


def test_two_workers_see_each_others_doings_at_once(visit: Visit, house: Demo) -> None:
    one, two = visit(), visit()
    one.sign_in(DUTY, HERE)
    two.sign_in(MANAGER, HERE)
    for visitor in (one, two):
        connected(visitor)
    reference = post(house)
    assert "Nobody" in row(one, reference)
    assert "Nobody" in row(two, reference)
    one.page.get_by_role("link", name=reference).focus()
    two.page.goto(f"{two.base}{HERE}?reference={reference}")
    two.page.get_by_role("button", name="Take this case").click()
    taken = one.page.get_by_role("row").filter(has_text=reference).filter(has_text="Someone else")
    taken.wait_for()
    assert one.page.evaluate("document.activeElement.textContent") == reference
    one.judge("duty-live")
    one.page.goto(f"{one.base}{HERE}?reference={reference}")
    two.page.get_by_text("Rate it (red, amber, green or blue)").click()
    two.page.get_by_label("How serious is it?").select_option("red")
    two.page.get_by_role("button", name="Record the rating").click()
    two.page.get_by_text("The rating is recorded").wait_for()
    one.page.get_by_text("Ask the school for information").click()
    one.page.get_by_label("What do you need to know?").fill("Who saw the marks?")
    one.page.get_by_role("button", name="Ask the school’s lead").click()
    one.page.get_by_role("heading", name="What changed since you opened it").wait_for()
    assert "Rated red" in one.page.locator("#changed").inner_text()
    assert one.page.get_by_label("What do you need to know?").input_value() == "Who saw the marks?"
    one.faults.clear()
    one.judge("duty-stale")
    one.page.get_by_role("button", name="Ask the school’s lead").click()
    one.page.get_by_text("The school’s lead is asked").wait_for()


def test_a_desk_that_loses_its_stream_says_so_and_goes_on(visit: Visit, house: Demo) -> None:
    visitor = visit()
    visitor.sign_in(DUTY, HERE)
    page = visitor.page
    connected(visitor)
    assert not page.get_by_text("Live updates have stopped").is_visible()
    page.context.set_offline(True)
    page.evaluate("document.querySelector('.handrail-live')._htmx.sse.reader.cancel()")
    page.get_by_text("Live updates have stopped").wait_for()
    reference = post(house)
    page.context.set_offline(False)
    assert "Nobody" in row(visitor, reference)
    page.get_by_text("Live updates have stopped").wait_for(state="hidden")


def test_the_desk_works_without_javascript(visit: Visit, house: Demo) -> None:
    post(house)
    visitor = visit(scripts=False)
    visitor.sign_in(DUTY, HERE)
    page = visitor.page
    page.get_by_role("button", name="Take the next one").click()
    page.get_by_text("You have taken this case.").wait_for()
    page.get_by_text("Ask the school for information").click()
    page.get_by_label("What do you need to know?").fill("Who saw it?")
    page.get_by_role("button", name="Ask the school’s lead").click()
    page.get_by_text("The school’s lead is asked").wait_for()
    page.get_by_role("button", name="Give it back").click()
    page.get_by_text("The case was given back").wait_for()
    page.get_by_role("link", name="Safeguarding hub (MASH): queue").click()
    page.get_by_label("Show").select_option("nobody")
    page.get_by_role("button", name="Filter").click()
    page.get_by_text("A part of the queue.").wait_for()


def test_a_whole_task_with_the_keyboard_alone(visit: Visit, house: Demo) -> None:
    post(house)
    visitor = visit()
    page, keys = visitor.page, visitor.page.keyboard
    page.goto(visitor.base + HERE)
    press(visitor, DUTY)
    page.wait_for_url(visitor.base + HERE)
    keys.press("Tab")
    assert focused(visitor) == "Skip to main content"
    keys.press("Enter")
    press(visitor, "Show", "Nobody")
    press(visitor, "Filter")
    page.get_by_text("A part of the queue.").wait_for()
    press(visitor, "Take the next one")
    page.get_by_text("You have taken this case.").wait_for()
    press(visitor, "Why do you need to read them?", "To decide")
    press(visitor, "Open the details")
    page.get_by_text("Invented: marks on the arm.").wait_for()
    press(visitor, "Rate it (red, amber, green or blue)")
    press(visitor, "How serious is it?", "Amber")
    press(visitor, "Record the rating")
    page.get_by_text("The rating is recorded").wait_for()
    press(visitor, "Decide")
    press(visitor, "Outcome", "Information and")
    keys.press("Tab")
    keys.type("Told whom to ask.")
    press(visitor, "Record the decision")
    page.get_by_text("The decision is recorded").wait_for()
    assert "Information and advice given" in page.inner_text("main")
    press(visitor, "Sign out")
    page.get_by_role("heading", level=1, name="You are signed out").wait_for()
    assert visitor.faults == []


def press(visitor: Visitor, name: str, choice: str = "") -> None:
    """Tabs to what has that name, and presses it; or chooses in it, where it is a list."""
    for _ in range(80):
        visitor.page.keyboard.press("Tab")
        if focused(visitor) == name:
            visitor.page.keyboard.type(choice) if choice else visitor.page.keyboard.press("Enter")
            return
    raise AssertionError(f"{name} is not reached with the keyboard")


def focused(visitor: Visitor) -> str:
    """The name of what has the keyboard, which is to be seen there, and to be seen as that."""
    name, seen = visitor.page.evaluate("""() => {
        const at = document.activeElement, box = at.getBoundingClientRect()
        const style = getComputedStyle(at)
        const marked = parseFloat(style.outlineWidth) > 0 && style.outlineStyle !== "none"
            || style.boxShadow !== "none"
        const shown = box.bottom > 0 && box.top < innerHeight && box.width > 1
        return [(at.labels?.[0] ?? at).textContent.trim(), at === document.body || marked && shown]
    }""")
    assert seen, f"nothing shows that {name} has the keyboard"
    return str(name)


def test_the_house_stops_at_once_with_a_desk_open(visit: Visit, house: Demo) -> None:
    visitor = visit()
    visitor.sign_in(DUTY, HERE)
    connected(visitor)
    house.sql("CHECKPOINT")  # what the day before has yet to bring to the disk is not the desk's
    try:
        seconds = house.stop()
        assert house.process is not None
        assert house.process.returncode == 0, house.said
        assert seconds <= 3
        visitor.page.get_by_text("Live updates have stopped").wait_for()
    finally:
        house.start()
