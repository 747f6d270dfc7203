"""The right people are told, by the directory and the sealed contacts, and no one else."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from notify.directory import DirectoryRow
from tests.journey.notify.conftest import (
    CHAIR,
    DEPUTY,
    DSL,
    HEAD,
    LA,
    MASH,
    URN,
    Notify,
    Server,
    reminder,
    school,
    task,
    team,
)

TEACHER = "teacher@school.example"
NAME, CHILD, STORY = "Marked-Name-7431", "Marked-Child-9082", "Marked-Narrative-5518"


async def raised(notify: Notify, concern: UUID, contacts: dict[str, Any], **changes: Any) -> None:
    """Intake's event, with contacts sealed as intake seals them."""
    sealed = notify.runtime.sealer.seal(
        "contacts", json.dumps(contacts).encode(), context=str(concern)
    )
    data = {
        "concern_id": concern,
        "incident_id": uuid4(),
        "subject_ref": "child-1",
        "subject_role": "child",
        "received_at": notify.clock.now().isoformat(),
        "discovered_at": None,
        "urn": URN,
        "school_la": LA,
        "home_la": LA,
        "found_la": None,
        "synthetic": False,
        "quarantined": False,
        "facts": {},
        "decision": {},
        "data_issues": [],
        "reporter_ref": "ref-teacher",
        "excluded_refs": [],
        "exclude_school_staff": False,
        "match_keys": [],
        "sealed_details": "sealed",
        "sealed_contacts": sealed,
    } | changes
    await notify.hears("concern.raised", concern, data)


async def opens(notify: Notify, **changes: Any) -> dict[str, Any]:
    data = task(notify.clock.now(), **changes)
    await notify.hears("task.opened", data["case_id"], data)
    return data


def personal(concern: UUID) -> dict[str, Any]:
    return {"case_id": concern, "owner_role": "reporter", "owner_ref": "ref-teacher"}


async def test_a_personal_duty_is_mailed_to_the_reporter_and_names_nobody(
    notify: Notify, server: Server
) -> None:
    concern = uuid4()
    contacts = {"name": NAME, "contact": "07700 900123", "email": TEACHER}
    await raised(notify, concern, contacts, facts={"concern_types": [CHILD, STORY]})
    await opens(notify, **personal(concern))
    await notify.sends()
    assert server.recipients == [TEACHER]
    mail = server.mails[0].raw.decode() + str(await notify.told())
    for marked in (NAME, CHILD, STORY, "07700", "ref-teacher", URN):
        assert marked not in mail


async def test_a_reporter_who_left_no_address_is_reached_at_their_post(
    notify: Notify, server: Server
) -> None:
    concern = uuid4()
    await notify.directory(school(head="ref-teacher"))
    await raised(notify, concern, {"contact": "07700 900123"})
    data = task(notify.clock.now(), **personal(concern) | {"owner_ref": None})
    await notify.hears("task.opened", concern, data)
    await notify.sends()
    assert server.recipients == [HEAD]


async def test_a_reporter_without_any_address_is_told_as_failed(notify: Notify) -> None:
    concern = uuid4()
    await notify.directory(school())
    await raised(notify, concern, {"contact": "07700 900123"})
    await opens(notify, **personal(concern))
    await notify.sends()
    assert [event["reason"] for event in await notify.told()] == ["no_recipient"]


async def test_the_contact_may_arrive_after_the_task(notify: Notify, server: Server) -> None:
    concern = uuid4()
    await opens(notify, **personal(concern))
    assert await notify.sends() == 1
    assert await notify.told() == []
    await raised(notify, concern, {"contact": TEACHER})
    notify.clock.advance(timedelta(seconds=1))
    await notify.sends()
    assert server.recipients == [TEACHER]
    assert [event["attempts"] for event in await notify.told()] == [1]


async def test_a_contact_that_never_arrives_is_told_as_failed(notify: Notify) -> None:
    await opens(notify, **personal(uuid4()))
    for _ in range(62):
        await notify.sends()
        notify.clock.advance(timedelta(seconds=1))
    (event,) = await notify.told()
    assert (event["type"], event["reason"]) == ("notice.failed", "no_recipient")


