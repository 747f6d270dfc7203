"""The README's commands do what it says, to the letter."""

import json
import re
import subprocess
import time
from typing import Any

import httpx2

from tests.e2e.conftest import ROOT, Demo

README = (ROOT / "README.md").read_text()


def command_that_holds(text: str) -> str:
    """The indented block of the README with the text in it, as a shell would be given it."""
    blocks = re.findall(r"(?:^    .*\n?)+", README, re.MULTILINE)
    (block,) = (block for block in blocks if text in block)
    return re.sub(r"^    ", "", block, flags=re.MULTILINE)


def answer_of(command: str, demo: Demo) -> Any:
    return json.loads(said_by(command, demo))


def said_by(command: str, demo: Demo) -> str:
    """Runs the command against this demo: only its address and directory are other ones."""
    port = demo.base.rsplit(":", 1)[1]
    here = command.replace(":8000", f":{port}")
    here = re.sub(r"(handrail token [^)]*)\)", rf"\1 --data {demo.data})", here)
    here = here.replace(" .demo/", f" {demo.data}/")
    done = subprocess.run(
        ["bash", "-euc", here], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_curl_posts_a_concern_and_the_next_one_shows_it_in_the_queue(demo: Demo) -> None:
    answer = answer_of(command_that_holds("/v1/concerns -H"), demo)
    shown = re.search(r'\{"incident_id".*?"dropped_media": 0\}', README, re.DOTALL)
    assert shown, "the README shows no answer"
    members = set(re.findall(r'"(\w+)":', shown[0]))
    given = json.dumps(answer)
    assert all(f'"{member}"' in given for member in members), members
    concern = answer["concerns"][0]["concern_id"]

    deadline = time.monotonic() + 15
    while True:
        queue = answer_of(command_that_holds("/v1/queues/"), demo)
        if concern in {item["case_id"] for item in queue["items"]}:
            return
        assert time.monotonic() < deadline, "it did not reach the queue"


def test_the_rules_are_proved_and_the_log_is_verified_as_it_says(demo: Demo) -> None:
    answer_of(command_that_holds("/v1/concerns -H"), demo)
    deadline = time.monotonic() + 30
    while httpx2.get(f"{demo.base}/checkpoint").status_code != 200:
        assert time.monotonic() < deadline, "the log was not signed"
        time.sleep(0.1)
    said = said_by(command_that_holds("audit verify"), demo)
    assert "VERIFIED" in said


def test_every_page_it_links_to_is_there() -> None:
    pages = re.findall(r"\]\(([^)#]+)\)", README)
    assert pages
    assert [page for page in pages if "://" not in page and not (ROOT / page).exists()] == []


def test_its_commands_are_the_makefiles() -> None:
    targets = set(re.findall(r"^(\w[\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake (\w+)", README)) <= targets | {"only"}
