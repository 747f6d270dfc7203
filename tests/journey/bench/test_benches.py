"""Each bench runs, finds no refusal and no loss, and says its figures in one form; no speeds."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from handrail.bench.figures import Goal, percentile
from tests.conftest import required

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


def figures_of(*command: str) -> dict[str, Any]:
    program = "from handrail.bench import bench_app; bench_app()"
    line = [sys.executable, "-c", program, *command, "--rounds", "1", "--json"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def assert_goals_can_be_read(found: dict[str, Any]) -> None:
    assert {"what", "machine", "sides", "ratios", "goals"} <= found.keys()
    assert found["machine"]["cpus"] == os.cpu_count()
    for goal in found["goals"]:
        assert ("at_least" in goal) is not ("at_most" in goal)
        assert isinstance(goal["reached"], float | int)
        assert isinstance(goal["met"], bool)


def test_intake_is_measured_beside_its_references_in_one_run() -> None:
    found = figures_of("intake", "--seconds", "0.5", "--clients", "1,32")
    assert_goals_can_be_read(found)
    assert found["sides"].keys() == {
        "ours",
        "ours_relaying",
        "same_rows",
        "body_only",
        "sqlmodel",
        "bare_commit",
    }
    for side, by_clients in found["sides"].items():
        for figures in by_clients.values():
            assert figures["requests"] > 0, side
            assert 0 < figures["p50_ms"] <= figures["p99_ms"], side
            assert figures.get("refused", 0) == 0, side
    assert len(found["goals"]) == 4
    assert found["memory_mib"]["ours"] > 10


def test_the_way_to_the_task_is_measured_beside_a_commit_and_over_kafka_beside_aiokafka() -> None:
    kafka = required("kafka")  # only where it must be there
    found = figures_of("way", "--seconds", "1", *(() if kafka else ("--no-kafka",)))
    assert_goals_can_be_read(found)
    assert found["sides"]["embedded"]["count"] > 0
    if kafka:
        assert found["sides"]["kafka"]["count"] > 0
    assert len(found["goals"]) == (4 if kafka else 2)


def test_the_drain_of_a_backlog_loses_nothing_and_keeps_the_order() -> None:
    found = figures_of("backlog", "--seconds", "0.5", "--events", "1000")
    assert_goals_can_be_read(found)
    drain = found["sides"]["drain"]
    assert drain["events"] > 1000
    assert len(drain["fifths"]) == 5
    assert (drain["lost"], drain["out_of_order"]) == (0, 0)


def test_clocks_due_at_once_all_fire_and_none_twice() -> None:
    found = figures_of("timers", "--due", "2500", "--pending", "1000")
    assert_goals_can_be_read(found)
    for side in found["sides"].values():
        assert (side["missed"], side["twice"]) == (0, 0)
        assert side["seconds"] > 0


def test_a_desks_pages_are_measured_and_every_open_one_hears_each_change() -> None:
    found = figures_of("desk", "--tasks", "2000", "--desks", "3", "--seconds", "0.5")
    assert_goals_can_be_read(found)
    assert all(found["sides"][side]["count"] > 0 for side in ("few", "many", "case"))
    assert found["sides"]["live"]["rows"] > 0
    assert found["sides"]["live"]["missed"] == 0


def test_a_percentile_is_one_of_the_values() -> None:
    values = [float(value) for value in range(1, 201)]
    assert percentile(values, 0.5) == 100
    assert percentile(values, 0.99) == 198
    assert percentile([7.0], 0.99) == 7


def test_a_goal_is_missed_on_the_wrong_side_of_its_bound() -> None:
    assert Goal("ratio", 1.0, at_least=1.0).met
    assert not Goal("ratio", 0.99, at_least=1.0).met
    assert not Goal("milliseconds", 15.1, at_most=15.0).met


def test_the_log_is_measured_beside_copies_of_the_same_rows() -> None:
    found = figures_of("audit", "--batch", "300", "--batches", "1", "--proofs", "0")
    assert_goals_can_be_read(found)
    sides = ("append", "append_records", "guarded_copy", "unlogged_copy")
    assert all(found["sides"][side]["rows_per_second"] > 0 for side in sides)
    assert len(found["goals"]) == 3
