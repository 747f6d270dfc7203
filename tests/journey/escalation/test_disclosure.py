"""Requests to tell others: held until all have agreed, and then only what tells of nobody."""

import asyncio
import json
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from sqlalchemy import text

from escalation.access import reach_case
from escalation.disclosure.deciding import locked_again
from escalation.preconditions import etag
from escalation.viewer import Viewer
from shared.auth import Principal
from shared.auth.principal import Grant
from shared.errors import Problem
from tests.journey.escalation.house import House, dsl, worker

EST = worker("EST", account="est-1")
DETAILS = {
    "child": {"given_name": "Marigold", "family_name": "Thistlewood", "address": "4 Quarry Mews"},
    "narrative": "Invented: on Friday a man called Brannock waited at the gate of Oakfield.",
}


async def asked(house: House, audience: str = "all_parents", **facts: Any) -> UUID:
    more = {"incident_id": facts.pop("incident_id")} if "incident_id" in facts else {}
    case_id = await house.raised(facts={"disclosure_request": audience, **facts}, **more)
    sealed = house.runtime.sealer.seal(
        "details", json.dumps(DETAILS).encode(), context=str(case_id)
    )
    await house.sql("UPDATE sealed_detail SET sealed = $1 WHERE case_id = $2", sealed, case_id)
    return case_id


async def act(house: House, case_id: UUID, path: str, **body: Any) -> httpx2.Response:
    at = f"/v1/disclosure-requests/{case_id}"
    seen = await house.ask("GET", at, EST)
    assert seen.status_code == 200, seen.text
    return await house.ask("POST", f"{at}{path}", EST, body, seen.json()["version"])


LETTER = {"letter": "online-safety-parents"}
TOPIC = {"topic": "sharing pictures"}


async def release(house: House, case_id: UUID, note: str = "") -> httpx2.Response:
    fields = TOPIC | ({"note": note} if note else {})
    return await act(house, case_id, "/decide", decision="release", **LETTER, fields=fields)


async def test_a_request_is_held_with_its_reasons_and_what_it_needs(house: House) -> None:
    case_id = await asked(house, police_investigation="unknown")
    seen = (await house.ask("GET", f"/v1/disclosure-requests/{case_id}", EST)).json()
    assert (seen["audience"], seen["gate"]["state"]) == ("all_parents", "HOLD")
    assert set(seen["gate"]["needs"]) == {"EST", "POLICE"}
    assert seen["gate"]["because"][0]["rule"] == "NAT-NDI-03"
    assert [letter["id"] for letter in seen["letters"]] == [
        "online-safety-parents",
        "personal-safety-parents",
    ]


async def test_the_team_alone_cannot_release_while_the_police_may_investigate(
    house: House,
) -> None:
    case_id = await asked(house, police_investigation="live")
    held = await release(house, case_id)
    assert (held.status_code, held.json()["code"]) == (409, "held")
    assert held.json()["needs"] == ["POLICE"]
    said = await act(house, case_id, "/police", agreed=True, reference="CRIME 12/26")
    assert said.json()["police_agreed"] == "yes"
    done = await release(house, case_id)
    assert done.status_code == 200, done.text
    assert "sharing pictures" in done.json()["text"]


async def test_police_who_do_not_agree_keep_it_held(house: House) -> None:
    case_id = await asked(house, police_investigation="live")
    await act(house, case_id, "/police", agreed=False, reference="CRIME 12/26")
    assert (await release(house, case_id)).status_code == 409


