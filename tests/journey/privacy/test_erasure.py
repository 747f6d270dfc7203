"""Erased is gone: from every owner at once, and after the retention from every byte on disk."""

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from audit_log.verify import verify
from handrail.keys import private_file, public_file
from shared.app import PARTITIONS
from shared.bus import Record, open_publisher
from shared.events.envelope import new_event_id
from shared.sealing import Sealer
from tests.journey.privacy.conftest import Installation
from tests.journey.privacy.marks import CLIENT, LA, Marks
from tests.journey.privacy.traces import (
    Sealed,
    files_below,
    found,
    remains,
    rows_as_text,
    sealed_in,
    sealed_in_tables,
)

GUIDE = Path(__file__).parents[3] / "docs" / "how-to" / "privacy-requests.md"
# Nothing of a kind that people are named by is in these, and a find there would be chance.
_BINARIES = "install"
_HELD_BY_OWNERS = """
SELECT (SELECT count(*) FROM escalation.sealed_detail WHERE case_id = $1)
     + (SELECT count(*) FROM escalation.case_link WHERE case_id = $1)
     + (SELECT count(*) FROM escalation.task WHERE case_id = $1 AND reference IS NOT NULL)
     + (SELECT count(*) FROM escalation.case_event WHERE case_id = $1 AND sealed_note IS NOT NULL)
     + (SELECT count(*) FROM escalation.dead_letter WHERE subject = $1 AND raw IS NOT NULL)
     + (SELECT count(*) FROM notify.reporter_contact WHERE concern_id = $1 AND sealed IS NOT NULL)
     + (SELECT count(*) FROM notify.dead_letter WHERE subject = $1 AND raw IS NOT NULL)
     + (SELECT count(*) FROM audit_log.commitment WHERE subject = $1)
     + (SELECT count(*) FROM audit_log.dead_letter WHERE subject = $1 AND raw IS NOT NULL)
     + (SELECT count(*) FROM intake.match WHERE concern_id = $1)
     + (SELECT count(*) FROM intake.amendment WHERE concern_id = $1 AND sealed_raw IS NOT NULL)
     + (SELECT count(*) FROM intake.dead_letter WHERE subject = $1 AND raw IS NOT NULL)
     + (SELECT count(*) FROM intake.concern JOIN intake.submission s ON s.id = incident_id
        WHERE concern.id = $1 AND s.sealed_raw IS NOT NULL)
"""


async def until(condition: Callable[[], Awaitable[Any]], what: str, seconds: float = 40) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := await condition()):
        assert time.monotonic() < deadline, f"it did not come to pass in time: {what}"
        await asyncio.sleep(0.2)
    return value


async def raised(at: Installation, marks: Marks) -> UUID:
    """Posted, amended twice, told of, acknowledged with a reference: in every owner's hands."""
    headers = at.issuer.client(CLIENT) | {"Idempotency-Key": marks["Key"]}
    first = await at.ask("intake", "POST", "/v1/concerns", headers, json=marks.body())
    assert first.status_code == 201, first.text
    concern = UUID(first.json()["concerns"][0]["concern_id"])
    changed = marks.body(narrative=f"More: {marks['Narrative']}")
    again = await at.ask("intake", "POST", "/v1/concerns", headers, json=changed)
    assert again.status_code == 200, again.text
    path, more = f"/v1/concerns/{concern}/amendments", {"narrative": marks["Issue"]}
    later = await at.ask("intake", "POST", path, at.issuer.client(CLIENT), json=more)
    assert later.status_code == 200, later.text

    async def told() -> Any:
        query = (
            "SELECT 1 WHERE (SELECT count(*) FROM escalation.sealed_detail WHERE case_id = $1) = 3 "
            "AND EXISTS (SELECT FROM notify.reporter_contact WHERE concern_id = $1) "
            "AND EXISTS (SELECT FROM notify.notice WHERE case_id = $1 AND state = 'sent')"
        )
        return await at.sql(query, concern)

    await until(told, "everyone heard of the concern")
    await _acknowledged(at, concern, marks["Reference"])
    return concern


async def _acknowledged(at: Installation, concern: UUID, reference: str) -> None:
    queue = await at.ask("escalation", "GET", f"/v1/queues/MASH?la={LA}", at.worker())
    task = next(t for t in queue.json()["items"] if t["case_id"] == str(concern))
    path = f"/v1/tasks/{task['task_id']}/acknowledge"
    match = at.worker() | {"If-Match": f'"{task["version"]}"'}
    done = await at.ask("escalation", "POST", path, match, json={"reference": reference})
    assert done.status_code == 200, done.text


