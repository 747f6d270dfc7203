"""Erased is gone: from every owner at once, and after the retention from every byte on disk."""

import re
from pathlib import Path
from typing import Any
from uuid import UUID

from audit_log.merkle import leaf_hash, root_of
from tests.journey.privacy.conftest import Installation
from tests.journey.privacy.marks import Marks
from tests.journey.privacy.steps import poisoned, raised, until
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


async def everything_of(at: Installation, words: list[str]) -> list[Sealed]:
    """What is sealed about the people of a concern, from the tables and from the files."""
    sealed = [*await sealed_in_tables(at.superuser, at.opener)]
    sealed += sealed_in(files_below(*at.disks), at.opener)
    return [one for one in {one.text: one for one in sealed}.values() if one.tells_of(words)]


async def forgotten(at: Installation) -> None:
    """Fourteen days pass on the bus."""
    if at.cluster is None:
        await at.sql("UPDATE bus.log SET at = at - interval '15 days'")
        await at.sql("SELECT bus.sweep(100000)")
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
    assert [seq for seq, _ in entries] == list(range(size))
    assert root_of([leaf_hash(payload) for _, payload in entries]) == root
