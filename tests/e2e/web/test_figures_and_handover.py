"""The end of a shift and the managers' figures, at a desk, on a phone, printed, without scripts."""

from collections.abc import Callable

import httpx2
import pytest

from tests.e2e.conftest import ARTEFACTS, Demo
from tests.e2e.web.conftest import CONCERN, PHONE, WIDE, Visitor

DUTY, MANAGER = "Duty worker, Luton hub", "Manager, Luton hub"
HUB = "/triage/handover/MASH/821"
Visit = Callable[..., Visitor]


@pytest.fixture(scope="module", autouse=True)
def cases(house: Demo) -> None:
    """Enough of two kinds for figures that may be told, and one of a third."""
    headers = house.headers("--role", "mis", "--client", "demo-mis", "--school", "999002")
    kinds = ["physical"] * 6 + ["neglect"] * 7 + ["radicalisation"]
    for number, kind in enumerate(kinds):
        facts = CONCERN["facts"] | {"concern_types": [kind]}  # type: ignore[operator]
        sent = CONCERN | {"facts": facts, "source_record_id": f"FIGURES-{number}"}
        httpx2.post(
            f"{house.base}/v1/concerns",
            json=sent,
            headers=headers | {"Idempotency-Key": f"figures-{number}"},
            timeout=20,
            trust_env=False,
        ).raise_for_status()


@pytest.mark.parametrize("width", [WIDE, PHONE])
def test_a_shift_is_handed_over_and_taken(visit: Visit, width: int) -> None:
    visitor = visit(width)
    page = visitor.page
    visitor.sign_in(DUTY)
    page.goto(visitor.base + HUB)
    page.get_by_role("heading", name="What the next shift must know").wait_for()
    visitor.judge("handover")
    page.get_by_role("button", name="Hand over to the next shift of this queue").click()
    page.get_by_text("Until somebody takes it over, it is theirs who gave it.").wait_for()
    visitor.judge("handover-waiting")
    page.get_by_role("button", name="I have read it and take over").click()
    page.get_by_text("was last taken over by Duty worker, Luton hub").wait_for()
    visitor.judge("handover-taken")


def test_the_brief_is_printed_without_what_only_a_screen_can_use(visit: Visit) -> None:
    visitor = visit()
    page = visitor.page
    visitor.sign_in(DUTY)
    page.goto(visitor.base + HUB)
    page.emulate_media(media="print")
    page.screenshot(path=ARTEFACTS / "handover-printed.png", full_page=True)
    assert not page.get_by_role("button").first.is_visible()
    assert not page.get_by_role("navigation").first.is_visible()
    assert page.get_by_role("table").first.is_visible()
    assert page.get_by_text("Safeguarding hub (MASH), Luton").is_visible()
    region = "document.querySelector('.handrail-scroll')"
    wide = f"{region}.scrollWidth <= {region}.clientWidth"
    assert page.evaluate(wide), "no column is cut off on paper"


def test_a_shift_is_handed_over_without_javascript(visit: Visit) -> None:
    visitor = visit(scripts=False)
    visitor.sign_in(DUTY)
    visitor.page.goto(visitor.base + HUB)
    visitor.page.get_by_role("button", name="Hand over to: Emergency duty team").click()
    assert visitor.page.get_by_text("It waits for somebody there.").count() == 1
    assert visitor.faults == []


@pytest.mark.parametrize("width", [WIDE, PHONE])
def test_figures_are_read_as_pictures_and_as_tables(visit: Visit, width: int) -> None:
    visitor = visit(width)
    page = visitor.page
    visitor.sign_in(MANAGER)
    page.goto(visitor.base + "/triage/figures")
    page.get_by_role("img", name="By kind of concern").wait_for()
    visitor.judge("figures")
    page.get_by_label("First day").fill("2020-01-01")
    page.get_by_role("button", name="Show figures").click()
    page.get_by_role("heading", name="There is a problem").wait_for()
    visitor.faults = [fault for fault in visitor.faults if "Failed to load" not in fault]
    visitor.judge("figures-wrong")
    page.goto(visitor.base + "/triage/figures")
    with page.expect_download() as download:
        page.get_by_role("link", name="The same as CSV").click()
    assert download.value.suggested_filename.startswith("figures-821-")
    page.emulate_media(media="print")
    page.screenshot(path=ARTEFACTS / f"figures-printed-{width}.png", full_page=True)
    assert not page.get_by_role("button").first.is_visible()