async def test_contacts_sealed_for_another_concern_open_nothing(
    notify: Notify, server: Server
) -> None:
    concern = uuid4()
    moved = notify.runtime.sealer.seal("contacts", b'{"email": "a@b.example"}', context="other")
    await raised(notify, concern, {}, sealed_contacts=moved)
    await opens(notify, **personal(concern))
    await notify.sends()
    assert server.recipients == []
    assert [event["reason"] for event in await notify.told()] == ["seal_broken"]


async def test_an_erased_concern_leaves_no_contact_and_sends_nothing_more(
    notify: Notify, server: Server
) -> None:
    concern = uuid4()
    await raised(notify, concern, {"email": TEACHER})
    at = notify.clock.now().isoformat()
    erased = {"concern_id": concern, "erased_at": at, "actor_ref": "ref-dpo"}
    await notify.hears("concern.erased", concern, erased)
    await raised(notify, concern, {"email": TEACHER})  # comes again, from a replay
    await opens(notify, **personal(concern))
    await notify.sends()
    (contact,) = await notify.rows("SELECT sealed, reporter_ref FROM reporter_contact")
    assert contact == {"sealed": None, "reporter_ref": None}
    assert server.recipients == []
    assert [event["reason"] for event in await notify.told()] == ["erased"]


async def test_what_is_held_is_not_erased_but_put_before_a_person(notify: Notify) -> None:
    concern = uuid4()
    at = notify.clock.now().isoformat()
    await raised(notify, concern, {"email": TEACHER})
    held = {"concern_id": concern, "held": True, "at": at, "actor_ref": "ref-dpo"}
    await notify.hears("concern.held", concern, held)
    erased = {"concern_id": concern, "erased_at": at, "actor_ref": "ref-dpo"}
    await notify.hears("concern.erased", concern, erased)
    (contact,) = await notify.rows("SELECT sealed FROM reporter_contact")
    assert contact["sealed"] is not None
    assert [event["reason"] for event in await notify.told()] == ["erased-while-held"]


async def test_a_hold_that_comes_before_its_concern_counts_once_that_comes(
    notify: Notify, server: Server
) -> None:
    concern = uuid4()
    at = notify.clock.now().isoformat()
    held = {"concern_id": concern, "held": True, "at": at, "actor_ref": "ref-dpo"}
    await notify.hears("concern.held", concern, held)
    await opens(notify, **personal(concern))
    await notify.sends()
    assert await notify.told() == []
    await raised(notify, concern, {"email": TEACHER})
    notify.clock.advance(timedelta(seconds=1))
    await notify.sends()
    assert server.recipients == [TEACHER]
    erased = {"concern_id": concern, "erased_at": at, "actor_ref": "ref-dpo"}
    await notify.hears("concern.erased", concern, erased)
    (contact,) = await notify.rows("SELECT sealed, held FROM reporter_contact")
    assert contact["sealed"] is not None
    assert contact["held"]


async def test_an_accused_lead_hears_nothing(notify: Notify, server: Server) -> None:
    await notify.directory(school(dsl="ref-dsl", deputy_dsl="ref-deputy", head="ref-head"))
    await opens(notify, owner_role="dsl", excluded_refs=["ref-dsl"])
    await notify.sends()
    assert server.recipients == [DEPUTY]


async def test_an_excluded_reporter_hears_nothing(notify: Notify, server: Server) -> None:
    concern = uuid4()
    await raised(notify, concern, {"email": TEACHER})
    await opens(notify, **personal(concern), excluded_refs=["ref-teacher"])
    await notify.sends()
    assert server.recipients == []
    assert [event["reason"] for event in await notify.told()] == ["no_recipient"]


async def test_while_the_accused_is_unknown_no_school_address_is_used_but_the_chair_s(
    notify: Notify, server: Server
) -> None:
    await notify.directory(school(dsl="ref-dsl", head="ref-head"))
    data = await opens(notify, owner_role="dsl", exclude_school_staff=True)
    late = reminder(data, notify.clock.now(), "unconfirmed")
    await notify.hears("task.reminded", data["case_id"], late)
    await notify.sends()
    assert server.recipients == [CHAIR, CHAIR]