async def poisoned(at: Installation, concern: UUID, marks: Marks) -> None:
    """Every consumer gets what it cannot apply, with the concern's details in it."""
    details = Sealer.from_files(public_file(at.keys)).seal(
        "details", marks["Given"].encode(), context=str(concern)
    )
    bad = json.dumps({"sealed_details": details, "told_by": marks["Carer"]}).encode()
    for service, topic, kind in (
        ("intake", "handrail.concerns.v1", "concern.entered_in_error"),
        ("escalation", "handrail.cases.v1", "task.opened"),
    ):
        await at.sql(
            f"INSERT INTO {service}.outbox (event_id, topic, subject, type, version, producer, "
            "sequence, occurred_at, data) VALUES ($1, $2, $3, $4, 1, 'drill/bad', 1, now(), $5)",
            new_event_id(), topic, concern, kind, bad,
        )  # fmt: skip
    unreadable = Record("handrail.concerns.v1", str(concern).encode(), bad, ())
    publisher = open_publisher(at.house.around.bus, partitions=PARTITIONS)
    connection = await asyncpg.connect(at.house.around.dsn("intake"))
    await publisher.start()
    try:
        async with publisher.batch(connection):
            assert await publisher.publish(connection, [unreadable]) == [True]
    finally:
        await publisher.stop()
        await connection.close()

    async def kept() -> bool:
        query = " UNION ALL ".join(
            f"SELECT '{owner}' AS owner FROM {owner}.dead_letter "
            "WHERE subject = $1 AND raw IS NOT NULL"
            for owner in ("intake", "escalation", "notify", "audit_log")
        )
        owners = [row["owner"] for row in await at.sql(query, concern)]
        # The log and escalation had two records each that they could not take, one unreadable.
        return len(set(owners)) == 4 and owners.count("audit_log") == 3

    await until(kept, "every owner has a dead letter of the concern")


async def everything_of(at: Installation, words: list[str]) -> list[Sealed]:
    """What is sealed about the people of a concern, from the tables and from the files."""
    sealed = [*await sealed_in_tables(at.superuser, at.opener)]
    sealed += sealed_in(files_below(*at.disks), at.opener)
    return [one for one in {one.text: one for one in sealed}.values() if one.tells_of(words)]


async def forgotten(at: Installation) -> None:
    """Fourteen days pass on the bus."""
    if at.cluster is None:
        await at.sql("UPDATE bus.log SET at = at - interval '15 days'")
        await at.sql("SELECT bus.sweep()")
        return
    async with at.topics_that_forget():
        logs = [file for file in files_below(at.place) if file.suffix == ".log"]
        topics = [file for file in logs if file.parent.name.startswith("handrail.")]

        async def empty() -> bool:
            now = [file for file in files_below(at.place / "kafka") if file.suffix == ".log"]
            mine = [file for file in now if file.parent.name.startswith("handrail.")]
            return not any(file.stat().st_size for file in mine)

        assert topics
        await until(empty, "the brokers deleted what is past its retention", 60)


