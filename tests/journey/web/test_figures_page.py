"""The managers' figures on a page: told in pictures, in tables and as CSV, and of nobody."""

import csv
import io
import re
from collections.abc import Callable
from html import unescape

import pytest

from shared.clock import SetClock
from tests.conftest import Database, TestIssuer
from tests.journey.escalation.house import House
from tests.journey.web.conftest import DUTY, Desk

MANAGER = "demo-manager-mash-821"
PAGE = "/triage/figures"
NEGLECT = {"concern_types": ["neglect"], "harm_level": "suspected_significant"}


@pytest.fixture
def house(desk: Desk, clock: SetClock, issuer: TestIssuer, database: Database) -> House:
    return House(desk.app, clock, issuer, database)


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


async def test_each_picture_has_its_table_and_its_words(desk: Desk, house: House) -> None:
    for _ in range(6):
        await house.raised(synthetic=False, facts=NEGLECT)
    for _ in range(5):
        await house.raised(synthetic=False)
    await desk.sign_in(MANAGER)
    html = (await desk.get(PAGE)).text
    pictures = re.findall(r'<svg role="img".*?</svg>', html, re.DOTALL)
    titles = [re.search(r"<title[^>]*>([^<]*)</title>", one) for one in pictures]
    assert [title and unescape(title[1]) for title in titles] == [
        "By kind of concern",
        "By the child’s home authority",
        "By outcome",
        "By priority",
        "By type of school",
    ]
    told = re.search(r'id="category-told">([^<]*)<', html)
    assert told
    assert told[1] == "Neglect: 5; Physical: 5"
    table = words(html[html.index('id="category"') :])
    assert "Neglect 5 Physical 5" in table
    assert "style=" not in html


async def test_types_of_school_are_told_in_words(desk: Desk, house: House) -> None:
    for phase in ("Primary", "Not applicable", "16 plus", None):
        for _ in range(5):
            await house.raised(synthetic=False, school_phase=phase)
    await desk.sign_in(MANAGER)
    html = (await desk.get(PAGE)).text
    table = words(html[html.index('id="school-type"') :])
    assert "No phase: special, independent and other schools 5" in table
    assert "16 and over 5 No phase" in table
    assert "Not known 5 Primary 5" in table


async def test_a_small_number_is_nowhere_on_the_page(desk: Desk, house: House) -> None:
    for _ in range(6):
        await house.raised(synthetic=False, facts=NEGLECT)
    await house.raised(synthetic=False)
    await desk.sign_in(MANAGER)
    html = (await desk.get(PAGE)).text
    part = words(html[html.index('id="category"') : html.index('id="home-authority"')])
    assert "Neglect: 1 to 4 or hidden" in part
    assert "Physical 1 to 4 or hidden" in part
    assert not re.search(r"\b[167]\b", part.replace("1 to 4 or hidden", ""))


async def test_no_cases_is_said_in_a_sentence(desk: Desk) -> None:
    await desk.sign_in(MANAGER)
    assert "No case was received in these weeks." in (await desk.get(PAGE)).text


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("since=yesterday", "Enter a day, such as 2026-11-30"),
        ("since=2024-01-01&until=2026-01-01", "Ask for at most a year"),
        ("since=2026-11-02&until=2026-11-01", "the first day before the last"),
    ],
)
async def test_days_that_cannot_be_are_said_beside_what_was_typed(
    desk: Desk, asked: str, says: str
) -> None:
    await desk.sign_in(MANAGER)
    answer = await desk.get(f"{PAGE}?la=821&{asked}")
    assert answer.status_code == 422
    assert "There is a problem" in answer.text
    assert says in words(answer.text)
    assert asked.split("&", maxsplit=1)[0].partition("=")[2] in answer.text


async def test_the_csv_is_the_page_as_rows(desk: Desk, house: House) -> None:
    for _ in range(5):
        await house.raised(synthetic=False)
    await desk.sign_in(MANAGER)
    link = re.search(r'href="(/triage/figures.csv[^"]*)"', (await desk.get(PAGE)).text)
    assert link
    answer = await desk.get(unescape(link[1]))
    assert ["cases", "all", "count", "5"] in list(csv.reader(io.StringIO(answer.text)))


async def test_figures_are_a_managers_of_that_authority(
    desks: Callable[[], Desk], desk: Desk
) -> None:
    await desk.sign_in(MANAGER)
    assert (await desk.get(f"{PAGE}?la=886")).status_code == 403
    other = desks()
    await other.sign_in(DUTY)
    assert (await other.get(PAGE)).status_code == 403
