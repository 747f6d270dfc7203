"""A one-time link leaves in the reporter's own mail alone, over real SMTP, and rests sealed."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from tests.journey.notify.conftest import DSL, Notify, Server, reminder, school, task
from tests.journey.notify.test_who_is_told import TEACHER, personal, raised

TOKEN = "t" * 42 + "1"
LINK = f"https://handrail.example/tasks/once/{TOKEN}"


async def made(notify: Notify, of: dict[str, Any], token: str = TOKEN, **changes: Any) -> None:
    same = ("task_id", "case_id", "route", "la", "urn", "priority", "excluded_refs", "synthetic")
    sealed = notify.runtime.sealer.seal("contacts", token.encode(), context=str(of["task_id"]))
    now = notify.clock.now()
    data = {name: of[name] for name in same} | {
        "at": now.isoformat(),
        "ends_at": (now + timedelta(hours=72)).isoformat(),
        "again": False,
        "sealed_link": sealed,
    }
    await notify.hears("task.link_made", of["case_id"], data | changes)


async def opened(notify: Notify, **changes: Any) -> dict[str, Any]:
    await notify.directory(school())
    concern: UUID = uuid4()
    await raised(notify, concern, {"reporter": {"email": TEACHER}})
    data = task(notify.clock.now(), **(personal(concern) | {"route": "POLICE_101"} | changes))
    await made(notify, data)
    await notify.hears("task.opened", concern, data)
    return data


async def test_the_reporters_mail_has_the_link_and_tells_nothing_else(
    notify: Notify, server: Server
) -> None:
    data = await opened(notify)
    await notify.sends()
    (mail,) = server.mails
    assert mail.to == (TEACHER,)
    assert LINK in mail.body
    assert f"https://handrail.example/tasks/{data['task_id']}" in mail.body
    assert "opens once" in mail.body
    assert "101" not in mail.body.replace(TOKEN, "").replace(str(data["task_id"]), "")


async def test_nobody_else_who_is_told_gets_it(notify: Notify, server: Server) -> None:
    await opened(notify, priority="P0")
    await notify.sends()
    (lead,) = [mail for mail in server.mails if mail.to == (DSL,)]
    assert "/tasks/once/" not in lead.body
    assert "You will be asked to sign in." in lead.body


async def test_it_rests_sealed_and_is_told_in_no_event(notify: Notify, server: Server) -> None:
    await opened(notify)
    await notify.sends()
    (row,) = await notify.rows("SELECT t::text AS told FROM task_link t")
    assert TOKEN not in row["told"]
    assert TOKEN not in str(await notify.told())
    assert TOKEN not in str(await notify.rows("SELECT n::text AS told FROM notice n"))


async def test_a_reminder_has_it_again_until_it_is_too_old(notify: Notify, server: Server) -> None:
    data = await opened(notify)
    for days, there in ((1, True), (4, False)):
        notify.clock.advance(timedelta(days=days))
        again = reminder(data, notify.clock.now(), "reminder")
        await notify.hears("task.reminded", data["case_id"], again)
        await notify.sends()
        assert (LINK in server.mails[-1].body) is there


async def test_a_new_link_goes_out_by_itself_in_place_of_the_old(
    notify: Notify, server: Server
) -> None:
    data = await opened(notify)
    await made(notify, data, token="n" * 43, again=True)
    await notify.sends()
    bodies = {mail.subject.split("(")[0]: mail.body for mail in server.mails}
    assert len(bodies) == 2
    assert all("n" * 43 in body and TOKEN not in body for body in bodies.values())


async def test_an_erased_concern_has_no_link_any_more(notify: Notify, server: Server) -> None:
    data = await opened(notify)
    erased = {"concern_id": data["case_id"], "erased_at": notify.clock.now().isoformat(),
              "actor_ref": "dpo"}  # fmt: skip
    await notify.hears("concern.erased", data["case_id"], erased)
    assert await notify.rows("SELECT 1 FROM task_link") == []


async def test_a_seal_that_is_broken_leaves_the_way_by_signing_in(
    notify: Notify, server: Server
) -> None:
    data = await opened(notify)
    other = notify.runtime.sealer.seal("contacts", TOKEN.encode(), context=str(uuid4()))
    await made(notify, data, sealed_link=other)
    await notify.sends()
    assert "/tasks/once/" not in server.mails[-1].body
    assert str(data["task_id"]) in server.mails[-1].body
