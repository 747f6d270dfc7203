"""No page tells of an earlier case to somebody who is kept out of it."""

import pytest

from shared.clock import SetClock
from tests.conftest import Database, TestIssuer
from tests.journey.escalation.house import House
from tests.journey.web.conftest import DUTY, Desk
from tests.journey.web.test_school_tasks import DSL, URN, task_id

CHILD = ["upn:a1"]
SLIGHT = {"concern_types": ["neglect"], "harm_level": "in_need", "immediate_danger": "no"}
TELLS = ("NAT-GEN-05A", "whole chronology", "earlier concern", "Another lower-level concern")


@pytest.fixture
def house(desk: Desk, clock: SetClock, issuer: TestIssuer, database: Database) -> House:
    return House(desk.app, clock, issuer, database)


def tell_tales(html: str) -> list[str]:
    return [words for words in TELLS if words.lower() in html.lower()]


@pytest.mark.parametrize("kept_out", [True, False])
async def test_a_case_s_page_names_earlier_concerns_only_to_who_may_know_of_them(
    desk: Desk, house: House, kept_out: bool
) -> None:
    out = [house.ref(DUTY)] if kept_out else []
    await house.raised(facts=SLIGHT, match_keys=CHILD, excluded_refs=out)
    later = await house.raised(facts=SLIGHT, match_keys=CHILD)
    html = (await desk.sign_in(DUTY, f"/triage/cases/{later}")).text
    assert "Why it came here" in html
    assert bool(tell_tales(html)) is not kept_out


@pytest.mark.parametrize("kept_out", [True, False])
async def test_a_lead_s_tasks_name_them_only_so_too(
    desk: Desk, house: House, kept_out: bool
) -> None:
    out = ["dsl"] if kept_out else []
    await house.raised(urn=URN, facts=SLIGHT, match_keys=CHILD, excluded_roles=out)
    later = await house.raised(urn=URN, facts=SLIGHT, match_keys=CHILD)
    html = (await desk.sign_in(DSL, "/tasks")).text
    one = await task_id(house, later, "DSL", "dsl")
    html += (await desk.get(f"/tasks/{one}")).text + (await desk.get(f"/tasks/cases/{later}")).text
    assert str(later) in html
    assert bool(tell_tales(html)) is not kept_out
