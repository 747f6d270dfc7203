"""Somebody types for so long that their sign-in runs out: nothing they typed is lost."""

from collections.abc import Callable

import pytest

from handrail.demo import DATABASE
from tests.e2e.conftest import Demo
from tests.e2e.web.conftest import PHONE, WIDE, Visitor

DUTY = "Duty worker, Luton hub"


def let_sessions_run_out(house: Demo) -> None:
    """As if two hours had gone by."""
    back_dated = "UPDATE web_session SET seen_at = seen_at - interval '2 hours'"
    house.sql(back_dated, DATABASE, "escalation")


@pytest.mark.parametrize(("width", "scripts"), [(WIDE, True), (PHONE, True), (WIDE, False)])
def test_what_was_typed_is_shown_again_after_the_next_sign_in_and_sent(
    visit: Callable[..., Visitor], house: Demo, width: int, scripts: bool
) -> None:
    visitor = visit(width, scripts=scripts)
    page = visitor.page
    visitor.sign_in(DUTY, "/policy/what-if")
    page.get_by_label("Kind of concern", exact=True).select_option("fgm")
    page.get_by_label("Age", exact=True).fill("14")
    let_sessions_run_out(house)
    page.get_by_role("button", name="Ask the rules").click()
    page.get_by_role("heading", level=1, name="Sign in to go on").wait_for()
    assert "What you typed is kept for an hour" in page.content()
    clean(visitor, "form-kept", scripts=scripts)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name=DUTY, exact=True).click()
    page.get_by_role("heading", level=1, name="Check and send again").wait_for()
    assert page.get_by_role("definition").filter(has_text="14").count() == 1
    clean(visitor, "form-waiting", scripts=scripts)
    page.get_by_role("button", name="Send it now").click()
    page.wait_for_url("**/policy/what-if")
    assert page.get_by_label("Age", exact=True).input_value() == "14"


def clean(visitor: Visitor, name: str, *, scripts: bool) -> None:
    # The browser itself notes each answer that is an error.
    visitor.faults = [fault for fault in visitor.faults if "Failed to load" not in fault]
    if scripts:
        visitor.judge(name)
