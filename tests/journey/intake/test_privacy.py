"""Erasing, holding, correcting and exporting what intake keeps of one concern."""

import asyncio
import json
from typing import Any
from uuid import UUID

import pytest

from intake import privacy
from shared.outbox import commit
from shared.sealing import Opener
from tests.journey.intake.harness import Intake, a_body


async def raised(intake: Intake, **changes: Any) -> UUID:
    response = await intake.post(a_body(**changes))
    return UUID(response.json()["concerns"][0]["concern_id"])


async def do(intake: Intake, use: Any, *args: Any, **how: Any) -> Any:
    async with intake.desk.runtime.sessions() as session:
        result = await use(session, *args, **how)
        await commit(session)
        return result


async def erase(intake: Intake, concern: UUID) -> None:
    await do(intake, privacy.erase, concern, "dpo-ref", intake.desk.runtime.clock.now())


async def told(intake: Intake, kind: str) -> dict[str, Any]:
    data = await intake.db.fetchval("SELECT data FROM outbox WHERE type = $1", kind)
    found: dict[str, Any] = json.loads(data)
    return found


async def test_erasing_deletes_what_is_sealed_and_matched_and_leaves_a_tombstone(
    intake: Intake,
) -> None:
    concern = await raised(intake)
    await erase(intake, concern)
    row = await intake.db.fetchrow("SELECT * FROM concern")
    assert (row["id"], row["facts"], row["decision"]) == (concern, None, None)
    submission = await intake.db.fetchrow("SELECT * FROM submission")
    assert submission["sealed_raw"] is submission["body_ref"] is submission["source_ref"] is None
    assert await intake.count("match") == 0
    assert (await told(intake, "concern.erased"))["actor_ref"] == "dpo-ref"
    assert (await intake.get(f"/v1/concerns/{concern}")).status_code == 410


async def test_what_was_erased_is_never_replayed_but_taken_in_anew(intake: Intake) -> None:
    concern = await raised(intake)
    await erase(intake, concern)
    again = await intake.post(a_body())
    assert again.status_code == 201
    assert "idempotent-replayed" not in again.headers
    assert again.json()["concerns"][0]["concern_id"] != str(concern)


async def test_an_amended_concern_is_erased_with_its_amendments(intake: Intake) -> None:
    concern = await raised(intake)
    await intake.post({"narrative": "x"}, path=f"/v1/concerns/{concern}/amendments")
    await erase(intake, concern)
    row = await intake.db.fetchrow("SELECT * FROM amendment")
    assert row["facts"] is row["decision"] is row["sealed_raw"] is None


async def test_a_hold_stops_erasure_until_it_is_released(intake: Intake) -> None:
    concern, now = await raised(intake), intake.desk.runtime.clock.now()
    await do(intake, privacy.hold, concern, "dpo-ref", now)
    assert (await told(intake, "concern.held"))["held"] is True
    with pytest.raises(privacy.Held):
        await erase(intake, concern)
    await do(intake, privacy.hold, concern, "dpo-ref", now, held=False)
    await erase(intake, concern)


async def test_an_error_is_recorded_with_its_reason_sealed(
    intake: Intake, sealing_keys: Any
) -> None:
    concern = await raised(intake)
    runtime = intake.desk.runtime
    await do(
        intake,
        privacy.correct,
        runtime.sealer,
        concern,
        actor_ref="dsl-ref",
        reason="It was about another girl.",
        now=runtime.clock.now(),
    )
    event = await told(intake, "concern.entered_in_error")
    opener = Opener.from_files(sealing_keys / "private" / "details.json")
    reason = opener.open("details", event["sealed_reason"], context=str(concern))
    assert reason == b"It was about another girl."
    assert (await intake.get(f"/v1/concerns/{concern}")).json()["entered_in_error"] is True


async def test_an_export_has_all_that_is_held_and_opens_nothing(intake: Intake) -> None:
    concern = await raised(intake)
    found = await do(intake, privacy.export, concern)
    assert found["concern"]["facts"]["concern_types"] == ["fgm"]
    assert found["submission"]["sealed_raw"].count(".") == 4
    assert len(found["match_keys"]) == 1
    json.dumps(found)


async def test_what_is_not_there_or_gone_cannot_be_erased_again(intake: Intake) -> None:
    concern = await raised(intake)
    await erase(intake, concern)
    with pytest.raises(privacy.NoSuchConcern):
        await erase(intake, concern)


async def two_raised(intake: Intake, who: Any = None) -> list[UUID]:
    children = [{"ref": "a", "given_name": "Ash"}, {"ref": "b", "given_name": "Birch"}]
    response = await intake.post(a_body(children=children), who=who)
    return [UUID(one["concern_id"]) for one in response.json()["concerns"]]


async def test_a_sibling_that_is_being_held_is_not_erased_from_under_the_hold(
    intake: Intake,
) -> None:
    held, other = await two_raised(intake)
    now = intake.desk.runtime.clock.now()
    async with intake.desk.runtime.sessions() as session:
        await privacy.hold(session, held, "dpo-ref", now)
        await session.flush()
        erasing = asyncio.create_task(erase(intake, other))
        await asyncio.sleep(0.2)
        assert not erasing.done()
        await commit(session)
    with pytest.raises(privacy.Held):
        await erasing
    assert await intake.db.fetchval("SELECT sealed_raw FROM submission") is not None


async def test_the_reporter_follows_a_sibling_until_the_last_is_erased(intake: Intake) -> None:
    teacher = intake.person("reporter", account="teacher-1")
    one, other = await two_raised(intake, teacher)
    await erase(intake, one)
    assert (await intake.get(f"/v1/concerns/{other}", teacher)).status_code == 200
    await erase(intake, other)
    assert await intake.db.fetchval("SELECT reporter_ref FROM submission") is None
