"""The pages of the rules: anyone signed in may read them, and ask what the rules would say."""

import re
from html import unescape

import pytest

from shared.policy import load_policy
from shared.policy.readers.tables import tables
from tests.journey.web.conftest import Desk

POLICY = load_policy()
SOME = 10
FGM = {"concern_types": "fgm", "knowledge_basis": "told_by_the_child", "reporter_role": "teacher",
       "immediate_danger": "no", "home": "886", "school": "886", "at": "day"}  # fmt: skip


async def asked(desk: Desk, **fields: str) -> tuple[int, str]:
    sent = {"csrf": await desk.token(), **FGM, **fields}
    answer = await desk.post("/policy/what-if", sent)
    return answer.status_code, " ".join(unescape(re.sub(r"<[^>]*>", " ", answer.text)).split())


async def test_nobody_reads_the_rules_here_without_signing_in(desk: Desk) -> None:
    for path in ("/policy", "/policy/tables/fgm", "/policy/rules/NAT-FGM-01", "/policy/what-if"):
        assert (await desk.get(path)).status_code == 303


async def test_packs_tables_rules_and_sources_are_linked_and_each_link_leads_somewhere(
    desk: Desk,
) -> None:
    await desk.sign_in()
    seen: set[str] = set()
    to_read = ["/policy"]
    while to_read:
        path = to_read.pop()
        rules = sum(each.startswith("/policy/rules/") for each in seen)
        if path in seen or (path.startswith("/policy/rules/") and rules >= SOME):
            continue
        seen.add(path)
        answer = await desk.get(path)
        assert answer.status_code == 200, path
        assert " style=" not in answer.text
        found = re.findall(r'href="(/policy[^"#]*)(?:#([^"]*))?"', answer.text)
        to_read += [link for link, _ in found]
    assert {f"/policy/packs/{name}" for name in ("national", "kent", "luton", "norfolk")} <= seen
    assert {f"/policy/tables/{table.name}" for table in tables(POLICY)} <= seen
    assert {"/policy/sources", "/policy/clocks", "/policy/what-if"} <= seen


async def test_a_rule_says_its_source_and_a_local_directory_when_it_was_checked(desk: Desk) -> None:
    await desk.sign_in()
    assert "FGM Act 2003" in (await desk.get("/policy/rules/NAT-FGM-01")).text
    kent = (await desk.get("/policy/packs/kent")).text
    assert "03000 41 11 11" in kent
    assert POLICY.locals["886"].contacts["MASH"].fields["checked_on"] in kent


@pytest.mark.parametrize("path", ["rules/NAT-NO-99", "tables/none", "packs/rutland"])
async def test_what_the_packs_do_not_hold_is_not_found(desk: Desk, path: str) -> None:
    await desk.sign_in()
    assert (await desk.get(f"/policy/{path}")).status_code == 404


async def test_a_what_if_shows_the_decision_its_reasons_and_why_not(desk: Desk) -> None:
    await desk.sign_in()
    status, text = await asked(desk, age_years="14", why_not="LADO")
    assert status == 200
    assert "POLICE_101" in text
    assert "NAT-FGM-01" in text
    assert "The teacher personally" in text
    assert "LADO: not taken; the nearest rule is NAT-ADU-01" in text
    assert "kind of concern is FGM, and would have to be allegation adult" in text


async def test_a_what_if_with_too_little_says_what_to_ask_first(desk: Desk) -> None:
    await desk.sign_in()
    _, text = await asked(desk, knowledge_basis="", immediate_danger="")
    assert "Ask first" in text
    assert "Precautionary: it rests on what is not known" in text


async def test_an_age_that_is_no_number_is_asked_again_and_what_was_chosen_stays(
    desk: Desk,
) -> None:
    await desk.sign_in()
    sent = {"csrf": await desk.token(), **FGM, "age_years": "<b>old</b>"}
    answer = await desk.post("/policy/what-if", sent)
    assert answer.status_code == 422
    assert "Enter a whole number from 0 to 120: age" in answer.text
    assert "<b>old" not in answer.text
    assert '<option value="fgm" selected' in answer.text


async def test_a_what_if_from_elsewhere_is_refused(desk: Desk) -> None:
    await desk.sign_in()
    assert (await desk.post("/policy/what-if", {"csrf": "x", **FGM})).status_code == 403
