"""A drill's morning played fast through the whole house: what is told, and what is read back."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from handrail.cli import build
from handrail.drill import Drill, Outcome
from handrail.drill_scenario import MORNING, ScenarioWrong, left_after_the_last, read_scenario
from tests.house import House

STEP = "steps: [{at: 0, post: one, says: x, facts: {}, expect: []}]"


def drill(house: House, said: list[str], worker: Any = None) -> Drill:
    made: Drill

    async def wait(pause: timedelta) -> None:
        if worker is not None and made.cases:
            await worker(made)
        house.clock.advance(pause)

    made = Drill(read_scenario(), house.client, house.issuer.token, wait, said.append)
    return made


async def act(house: House, case: str, path: str, body: Any, route: str = "MASH") -> int:
    who = house.issuer.headers("worker", route=route, la="821", account="trainee")
    seen = await house.client.get(f"/v1/cases/{case}", headers=who)
    match = {"If-Match": seen.headers["etag"]}
    url = f"/v1/cases/{case}{path}"
    return (await house.client.post(url, headers=who | match, json=body)).status_code


async def in_queue(house: House, case: str, route: str = "MASH") -> None:
    async def there() -> bool:
        return case in {row["case_id"] for row in await house.queue(route, "821")}

    await house.until(there)


async def test_a_morning_is_played_and_what_was_done_is_read_back(house: House) -> None:
    said: list[str] = []
    done: set[str] = set()

    async def trainee(played: Drill) -> None:
        """Takes and rates the first at once, the second too late, and nothing else."""
        for name, after in (("life", 1), ("marks", 6)):
            if name not in done and len(played.cases) >= after:
                done.add(name)
                await in_queue(house, played.cases[name])
                assert await act(house, played.cases[name], "/claim", None) == 200
                assert await act(house, played.cases[name], "/rate", {"rating": "red"}) == 200

    played = drill(house, said, trainee)
    await played.play()
    outcomes = await played.outcomes()
    played.tell(outcomes)
    assert [(o.case, o.expected.do, o.how) for o in outcomes[:3]] == [
        ("life", "claim", "in time"),
        ("life", "rate", "in time"),
        ("marks", "claim", "late"),
    ]
    assert {o.how for o in outcomes[3:]} == {"not done"}
    assert played.left(outcomes)
    assert said[-1] == f"2 of {len(outcomes)} in time."
    text = "\n".join(said)
    for told in ("within 5 minutes", "MASH: take it", "Silence is no answer", "PREVENT"):
        assert told in text


async def test_every_case_of_the_morning_is_a_drill_of_the_priority_that_it_teaches(
    house: House,
) -> None:
    played = drill(house, [])
    await played.play()
    rows = {step.post: step for step in read_scenario().steps if step.post}
    assert len(rows) >= 8
    headers = house.issuer.headers("mis", client="demo-mis", school="999002")
    for name, step in rows.items():
        answer = await house.client.get(f"/v1/concerns/{played.cases[name]}", headers=headers)
        found = answer.json()
        assert found["synthetic"]
        raised = {"hungry": "P1"}.get(name, step.priority)
        assert found["priority"] == raised, name
        for expected in step.expect:
            await in_queue(house, played.cases[name], expected.route)
    assert {step.priority for step in rows.values()} == {"P0", "P1", "P2", "P3", "P4"}


def test_an_answer_in_writing_is_what_a_school_that_disagrees_waits_for() -> None:
    step = next(step for step in read_scenario().steps if step.disagree)
    outcome = Outcome("marks", step.expect[0], step.expect[0].within + 0.1)
    assert outcome.how == "late"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("title: x\nla: '821'\nschool: '100001'\n" + STEP, "one of 999001 to 999099"),
        ("title: x\nla: '821'\nschool: '999002'\nsteps: [{at: 0, says: x}]", "one of post, amend"),
        (
            "title: x\nla: '821'\nschool: '999002'\nsteps: [{at: 0, amend: two, says: x}]",
            "nothing was posted as two before minute 0",
        ),
        ("title: [", ":1: this is no YAML"),
        ("title: x", "la: Field required"),
    ],
)
def test_a_script_that_is_wrong_is_said_in_a_sentence(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "script.yaml"
    file.write_text(text)
    with pytest.raises(ScenarioWrong) as told:
        read_scenario(file)
    assert str(told.value).startswith(str(file))
    assert says in str(told.value)


@pytest.mark.parametrize("url", ["https://handrail.example.org", "http://10.0.0.1:8000"])
def test_a_drill_is_played_on_this_machine_alone(tmp_path: Path, url: str) -> None:
    options = ["drill", "--url", url, "--data", str(tmp_path)]
    result = CliRunner().invoke(build("drill"), options)
    assert result.exit_code == 1
    assert "start `handrail demo` first" in result.output
    assert MORNING.exists()


def test_a_fast_drill_leaves_the_worker_all_of_every_limit() -> None:
    morning = read_scenario()
    longest = max(e.within for step in morning.steps for e in step.expect)
    last = morning.steps[-1].at
    assert left_after_the_last(morning, 1) >= timedelta(minutes=morning.steps[-1].expect[0].within)
    fast = left_after_the_last(morning, 600)
    assert timedelta(minutes=longest - last / 600) <= fast <= timedelta(minutes=longest)