@pytest.mark.parametrize(
    ("note", "kind"),
    [
        ("Look out for Marigold.", "of_the_case"),
        ("Look out for marygold.", "of_the_case"),
        ("Beware of Thistlewod at the gate.", "of_the_case"),
        ("Avoid quarry mews.", "of_the_case"),
        ("This is about a pupil in Year 6.", "year_group"),
        ("It happened at 15:20.", "time"),
        ("It happened last night.", "day"),
        ("It began on 3 November.", "date"),
        ("Block @dark_fox9 at once.", "account"),
        ("Take Snapchat off their phones.", "app"),
        ("Ring Mr Hale about it.", "person"),
        ("Keep away from Oakfield.", "of_the_case"),
        ("Pupils of our neighbour Hartwell were met.", "name"),
        ("Someone at LU1 2BQ was seen.", "place"),
    ],
)
async def test_words_that_could_identify_somebody_are_shown_and_not_released(
    house: House, note: str, kind: str
) -> None:
    case_id = await asked(house, police_investigation="none")
    refused = await release(house, case_id, note)
    assert (refused.status_code, refused.json()["code"]) == (422, "identifies")
    found = refused.json()["findings"]
    assert kind in {one["kind"] for one in found}
    assert all(note[one["start"] : one["end"]] for one in found)
    assert await house.told("disclosure.decided") == []


async def test_general_advice_passes_the_check_and_the_reading_is_on_record(house: House) -> None:
    case_id = await asked(house, police_investigation="none")
    note = "Please talk with your child about what they share, and with whom."
    checked = await act(house, case_id, "/check", **LETTER, fields=TOPIC | {"note": note})
    assert checked.json()["findings"] == []
    assert note in checked.json()["text"]
    [read] = await house.told("details.read")
    assert (read["reason"], read["actor_ref"]) == ("release_check", house.ref("est-1"))


async def test_a_release_ends_the_teams_task_and_is_told_without_its_words(house: House) -> None:
    case_id = await asked(house, police_investigation="none")
    assert (await release(house, case_id)).status_code == 200
    assert await house.queue(EST) == []
    [told] = await house.told("disclosure.decided")
    assert (told["decision"], told["letter"]) == ("release", "online-safety-parents")
    assert "sharing pictures" not in json.dumps(told)


async def test_a_refusal_needs_a_reason_and_nothing_goes_out(house: House) -> None:
    case_id = await asked(house)
    bare = await act(house, case_id, "/decide", decision="refuse")
    assert (bare.status_code, bare.json()["code"]) == (422, "reason-needed")
    done = await act(house, case_id, "/decide", decision="refuse", reason="Not while it is live.")
    assert (done.status_code, done.json()["text"]) == (200, None)


@pytest.mark.parametrize("audience", ["press", "website_social", "foi", "elected_member"])
async def test_for_the_public_there_is_no_letter_and_no_way(house: House, audience: str) -> None:
    case_id = await asked(house, audience)
    for who in (EST, worker()):
        answer = await house.ask("GET", f"/v1/disclosure-requests/{case_id}", who)
        if answer.status_code == 200:
            assert answer.json()["letters"] == []
            refused = await release(house, case_id)
            assert (refused.status_code, refused.json()["code"]) == (422, "letter-not-for-them")
    assert await house.told("disclosure.decided") == []


async def test_a_letter_for_parents_is_not_for_schools(house: House) -> None:
    case_id = await asked(house, "other_schools", police_investigation="none")
    refused = await release(house, case_id)
    assert (refused.status_code, refused.json()["code"]) == (422, "letter-not-for-them")


async def test_a_field_takes_its_choices_alone(house: House) -> None:
    case_id = await asked(house, police_investigation="none")
    fields = {"topic": "the incident at our gate"}
    wrong = await act(house, case_id, "/decide", decision="release", **LETTER, fields=fields)
    assert (wrong.status_code, wrong.json()["fields"]) == (422, ["topic"])


async def test_only_the_team_of_the_schools_authority_decides(house: House) -> None:
    case_id = await asked(house)
    for who in (worker(), worker("EST", "886"), dsl()):
        answer = await house.ask("GET", f"/v1/disclosure-requests/{case_id}", who)
        assert answer.status_code in (403, 404)


