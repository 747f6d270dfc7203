"""The bench of verifying runs, and its log is sound to every side; no speeds."""

from handrail.bench.verifying import bench_verify


async def test_verifying_is_measured_beside_the_hashes_alone() -> None:
    found = await bench_verify(3000, 1)
    assert found.keys() == {"what", "machine", "sides", "ratios", "goals"}
    assert found["sides"].keys() == {"ours", "appended", "bare_hashes", "ours_on_two"}
    assert all(side["entries_per_second"] > 0 for side in found["sides"].values())
    assert len(found["goals"]) == 2
