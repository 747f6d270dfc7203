"""Names and narrative are shown only after the reading is on record."""

import asyncpg

from tests.journey.escalation.house import KENT, House, at_school, dsl, worker


async def test_the_reading_is_recorded_with_who_and_why(house: House) -> None:
    case_id = await house.raised()
    path = f"/v1/cases/{case_id}/details?reason=triage"
    answer = await house.ask("GET", path, worker())
    assert answer.json()["details"][0]["content"] == {"narrative": "what was said"}
    assert answer.headers["cache-control"] == "no-store"
    recorded = await house.told("details.read")
    assert [(r["actor_ref"], r["role"], r["reason"]) for r in recorded] == [
        (house.ref("worker-1"), "worker", "triage")
    ]


async def test_a_reading_that_cannot_be_recorded_shows_nothing(house: House) -> None:
    case_id = await house.raised()
    connection = await asyncpg.connect(house.database.superuser)
    await connection.execute("ALTER TABLE escalation.outbox RENAME TO outbox_away")
    await connection.close()
    answer = await house.ask("GET", f"/v1/cases/{case_id}/details?reason=triage", worker())
    assert answer.status_code == 503
    assert "what was said" not in answer.text


async def test_a_reading_needs_a_reason_from_the_list(house: House) -> None:
    case_id = await house.raised()
    for query in ("", "?reason=", "?reason=curious"):
        answer = await house.ask("GET", f"/v1/cases/{case_id}/details{query}", worker())
        assert answer.status_code == 422
    assert await house.told("details.read") == []


async def test_others_find_no_details_and_leave_no_record(house: House) -> None:
    case_id = await house.raised()
    path = f"/v1/cases/{case_id}/details?reason=triage"
    for who in (worker(la=KENT), worker(route="EST"), dsl(school="999002")):
        assert (await house.ask("GET", path, who)).status_code == 404
    for who in (at_school("reporter", "t-1"), at_school("head", "h-1")):
        assert (await house.ask("GET", path, who)).status_code == 403
    assert await house.told("details.read") == []


async def test_the_schools_lead_may_read_them(house: House) -> None:
    case_id = await house.raised()
    answer = await house.ask("GET", f"/v1/cases/{case_id}/details?reason=call_back", dsl())
    assert answer.status_code == 200


async def test_details_that_do_not_open_are_said_to_be_closed(house: House) -> None:
    case_id = await house.raised(sealed_details="not a seal")
    answer = await house.ask("GET", f"/v1/cases/{case_id}/details?reason=triage", worker())
    assert [d["content"] for d in answer.json()["details"]] == [None]
