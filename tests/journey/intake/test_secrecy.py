"""What identifies a person leaves the request only sealed, whatever goes wrong."""

import json
from typing import Any

import orjson
import pytest

from shared.sealing import Opener
from tests.journey.intake.harness import OTHER_URN, URN, Intake, a_body

MARKS = ("Zinnia", "Farthingale", "Quenby", "Marrow", "H886210012001", "01632", "Larkspur", "gecko")


def marked() -> dict[str, Any]:
    body = a_body(
        narrative="Zinnia Farthingale said her uncle Larkspur did it.",
        source_record_id="gecko-Farthingale",
    )
    body["reporter"] |= {"name": "Quenby Marrow", "contact": "01632 960123", "account": "gecko"}
    body["children"][0] |= {
        "ref": "Zinnia-Farthingale",
        "upn": "H886210012001",
        "address": {"line1": "1 Larkspur Lane", "postcode": "ZZ1 1ZZ"},
    }
    body["people"] = [{"role": "carer", "name": "Larkspur", "contact": "01632 960124"}]
    body["Larkspur"] = {"Zinnia": ["Farthingale"]}
    return body


def clean(text: str) -> bool:
    return not any(mark.lower() in text.lower() for mark in MARKS)


async def all_rows(intake: Intake) -> str:
    tables = await intake.db.fetch(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'intake'"
    )
    rows = []
    for table in tables:
        for row in await intake.db.fetch(f'SELECT t::text AS row FROM "{table["table_name"]}" t'):
            rows.append(row["row"])
    for row in await intake.db.fetch("SELECT data FROM outbox"):
        rows.append(row["data"].decode())
    return "\n".join(rows)


async def test_no_table_and_no_event_holds_a_persons_name(intake: Intake) -> None:
    response = await intake.post(marked(), key="gecko-key")
    assert response.status_code == 201
    assert response.json()["concerns"][0]["child_ref"] == "Zinnia-Farthingale"
    changed = marked() | {"narrative": "Zinnia told Quenby more."}
    assert (await intake.post(changed, key="gecko-key")).status_code == 200
    assert clean(await all_rows(intake))


async def test_nothing_else_in_an_answer_repeats_what_was_sent(intake: Intake) -> None:
    answer = (await intake.post(marked())).json()
    answer["concerns"][0].pop("child_ref")
    assert clean(json.dumps(answer))


async def test_no_error_and_no_log_line_repeats_what_was_sent(
    intake: Intake, capfd: pytest.CaptureFixture[str]
) -> None:
    broken = orjson.dumps(marked())[:-1]
    responses = [
        await intake.post(broken),
        await intake.post(marked() | {"school": {"urn": OTHER_URN}}),
        await intake.post(marked(), who={}),
        await intake.post(marked(), path="/v1/concerns/batch"),
        await intake.post(marked(), path="/v1/grants", who=intake.person("head")),
        await intake.post(marked(), path="/v1/concerns/Zinnia/amendments"),
    ]
    assert [response.status_code for response in responses] == [400, 403, 401, 400, 422, 422]
    for response in responses:
        assert clean(response.text)
    out, err = capfd.readouterr()
    assert clean(out + err)


async def test_the_details_open_only_with_the_details_key_and_hold_what_was_sent(
    intake: Intake, sealing_keys: Any
) -> None:
    await intake.post(marked())
    event = json.loads(await intake.db.fetchval("SELECT data FROM outbox"))
    opener = Opener.from_files(sealing_keys / "private" / "details.json")
    details = opener.open("details", event["sealed_details"], context=event["concern_id"])
    assert "Larkspur did it" in details.decode()
    named = await intake.db.fetchval("SELECT name FROM school WHERE urn = $1", URN)
    assert json.loads(details)["school"] == {"urn": URN, "name": named}, "which no letter may tell"
    raw = await intake.db.fetchval("SELECT sealed_raw FROM submission")
    whole = opener.open("submission", raw, context=event["incident_id"])
    assert json.loads(whole)["source_record_id"] == "gecko-Farthingale"
    contacts = Opener.from_files(sealing_keys / "private" / "contacts.json").open(
        "contacts", event["sealed_contacts"], context=event["concern_id"]
    )
    assert "01632 960123" in contacts.decode()
    assert "Zinnia" not in contacts.decode()
