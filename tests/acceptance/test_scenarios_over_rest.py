"""The acceptance scenarios through the same face as a school's system, and on to the queues."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from shared.policy import yaml12
from tests.acceptance.meeting import meets, titled
from tests.house import SCHOOL_OF, House

SCENARIOS = Path(__file__).parent / "scenarios"
READ = {path: yaml12.load(path.read_bytes()) for path in sorted(SCENARIOS.glob("A*.yaml"))}
REPORTER_ACCOUNT = "demo-teacher-of-the-scenario"
REPORTER = {
    "reporter_role": "role",
    "reporter_does_teaching_work": "does_teaching_work",
}


def body_of(scenario: Mapping[str, Any]) -> dict[str, Any]:
    """The scenario as a submission: the child's facts with the child, the other child in people."""
    reporter: dict[str, Any] = {"account": REPORTER_ACCOUNT}
    children, people, shared = [], [], {}
    for subject in scenario["subjects"]:
        facts = dict(subject["facts"])
        for fact, member in REPORTER.items():
            if fact in facts:
                reporter[member] = facts.pop(fact)
        home = scenario["authorities"].get("home")
        entry = {"ref": subject["ref"], "home_la": home, "facts": facts}
        if "role" not in subject:  # a request about no child
            shared = facts
        elif subject["role"] == "child_who_harmed":
            people.append({**entry, "role": "child_who_harmed"})
        else:
            children.append(entry)
    body = {"reporter": reporter, "children": children, "people": people, "facts": shared}
    if "disclosure_request" in shared:
        body["disclosure_request"] = shared.pop("disclosure_request")
    if "discovered_at" in scenario:
        body["discovered_at"] = scenario["discovered_at"]
    return body


@pytest.mark.parametrize("path", READ, ids=titled)
async def test_a_scenario_over_rest_ends_as_the_rules_say(path: Path, house: House) -> None:
    scenario = READ[path]
    house.clock.set(datetime.fromisoformat(scenario["received_at"]))
    urn = SCHOOL_OF[scenario["authorities"]["school"]]

    posted = await house.post_concern(body_of(scenario), path.stem, urn)

    assert posted.status_code == 201, posted.text
    answer = posted.json()
    for wanted in scenario["expect"]:
        assert any(meets(action, wanted) for action in answer["actions"]), wanted
    assert len(answer["concerns"]) == len(scenario["subjects"])
    assert not {action["route"] for action in answer["actions"]} & set(scenario["not_routes"])
    told = {prohibition["code"] for prohibition in answer["prohibitions"]}
    assert set(scenario["prohibitions"]) <= told
    if "gate" in scenario:
        assert answer["gate"]["state"] == scenario["gate"]
    await _each_action_is_a_task(house, answer, urn)


async def _each_action_is_a_task(house: House, answer: Mapping[str, Any], urn: str) -> None:
    """What the school was told to do stands in its receipt as a task with an owner."""
    for concern in answer["concerns"]:
        subject = concern["subject"]
        routes = {a["route"] for a in answer["actions"] if a["subject"] == subject}

        async def tasks(url: str = concern["status_url"]) -> list[dict[str, Any]] | None:
            receipt = await house.client.get(
                url, headers=house.issuer.headers("reporter", school=urn, account=REPORTER_ACCOUNT)
            )
            assert receipt.status_code == 200, receipt.text
            found: list[dict[str, Any]] = receipt.json()["tasks"]
            return found or None

        found = await house.until(tasks)
        assert {task["route"] for task in found} >= routes
        assert all(task["owner"] for task in found)
