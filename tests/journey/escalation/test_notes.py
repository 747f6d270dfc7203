"""What people write in a case enters the log as a commitment that their words and salt prove."""

import json
from base64 import urlsafe_b64decode
from dataclasses import replace
from typing import Any
from uuid import UUID

from audit_log.canonical import of_event
from audit_log.merkle import inclusion_proof, leaf_hash, root_of, verify_inclusion
from shared.bus.cloudevents import from_record, to_record
from shared.events.note_commitments import note_commitment
from tests.journey.escalation.house import House, worker
from tests.journey.escalation.test_deciding import act
from tests.journey.escalation.test_erasing import erase

WHY = "seen by the family's own worker"


async def payloads(house: House) -> list[bytes]:
    """The log's entries of what escalation has told, as its sequencer makes them."""
    rows = await house.sql("SELECT * FROM outbox ORDER BY seq")
    events = [from_record(replace(to_record(dict(row)), offset=row["seq"])) for row in rows]
    return [of_event(event, "handrail.cases.v1", b"s" * 32).payload for event in events]


async def notes(house: House, case_id: UUID) -> list[dict[str, Any]]:
    path = f"/v1/cases/{case_id}/details?reason=complaint"
    found: list[dict[str, Any]] = (await house.ask("GET", path, worker())).json()["notes"]
    return found


def of_note(note: dict[str, Any], text: str | None = None) -> str:
    salt = urlsafe_b64decode(note["salt"] + "=")
    return note_commitment(note["text"] if text is None else text, salt)


async def test_an_auditor_given_words_and_salt_holds_them_against_the_logs_leaf(
    house: House,
) -> None:
    case_id = await house.raised()
    await act(house, case_id, "decide", worker(), {"outcome": "NFA", "reason": WHY})
    (note,) = await notes(house, case_id)
    entries = await payloads(house)
    leaves = [leaf_hash(entry) for entry in entries]
    (at,) = [nr for nr, entry in enumerate(entries) if b'"type":"case.decided"' in entry]
    assert WHY.encode() not in b"".join(entries)
    said = json.loads(entries[at])["data"]["note_commitment"]
    assert said == of_note(note)
    assert said != of_note(note, WHY + ".")
    proof = inclusion_proof(leaves, at)
    await erase(house, case_id)
    assert await notes(house, case_id) == []
    again = [leaf_hash(entry) for entry in await payloads(house)][: len(leaves)]
    assert again == leaves
    assert verify_inclusion(again[at], at, len(leaves), proof, root_of(leaves))


async def test_the_reason_of_a_changed_rating_is_committed_to(house: House) -> None:
    case_id = await house.raised()
    await act(house, case_id, "rate", worker(), {"rating": "amber"})
    assert await house.told("case.noted") == []
    await act(house, case_id, "rate", worker(), {"rating": "red", "reason": WHY})
    (told,) = await house.told("case.noted")
    (note,) = await notes(house, case_id)
    assert (told["kind"], told["note_commitment"]) == ("rated", of_note(note))


async def test_the_same_words_twice_are_not_seen_to_be_the_same(house: House) -> None:
    for _ in range(2):
        case_id = await house.raised()
        await act(house, case_id, "decide", worker(), {"outcome": "NFA", "reason": WHY})
    first, second = await house.told("case.decided")
    assert first["note_commitment"] != second["note_commitment"]


async def test_no_event_of_something_written_is_without_its_commitment(house: House) -> None:
    case_id = await house.raised()
    await act(house, case_id, "decide", worker(), {"outcome": "NEW_REFERRAL"})
    assert (await house.told("case.decided"))[0]["note_commitment"] is None
    case_id = await house.raised()
    await act(house, case_id, "ask", worker(), {"question": WHY})
    told = await house.told("case.noted")
    (note,) = await notes(house, case_id)
    assert [(one["kind"], one["note_commitment"]) for one in told] == [("question", of_note(note))]