async def test_no_one_to_tell_is_told_at_once(notify: Notify) -> None:
    data = await opens(notify)
    (event,) = await notify.told()
    assert (event["type"], event["reason"]) == ("notice.failed", "no_recipient")
    assert event["task_id"] == str(data["task_id"])


async def test_no_one_to_tell_is_told_once_for_one_event(notify: Notify) -> None:
    data = task(notify.clock.now())
    first = await notify.hears("task.opened", data["case_id"], data)
    await notify.hears("task.opened", data["case_id"], data, again=first)
    assert len(await notify.told()) == 1


async def test_a_reminder_goes_to_those_who_were_told(notify: Notify, server: Server) -> None:
    await notify.directory(school())
    data = await opens(notify, owner_role="dsl")
    again = reminder(data, notify.clock.now(), "reminder")
    await notify.hears("task.reminded", data["case_id"], again)
    await notify.sends()
    assert server.recipients == [DSL, DSL]
    assert "reminder" in server.mails[-1].subject + server.mails[0].subject


async def test_where_whoever_was_told_may_not_know_of_it_now_the_reminder_goes_further(
    notify: Notify, server: Server
) -> None:
    await notify.directory(school(deputy_dsl="ref-deputy"))
    data = await opens(notify, owner_role="dsl")
    again = reminder(data, notify.clock.now(), "reminder") | {"conflicted_roles": ["dsl"]}
    await notify.hears("task.reminded", data["case_id"], again)
    await notify.sends()
    assert server.recipients == sorted([DSL, DEPUTY])


async def test_an_unconfirmed_task_goes_one_person_further_each_time(
    notify: Notify, server: Server
) -> None:
    await notify.directory(school())
    data = await opens(notify, owner_role="dsl", priority="P0")
    for _ in range(2):
        late = reminder(data, notify.clock.now(), "unconfirmed")
        await notify.hears("task.reminded", data["case_id"], late)
    await notify.sends()
    assert server.recipients == sorted([DSL, DEPUTY, HEAD])


async def test_the_authority_s_own_team_comes_before_one_that_stands_for_all(
    notify: Notify, server: Server
) -> None:
    await notify.directory([team(), team(la=None, email="everyone@mash.example")])
    await opens(notify)
    await opens(notify, la="886")
    await notify.sends()
    assert server.recipients == [MASH, "everyone@mash.example"]


@pytest.mark.parametrize("synthetic", [True, False])
async def test_a_drill_never_reaches_a_real_post_nor_a_real_concern_a_drill_s(
    notify: Notify, server: Server, synthetic: bool
) -> None:
    await notify.directory([team()], synthetic=not synthetic)
    await opens(notify, synthetic=synthetic)
    await notify.sends()
    assert server.recipients == []
    assert [event["reason"] for event in await notify.told()] == ["no_recipient"]


async def test_a_case_nobody_could_process_is_told_to_the_hub(
    notify: Notify, server: Server
) -> None:
    await notify.directory([team()])
    case = uuid4()
    opened: dict[str, Any] = {
        "case_id": case,
        "incident_id": None,
        "opened_at": notify.clock.now().isoformat(),
        "priority": "P0",
        "unprocessed": True,
        "packs": [],
        "rules": [],
        "routes": [],
        "urn": URN,
        "la": LA,
        "synthetic": False,
    }
    await notify.hears("case.opened", case, opened)
    await notify.sends()
    assert server.recipients == [MASH]
    assert f"https://handrail.example/triage/cases/{case}" in server.mails[0].body


async def test_importing_the_directory_again_changes_nothing(notify: Notify) -> None:
    rows = [*school(dsl="ref-1"), DirectoryRow(kind="team", route="EST", post="queue", email=MASH)]
    await notify.directory(rows)
    before = await notify.rows("SELECT * FROM post ORDER BY id")
    await notify.directory(rows)
    assert await notify.rows("SELECT * FROM post ORDER BY id") == before
    assert len(before) == 5
