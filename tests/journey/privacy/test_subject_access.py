"""Everything held about a concern, opened, for the one who asked; the reading is on record."""

import json
import re
from pathlib import Path
from typing import Any

from handrail.keys import private_file
from tests.journey.privacy.conftest import Installation
from tests.journey.privacy.marks import Marks
from tests.journey.privacy.steps import poisoned, raised, until


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
