"""A notice leaves over real SMTP, and what became of it is told as an event."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from notify.sender import BACK_OFF, LEASE, OVERDUE_ATTEMPT
from shared.bus import failpoint
from tests.journey.notify.conftest import MASH, Notify, Server, school, task, team


async def opened(notify: Notify) -> None:
    await notify.directory([team()])
    data = task(notify.clock.now())
    await notify.hears("task.opened", data["case_id"], data)


async def set_attempts(notify: Notify, count: int) -> None:
    async with notify.runtime.engine.begin() as connection:
        await connection.exec_driver_sql(f"UPDATE notice SET attempts = {count}")


async def test_an_opened_task_is_mailed_and_told_as_sent(notify: Notify, server: Server) -> None:
    await opened(notify)
    assert await notify.sends() == 1
    assert server.recipients == [MASH]
    (event,) = await notify.told()
    assert (event["type"], event["attempts"], event["recipient"]) == (
        "notice.sent",
        1,
        "queue MASH 821",
    )


async def test_a_temporary_refusal_is_tried_again_later(notify: Notify, server: Server) -> None:
    await opened(notify)
    server.answers = ["451 Try later"]
    assert await notify.sends() == 1
    assert (await notify.told(), server.recipients) == ([], [])
    notify.clock.advance(BACK_OFF[0])
    assert await notify.sends() == 1
    assert [event["type"] for event in await notify.told()] == ["notice.sent"]


async def test_a_permanent_refusal_fails_at_once_and_says_why(
    notify: Notify, server: Server
) -> None:
    await opened(notify)
    server.answers = ["550 No such person here"]
    assert await notify.sends() == 1
    (event,) = await notify.told()
    assert (event["type"], event["reason"]) == ("notice.failed", "smtp_550")
    notify.clock.advance(timedelta(days=1))
    assert await notify.sends() == 0


async def test_mail_that_is_away_is_told_of_after_six_attempts_and_caught_up_with_hours_later(
    notify: Notify, server: Server
) -> None:
    await opened(notify)
    server.answers = ["451 Later"] * 8
    for pause in BACK_OFF[:8]:
        assert await notify.sends() == 1
        notify.clock.advance(pause)
    (event,) = await notify.told()
    assert (event["type"], event["reason"]) == ("notice.failed", "smtp_451")
    assert event["attempts"] == OVERDUE_ATTEMPT
    assert await notify.sends() == 1
    assert [event["type"] for event in await notify.told()] == ["notice.failed", "notice.sent"]


async def test_that_a_sender_died_at_the_sixth_attempt_hides_nothing(
    notify: Notify, server: Server
) -> None:
    await opened(notify)
    server.answers = ["451 Later"] * 20
    await set_attempts(notify, OVERDUE_ATTEMPT)
    assert await notify.sends() == 1
    assert [event["type"] for event in await notify.told()] == ["notice.failed"]


async def test_refusals_without_end_are_given_up_in_the_end(notify: Notify, server: Server) -> None:
    await opened(notify)
    server.answers = ["451 Later"] * 2
    await set_attempts(notify, len(BACK_OFF) - 1)
    assert await notify.sends() == 1
    notify.clock.advance(BACK_OFF[-1])
    assert await notify.sends() == 1
    *_, last = await notify.told()
    assert (last["type"], last["attempts"]) == ("notice.failed", len(BACK_OFF) + 1)
    notify.clock.advance(timedelta(days=1))
    assert await notify.sends() == 0


async def test_a_mail_server_that_is_down_delays_and_loses_nothing(
    notify: Notify, server: Server
) -> None:
    await opened(notify)
    await server.stop()
    assert await notify.sends() == 1
    assert await notify.told() == []
    (notice,) = await notify.rows("SELECT state, last_code FROM notice")
    assert notice == {"state": "queued", "last_code": "unreachable"}
    await server.start()
    notify.clock.advance(BACK_OFF[0])
    assert await notify.sends() == 1
    assert server.recipients == [MASH]


async def test_a_crash_after_sending_sends_twice_under_one_message_id(
    notify: Notify, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    await opened(notify)
    plans = failpoint._parse("notify.after-send:raise:once")
    monkeypatch.setattr(failpoint, "_plans", plans)
    with pytest.raises(failpoint.FailPointReached):
        await notify.sends()
    assert await notify.told() == []
    assert await notify.sends() == 0  # the claim of the one that died still holds
    notify.clock.advance(LEASE)
    assert await notify.sends() == 1
    first, second = server.mails
    assert first.message_id == second.message_id
    assert [event["type"] for event in await notify.told()] == ["notice.sent"]


async def test_a_sender_taken_for_dead_cannot_report(notify: Notify, server: Server) -> None:
    await opened(notify)
    slow, reported = asyncio.Event(), asyncio.Event()

    async def hold(*_: object) -> str:
        slow.set()
        await reported.wait()
        return "250 Yes"

    server.handle_MAIL = hold  # type: ignore[attr-defined]
    late = asyncio.create_task(notify.sends())
    await slow.wait()
    del server.handle_MAIL  # type: ignore[attr-defined]
    notify.clock.advance(LEASE)
    reported.set()
    assert await notify.sends() == 1
    await late
    assert len(await notify.told()) == 1


async def test_several_senders_share_the_work(notify: Notify, server: Server) -> None:
    await notify.directory([team()])
    for _ in range(20):
        data = task(notify.clock.now())
        await notify.hears("task.opened", data["case_id"], data)
    counts = await asyncio.gather(*(notify.sends() for _ in range(4)))
    assert sum(counts) == 20
    assert len(server.mails) == len({mail.message_id for mail in server.mails}) == 20


async def test_the_most_urgent_notice_goes_first(notify: Notify, server: Server) -> None:
    await notify.directory([team()])
    for priority in ("P3", "P0", "P2"):
        data = task(notify.clock.now(), priority=priority)
        await notify.hears("task.opened", data["case_id"], data)
        notify.clock.advance(timedelta(seconds=1))  # so that the least urgent waits longest
    await notify.sends()
    rows = await notify.rows("SELECT id, priority FROM notice")
    by_id = {f"<{row['id']}@handrail.example>": row["priority"] for row in rows}
    assert [by_id[mail.message_id] for mail in server.mails] == ["P0", "P2", "P3"]


async def test_a_redelivered_event_tells_no_one_twice(notify: Notify, server: Server) -> None:
    await notify.directory([team()])
    data = task(notify.clock.now())
    first = await notify.hears("task.opened", data["case_id"], data)
    await notify.hears("task.opened", data["case_id"], data, again=first)
    await notify.sends()
    assert len(server.mails) == 1


async def test_a_removed_post_fails_the_notice_that_was_on_its_way(
    notify: Notify, server: Server
) -> None:
    await opened(notify)
    await notify.rows("SELECT 1")
    async with notify.runtime.engine.begin() as connection:
        await connection.exec_driver_sql("DELETE FROM post")
    await notify.sends()
    (event,) = await notify.told()
    assert (event["reason"], server.recipients) == ("no_recipient", [])


async def lead_only(notify: Notify) -> None:
    """The deputy's place is empty and the head's too."""
    await notify.directory(school(dsl="ref-dsl")[:1])


async def test_who_is_excluded_while_a_notice_waits_is_not_told(
    notify: Notify, server: Server
) -> None:
    await lead_only(notify)
    data = task(notify.clock.now(), owner_role="dsl")
    await notify.hears("task.opened", data["case_id"], data)
    later = task(notify.clock.now(), data["case_id"], excluded_refs=["ref-dsl"])
    await notify.hears("task.opened", data["case_id"], later)
    await notify.sends()
    assert server.recipients == []
    assert {event["reason"] for event in await notify.told()} == {"no_recipient"}
    (notice,) = await notify.rows("SELECT excluded_refs FROM notice WHERE recipient LIKE 'dsl%'")
    assert notice["excluded_refs"] == ["ref-dsl"]  # so that its list shows them no trace either


async def test_who_is_excluded_and_takes_a_post_over_is_not_told_what_waits_for_it(
    notify: Notify, server: Server
) -> None:
    await lead_only(notify)
    data = task(notify.clock.now(), owner_role="dsl", excluded_refs=["ref-accused"])
    await notify.hears("task.opened", data["case_id"], data)
    await notify.directory(school(dsl="ref-accused")[:1])
    await notify.sends()
    assert server.recipients == []
    (event,) = await notify.told()
    assert (event["type"], event["reason"]) == ("notice.failed", "no_recipient")


async def test_no_mail_and_no_event_holds_what_was_sealed_or_where_it_goes(
    notify: Notify, server: Server
) -> None:
    concern = uuid4()
    await opened(notify)
    await notify.sends()
    told = str(await notify.told())
    assert "@" not in told
    mail = server.mails[0].raw.decode()
    for marked in (str(concern), "999002", "MASH 821", "NAT-GEN-04", "P1"):
        assert marked not in mail
