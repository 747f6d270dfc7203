"""Whoever is accused learns nothing of it, whatever words the school's system has for them."""

from typing import Any

import pytest

from shared.events.concerns import ConcernRaised
from shared.sealing import account_ref
from tests.journey.intake.harness import URN, Intake, a_body

PHYSICAL = {"concern_types": ["physical"], "immediate_danger": "no"}


async def known_as(intake: Intake, number: str, *accounts: str) -> None:
    for account in accounts:
        given = {"role": "dsl", "urn": URN, "account": account, "staff_ref": number}
        answer = await intake.post(given, path="/v1/grants", who=intake.person("head"))
        assert answer.status_code == 201


async def seen_by(intake: Intake, path: str, *accounts: str) -> list[int]:
    people = [intake.person("dsl", account=account) for account in accounts]
    return [(await intake.get(path, who)).status_code for who in people]


async def raised(intake: Intake, person: Any) -> tuple[str, ConcernRaised]:
    answer = await intake.post(a_body(facts=PHYSICAL, people=[person]))
    assert answer.status_code == 201
    data = await intake.db.fetchval("SELECT data FROM outbox WHERE type = 'concern.raised'")
    return answer.json()["concerns"][0]["status_url"], ConcernRaised.model_validate_json(data)


@pytest.mark.parametrize(
    "person",
    [
        {"role": "accused", "staff_ref": "4711"},
        {"Role": "AllegedPerpetrator", "StaffRef": 4711},
    ],
)
async def test_the_accused_is_kept_out_under_any_word_for_it(intake: Intake, person: Any) -> None:
    await known_as(intake, "4711", "accused-1")
    path, event = await raised(intake, person)
    assert await seen_by(intake, path, "accused-1", "another") == [404, 200]
    assert (await intake.get(path)).status_code == 404
    assert account_ref(intake.desk.runtime.secret, "accused-1") in event.excluded_refs
    assert not event.exclude_school_staff
    assert await intake.db.fetchval("SELECT private FROM submission")


async def test_the_accused_is_kept_out_under_each_of_their_accounts(intake: Intake) -> None:
    await known_as(intake, "S-17", "old-account", "new-account")
    await intake.db.execute("UPDATE grant_row SET revoked_at = now() WHERE staff_ref IS NOT NULL")
    path, event = await raised(intake, {"role": "accused", "staff_ref": "s-17 "})
    secret = intake.desk.runtime.secret
    both = {account_ref(secret, account) for account in ("old-account", "new-account")}
    assert both <= set(event.excluded_refs)
    await intake.db.execute("DELETE FROM grant_row")
    assert await seen_by(intake, path, "old-account", "new-account", "another") == [404, 404, 200]