async def test_who_else_was_there_is_not_told_either(house: House) -> None:
    incident = str(uuid4())
    case_id = await asked(house, police_investigation="none", incident_id=incident)
    other = await house.raised(incident_id=incident)
    told = json.dumps({"child": {"given_name": "Fennimore"}}).encode()
    sealed = house.runtime.sealer.seal("details", told, context=str(other))
    await house.sql("UPDATE sealed_detail SET sealed = $1 WHERE case_id = $2", sealed, other)
    refused = await release(house, case_id, "Please look out for fennimore.")
    assert refused.json()["code"] == "identifies"
    assert (await release(house, case_id, "Please talk with your child.")).status_code == 200


async def test_what_cannot_be_checked_against_the_details_is_not_released(house: House) -> None:
    case_id = await asked(house, police_investigation="none")
    await house.sql("DELETE FROM sealed_detail WHERE case_id = $1", case_id)
    refused = await release(house, case_id, "Please look out for marigold.")
    assert (refused.status_code, refused.json()["code"]) == (409, "nothing-to-check")
    assert (await release(house, case_id)).status_code == 200, "the letter as it is"


async def test_a_change_just_before_the_release_is_seen(house: House) -> None:
    """The details' reading has let go of the case; another takes it then."""
    case_id = await asked(house, police_investigation="none")
    roles = frozenset({Grant("worker", route="EST", la="821")})
    principal = Principal(subject="est-1", kind="person", client="est", roles=roles)
    viewer = Viewer(principal, house.ref("est-1"))
    sessions = house.runtime.sessions
    async with sessions() as ours, sessions() as theirs:
        case = await reach_case(ours, viewer, case_id)
        seen = etag(case.version)
        await ours.commit()
        change = text("UPDATE case_file SET version = version + 1 WHERE id = :id")
        await theirs.execute(change, {"id": case_id})
        again = asyncio.create_task(locked_again(ours, viewer, case, seen))
        while not await house.sql("SELECT 1 FROM pg_locks, pg_sleep(0.01) WHERE NOT granted"):
            pass
        await theirs.commit()
        with pytest.raises(Problem) as refused:
            await again
    assert refused.value.status == 412


async def test_what_a_colleague_has_is_theirs_to_decide(house: House) -> None:
    case_id = await asked(house, police_investigation="none")
    other = worker("EST", account="est-2")
    version = (await house.case(other, case_id))["version"]
    await house.ask("POST", f"/v1/cases/{case_id}/claim", other, None, version)
    refused = await release(house, case_id)
    assert (refused.status_code, refused.json()["code"]) == (409, "claimed")
    assert await house.told("disclosure.decided") == []


async def test_a_request_to_tell_others_ends_by_no_outcome_of_the_case(house: House) -> None:
    case_id = await asked(house)
    version = (await house.case(EST, case_id))["version"]
    path = f"/v1/cases/{case_id}/decide"
    answer = await house.ask("POST", path, EST, {"outcome": "ADVICE"}, version)
    assert (answer.status_code, answer.json()["code"]) == (409, "decided-as-request")
    assert "/v1/disclosure-requests/" in answer.json()["detail"]
    assert [row["case_id"] for row in await house.queue(EST)] == [str(case_id)]
    hub = await house.ask("POST", path, worker(), {"outcome": "ADVICE"}, version)
    assert hub.status_code == 200, "what the hub decides is its own"
    assert [row["case_id"] for row in await house.queue(EST)] == [str(case_id)]


async def test_a_request_opened_again_is_to_be_decided_again(house: House) -> None:
    case_id = await asked(house)
    assert (await act(house, case_id, "/decide", decision="refuse", reason="Not now.")).is_success
    await house.amended(case_id, harm_level="severe")
    seen = (await house.ask("GET", f"/v1/disclosure-requests/{case_id}", EST)).json()
    assert seen["decided"] is None
    assert (await act(house, case_id, "/decide", decision="refuse", reason="Still not.")).is_success
    assert await house.queue(EST) == []