async def scrubbed(at: Installation) -> None:
    """What the guide tells whoever runs the database to do, word for word."""
    statements = re.search(r"```sql\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert statements is not None
    for statement in filter(None, map(str.strip, statements[1].split(";"))):
        await at.sql(statement)


def on_disk(at: Installation) -> list[Path]:
    return [file for file in files_below(*at.disks) if _BINARIES not in file.parts]


async def test_an_erased_concern_is_gone_from_every_owner_and_then_from_every_disk(
    installation: Installation,
) -> None:
    at = installation
    gone, held, kept = Marks(), Marks(), Marks()
    erased_id, held_id, kept_id = [await raised(at, marks) for marks in (gone, held, kept)]
    await poisoned(at, erased_id, gone)
    reason = await at.privacy(
        "correct", "--concern", str(erased_id), "--by", "dpo-1", given=gone["Reason"] + "\n"
    )
    assert reason.exit_code == 0, reason.output
    assert (await at.privacy("hold", "--concern", str(held_id), "--by", "dpo-1")).exit_code == 0
    # As autovacuum would: a table's statistics must not keep what its rows no longer hold.
    await at.sql("ANALYZE")
    sealed = await everything_of(at, [*gone, str(erased_id)])
    assert len(sealed) > 10
    assert remains(sealed, on_disk(at))
    assert found([gone["Carer"], gone["Reference"]], on_disk(at))

    refused = await at.privacy("erase", "--concern", str(held_id), "--by", "dpo-1", "--yes")
    assert refused.exit_code == 1
    assert "is held" in refused.output
    done = await at.privacy("erase", "--concern", str(erased_id), "--by", "dpo-1", "--yes")
    assert done.exit_code == 0, done.output

    async def nothing_held() -> bool:
        return bool((await at.sql(_HELD_BY_OWNERS, erased_id))[0][0] == 0)

    await until(nothing_held, "every owner deletes its part")
    owned = [
        row async for row in rows_as_text(at.superuser) if not row.startswith(("bus.", "bus "))
    ]
    assert not [row[:60] for row in owned for one in sealed if one.text in row]

    await forgotten(at)
    await scrubbed(at)
    files = on_disk(at)
    assert found(gone, files) == set()
    assert remains(sealed, files) == set()
    assert await everything_of(at, [*gone, str(erased_id)]) == []
    assert not [
        mail for mail in at.mailbox.mails if erased_id.bytes in mail.raw or _tells(mail, gone)
    ]

    await _still_whole(at, held_id, held)
    await _still_whole(at, kept_id, kept)
    await _log_still_proves(at)


def _tells(mail: Any, marks: Marks) -> bool:
    return any(mark in mail.body + mail.subject for mark in marks)


async def _still_whole(at: Installation, concern: UUID, marks: Marks) -> None:
    path = f"/v1/cases/{concern}/details?reason=triage"
    shown = await at.ask("escalation", "GET", path, at.worker())
    assert shown.status_code == 200, shown.text
    for kind in ("Given", "Narrative", "Issue"):
        assert marks[kind] in shown.text
    assert (await at.sql(_HELD_BY_OWNERS, concern))[0][0] > 5


async def _log_still_proves(at: Installation) -> None:
    heads = await at.sql("SELECT size, root FROM audit_log.tree_head ORDER BY size DESC LIMIT 1")
    size, root = heads[0]["size"], heads[0]["root"]
    query = "SELECT seq, payload FROM audit_log.log_entry WHERE seq < $1 ORDER BY seq"
    entries = [(row["seq"], row["payload"]) for row in await at.sql(query, size)]
    assert verify(entries, size, root).root == root


async def test_a_subject_access_is_recorded_and_holds_all_that_is_held_opened(
    installation: Installation, tmp_path: Path
) -> None:
    at, marks = installation, Marks()
    concern = await raised(at, marks)
    await poisoned(at, concern, marks)
    file = tmp_path / "access.json"
    asked = ("export", "--concern", str(concern), "--by", "dpo-1", "--out", str(file))
    keys = ("--key", str(at.keys / "private"))
    done = await at.privacy(*asked, *keys)
    assert done.exit_code == 0, done.output
    assert not [mark for mark in marks if mark in done.output]
    assert file.stat().st_mode & 0o777 == 0o600
    text = file.read_text()
    sealed_away = {"Key", "Header", "Path", "Query", "Token", "Reason", "Trace", "Media"}
    kinds = {kind: mark for kind, mark in marks.words.items() if kind not in sealed_away}
    assert not [kind for kind, mark in kinds.items() if mark not in text]
    assert marks.upn in text
    assert marks.nhs_number in text
    assert not re.search(r"eyJ[\w-]+\.[\w-]+\.", text)
    assert {"intake", "escalation", "notify", "audit-log"} <= json.loads(text).keys()

    async def on_record() -> Any:
        query = (
            "SELECT convert_from(payload, 'UTF8') AS entry FROM audit_log.log_entry "
            "WHERE type = 'details.read' AND subject = $1"
        )
        return await at.sql(query, concern)

    entry = json.loads((await until(on_record, "the reading is in the log"))[0]["entry"])
    assert (entry["data"]["role"], entry["data"]["reason"]) == ("dpo", "subject_access")
    assert entry["producer"] == "intake"
    assert "dpo-1" not in json.dumps(entry)
    assert (await at.privacy(*asked, *keys)).exit_code == 2


async def test_an_export_without_a_key_says_what_stayed_closed(
    installation: Installation, tmp_path: Path
) -> None:
    at, marks = installation, Marks()
    concern = await raised(at, marks)
    file = tmp_path / "access.json"
    key = str(private_file(at.keys, "contacts"))
    asked = ("export", "--concern", str(concern), "--by", "dpo-1", "--out", str(file))
    done = await at.privacy(*asked, "--key", key)
    assert done.exit_code == 0, done.output
    assert "do not open with these keys" in done.output
    assert marks["Narrative"] not in file.read_text()
    assert marks.phone in file.read_text()


async def test_what_cannot_be_done_is_said_in_a_sentence(installation: Installation) -> None:
    at, nobody = installation, "3f8b7c1e-5a0d-4c57-9d3e-0c6f5b1a2d44"
    for command in ("erase", "hold", "release"):
        yes = ("--yes",) if command == "erase" else ()
        done = await at.privacy(command, "--concern", nobody, "--by", "dpo-1", *yes)
        assert (done.exit_code, done.output) == (
            1,
            f"There is no concern {nobody}, or it is erased.\n",
        )
    unsure = await at.privacy("erase", "--concern", nobody, "--by", "dpo-1", given="n\n")
    assert unsure.exit_code == 1
    assert "Aborted" in unsure.output
    nameless = await at.privacy("hold", "--concern", nobody, "--by", " ")
    assert nameless.exit_code == 2
