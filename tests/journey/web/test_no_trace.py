"""To whoever is kept out of a case every page is as if there were no such case, to the letter."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from shared.clock import SetClock
from tests.conftest import Database, TestIssuer
from tests.journey.escalation.house import House
from tests.journey.web.conftest import DUTY, Desk, hidden
from tests.journey.web.streams import HERE, Open
from tests.journey.web.test_school_tasks import CHAIR, DSL, HEAD, TEACHER, URN

MANAGER = "demo-manager-mash-821"
INCIDENT = "7f0f4a0e-3c8a-4a51-9d0c-0d9f5f8f4f13"
CHILD = ["upn:b2"]
SCHOOL_PAGES = ("/tasks", "/tasks?state=all", "/tasks/cases/{known}")
HUB_PAGES = (
    "/triage",
    HERE,
    f"{HERE}?has=nobody",
    f"{HERE}?overdue=1",
    f"{HERE}?priority=P0",
    "/triage/cases/{known}",
    "/triage/handover/MASH/821",
)
FIGURES = ("/triage/figures", "/triage/figures.csv?la=821")
# What differs from one reading of the same page to the next, and the numbers of the live stream.
_FRESH = re.compile(r'nonce="[^"]*"|name="csrf" value="[^"]*"|seen=\d+|nonce-[^\' ;]*')
KEPT_OUT: list[tuple[str, tuple[str, ...], dict[str, Any]]] = [
    (DSL, SCHOOL_PAGES, {"excluded_roles": ["dsl"]}),
    (HEAD, SCHOOL_PAGES[:2], {"excluded_roles": ["head"]}),
    (CHAIR, SCHOOL_PAGES[:2], {"excluded_roles": ["chair"]}),
    (DSL, SCHOOL_PAGES, {"exclude_school_staff": True}),
    (TEACHER, SCHOOL_PAGES[:2], {"exclude_school_staff": True}),
    (DUTY, HUB_PAGES, {}),
    (MANAGER, HUB_PAGES + FIGURES, {}),
]


@pytest.fixture
def house(desk: Desk, clock: SetClock, issuer: TestIssuer, database: Database) -> House:
    return House(desk.app, clock, issuer, database)


async def known_case(house: House) -> str:
    return str(await house.raised(urn=URN, incident_id=INCIDENT, match_keys=CHILD, synthetic=False))


async def secret_case(house: House, account: str, **kept_out: Any) -> str:
    """Of the same child and the same incident, in the same queues, and more urgent."""
    more = {"excluded_refs": [house.ref(account)]} | kept_out
    facts = {"immediate_danger": "yes", "age_years": 9}
    return str(
        await house.raised(
            urn=URN, incident_id=INCIDENT, match_keys=CHILD, synthetic=False, facts=facts, **more
        )
    )


async def read(desk: Desk, pages: tuple[str, ...], known: str) -> dict[str, tuple[int, str]]:
    found = {}
    for path in pages:
        answer = await desk.get(path.format(known=known))
        found[path] = answer.status_code, _FRESH.sub("", answer.text)
    return found


@pytest.mark.parametrize(("account", "pages", "kept_out"), KEPT_OUT)
async def test_every_page_is_the_same_with_the_case_and_without_it(
    desk: Desk, house: House, account: str, pages: tuple[str, ...], kept_out: dict[str, Any]
) -> None:
    known = await known_case(house)
    await desk.sign_in(account, pages[0])
    before = await read(desk, pages, known)
    assert {status for status, _ in before.values()} == {200}
    named = "nobody" if kept_out else account
    # Figures are told in fives: fewer would not be seen in any event.
    for _ in range(5 if FIGURES[0] in pages else 1):
        secret = await secret_case(house, named, **kept_out)
    assert await read(desk, pages, known) == before
    tasks = await house.sql("SELECT id FROM task WHERE case_id = $1", secret)
    addresses = [f"/triage/cases/{secret}", f"/tasks/cases/{secret}"]
    addresses += [f"/tasks/{row['id']}" for row in tasks]
    for path in addresses:
        there = await desk.get(path)
        nowhere = await desk.get(path.replace(path.rsplit("/", 1)[1], INCIDENT))
        assert there.status_code == nowhere.status_code, path
        assert there.status_code in (403, 404), path
        assert _FRESH.sub("", there.text) == _FRESH.sub("", nowhere.text)


async def test_an_excluded_worker_finds_it_by_no_reference_and_is_never_given_it(
    desk: Desk, house: House
) -> None:
    await desk.sign_in(DUTY, HERE)
    secret = await secret_case(house, DUTY)
    for typed in (secret, secret[-8:]):
        page = await desk.get(f"{HERE}?reference={typed}")
        assert page.status_code == 200
        assert "There is no case of yours with this reference" in page.text
    form = hidden((await desk.get(HERE)).text)
    taken = await desk.post(f"{HERE}/take", form)
    assert taken.headers["location"] == f"{HERE}?said=all-taken"


async def test_the_stream_of_an_excluded_worker_is_silent_while_anothers_tells(
    desks: Callable[[], Desk], house: House, opened: Open
) -> None:
    kept_out, other = desks(), desks()
    await kept_out.sign_in(DUTY, HERE)
    await other.sign_in(MANAGER, HERE)
    async with opened.stream(kept_out) as theirs, opened.stream(other) as others:
        secret = await secret_case(house, DUTY)
        await others.until(lambda: secret in others.text)
        rows = await house.sql("SELECT id FROM task WHERE case_id = $1", secret)
        known = str(await house.raised(urn=URN))
        await theirs.until(lambda: known in theirs.text)
        assert not [row for row in rows if str(row["id"]) in theirs.text]
        assert len(theirs.events) == 1


async def test_a_row_that_is_hidden_while_the_stream_was_lost_goes_from_the_page(
    desk: Desk, house: House, opened: Open
) -> None:
    case_id = await known_case(house)
    await desk.sign_in(DUTY, HERE)
    page = (await desk.get(HERE)).text
    await house.sql(
        "INSERT INTO exclusion (case_id, account_ref) VALUES ($1, $2)", case_id, house.ref(DUTY)
    )
    [row] = await house.sql(
        "SELECT id FROM task WHERE case_id = $1 AND route = 'MASH' AND kind = 'duty'", case_id
    )
    found = re.search(r'hx-sse:connect="([^"]+)"', page)
    assert found
    async with opened.stream(desk, found[1].replace("&amp;", "&")) as stream:
        await stream.until(lambda: f'#row-{row["id"]}" hx-swap="delete"' in stream.text)
