"""A personal name is never in any topic byte, table, log line, metric, URL, error or mail."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx2

from tests.journey.privacy.conftest import Installation
from tests.journey.privacy.marks import Marks
from tests.journey.privacy.saying import Saying
from tests.journey.privacy.traces import files_below, found, in_text, rows_as_text, sealed_in

STATUSES = {200, 201, 400, 401, 403, 404, 405, 409, 413, 422, 503}


async def _quiet(at: Installation) -> None:
    """Every event is published, and the log, which hears of everything, has nothing left to do."""
    count, before = -1, -2
    while count != before:
        before = count
        await asyncio.sleep(2)
        waiting = await at.sql(
            "SELECT (SELECT count(*) FROM intake.outbox) + (SELECT count(*) FROM escalation.outbox)"
            " + (SELECT count(*) FROM notify.outbox) + (SELECT count(*) FROM notify.notice"
            " WHERE state IN ('queued', 'sending')) AS n"
        )
        count = (await at.sql("SELECT count(*) AS n FROM audit_log.log_entry"))[0]["n"]
        if waiting[0]["n"]:
            before = -2


async def test_no_byte_that_is_kept_and_no_word_that_is_said_names_a_person(
    installation: Installation,
) -> None:
    at, marks = installation, Marks()
    saying = Saying(at, marks)
    concern = await saying.everything()
    assert {answer.status_code for answer in saying.answers} >= STATUSES
    assert [_asked(answer) for answer in saying.answers if answer.status_code == 500] == []
    assert [leak for answer in saying.answers for leak in _said_again(answer, marks)] == []
    await _quiet(at)
    await at.sql("CHECKPOINT")
    assert found(marks, files_below(*at.disks)) == set()
    rows = [row async for row in rows_as_text(at.superuser)]
    assert [(mark, row[:40]) for row in rows for mark in in_text(marks, row)] == []
    assert in_text(marks, at.metrics()) == set()
    assert [leak for mail in at.mailbox.mails for leak in _in_mail(mail, marks)] == []
    # All of it was there to be found: sealed, for this concern, and on the bus.
    bus = at.place if at.cluster else at.server.data
    sealed = [one for one in sealed_in(files_below(bus), at.opener) if one.tells_of(marks)]
    assert str(concern) in {one.context for one in sealed}


def _said_again(answer: httpx2.Response, marks: Marks) -> Iterator[tuple[int, str, str]]:
    """What a sender calls its children is told back to it, and nothing else is to anyone."""
    said = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
    body = answer.text
    if answer.is_success and answer.content:
        body = repr(_without_child_refs(answer.json()))
    for mark in in_text(marks, f"{said}\n{body}"):
        yield answer.status_code, _asked(answer), mark


def _asked(answer: httpx2.Response) -> str:
    return f"{answer.request.method} {answer.request.url.path}"


def _without_child_refs(value: Any) -> Any:
    if isinstance(value, dict):
        return {n: _without_child_refs(v) for n, v in value.items() if n != "child_ref"}
    return [_without_child_refs(one) for one in value] if isinstance(value, list) else value


def _in_mail(mail: Any, marks: Marks) -> set[str]:
    """But for the address that it was sent to."""
    text = mail.raw.decode("utf-8", "replace")
    for address in mail.to:
        text = text.replace(address, "")
    return in_text(marks, text)
