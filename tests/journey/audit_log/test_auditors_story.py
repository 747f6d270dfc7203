"""A real concern through all four services, as an auditor reads it; and no name is anywhere in it.

The concern is of marks: strings that nothing else would ever hold.
"""

import base64
import re
from html import unescape
from pathlib import Path
from typing import Any

import httpx2

from handrail.log_keys import make_log_keys
from shared.auth import Grant, Principal
from shared.web.signin import sessions
from tests.house import House
from tests.journey.audit_log.conftest import Log
from tests.journey.audit_log.trust.conftest import Signed
from tests.journey.privacy.marks import LA, URN, Marks


async def worked(house: House, marks: Marks) -> str:
    """Raised, routed, told, read, acknowledged and decided; returns the concern's id."""
    posted = await house.post_concern(marks.body(), marks["Key"], URN)
    assert posted.status_code == 201, posted.text
    concern = str(posted.json()["concerns"][0]["concern_id"])
    (task,) = await house.until(lambda: house.queue("MASH", LA))
    worker = house.issuer.headers("worker", route="MASH", la=LA, account=marks["Account"])
    read = await house.client.get(
        f"/v1/cases/{concern}/details", params={"reason": "triage"}, headers=worker
    )
    assert marks["Narrative"] in read.text
    match = worker | {"If-Match": f'"{task["version"]}"'}
    done = await house.client.post(
        f"/v1/tasks/{task['task_id']}/acknowledge",
        json={"reference": marks["Reference"]},
        headers=match,
    )
    assert done.status_code == 200, done.text
    case = await house.client.get(f"/v1/cases/{concern}", headers=worker)
    decided = await house.client.post(
        f"/v1/cases/{concern}/decide",
        json={"outcome": "NFA", "reason": marks["Reason"]},
        headers=worker | {"If-Match": case.headers.get("etag", "")},
    )
    assert decided.status_code == 200, decided.text
    return concern


async def story(house: House, concern: str, auditor: dict[str, str]) -> dict[str, Any]:
    answer = await house.client.get(f"/v1/log/cases/{concern}/story", headers=auditor)
    told: dict[str, Any] = answer.json() if answer.status_code == 200 else {"steps": []}
    return told


async def browser(house: House) -> dict[str, str]:
    """The cookie of an auditor who is signed in to the pages."""
    app = house.apps["audit-log"]
    who = Principal("auditor-1", "demo-pages", "person", frozenset({Grant("auditor")}))
    session = await sessions.begin(app.state.runtime.sessions, who, "Auditor", house.clock.now())
    return {"Accept": "text/html", "Cookie": f"{app.state.web.cookie()}={session.secret}"}


async def sign(house: House, place: Path) -> None:
    runtime = house.apps["audit-log"].state.runtime
    make_log_keys(place / "keys", "log.example/house")
    log = Log(runtime, house.clock, house.apps["audit-log"], None)  # type: ignore[arg-type]
    signed = Signed(log, house.database, place, house.clock)
    async with signed.stack:
        await (await signed.checkpointer()).round()


async def test_a_concerns_whole_story_is_on_one_page_with_proofs_and_without_names(
    house: House, tmp_path: Path
) -> None:
    marks = Marks()
    concern = await worked(house, marks)
    auditor = house.issuer.headers("auditor", la=LA)

    async def whole() -> bool:
        kinds = {step["type"] for step in (await story(house, concern, auditor))["steps"]}
        return kinds >= {
            "concern.raised", "case.opened", "task.opened", "notice.sent", "details.read",
            "task.acknowledged", "case.decided", "log.read",
        }  # fmt: skip

    await house.until(whole)
    await sign(house, tmp_path)
    told = await story(house, concern, auditor)
    _proved(told, (await house.client.get("/v1/log/root")).json())
    said = " ".join(step["words"] for step in told["steps"])
    for words in (
        f"School {URN} raised a concern", "It was decided: priority P", "is to see to it",
        "Told: ", "A worker read the sealed details, for: triage.",
        "A person acknowledged the task for the safeguarding hub (MASH), with a reference number.",
        "A worker decided: nfa, with a reason.", "An auditor read a concern’s whole story.",
    ):  # fmt: skip
        assert words in said, words
    assert any(step["rules"] for step in told["steps"] if step["type"] == "case.opened")
    await _no_name(house, concern, auditor, marks)


def _proved(told: dict[str, Any], root: dict[str, Any]) -> None:
    in_tree = [step for step in told["steps"] if step["seq"] < told["tree"]["size"]]
    assert len(in_tree) > 8
    assert all(step["proved"] for step in in_tree)
    times = [(step["at"], step["seq"]) for step in told["steps"]]
    assert times == sorted(times)
    assert root["size"] >= told["tree"]["size"]


async def _no_name(house: House, concern: str, auditor: dict[str, str], marks: Marks) -> None:
    seqs = [step["seq"] for step in (await story(house, concern, auditor))["steps"]]
    cookie = await browser(house)
    shown: list[httpx2.Response] = [
        await house.client.get(path, headers=auditor)
        for path in (
            "/v1/log/entries?limit=1000&proofs=true", f"/v1/log/cases/{concern}/story",
            "/v1/log/export.jsonl", "/v1/log/export.csv", "/v1/log/unaccounted",
            *(f"/v1/log/proof/entry/{seq}.tlog-proof" for seq in seqs[:3]),
        )
    ]  # fmt: skip
    shown += [
        await house.client.get(path, headers=cookie)
        for path in (
            "/audit", "/audit/state", f"/audit/entries?concern={concern}",
            f"/audit/cases/{concern}", *(f"/audit/entries/{seq}" for seq in seqs),
        )
    ]  # fmt: skip
    for answer in shown:
        assert answer.status_code == 200, (answer.url, answer.text)
        text = answer.text + unescape(re.sub(r"<[^>]*>", "", answer.text))
        if answer.url.path.endswith(".tlog-proof"):
            (extra,) = re.findall(r"^extra (.*)$", answer.text, re.MULTILINE)
            text += base64.b64decode(extra).decode()
        assert [mark for mark in marks if mark in text] == [], answer.url.path
