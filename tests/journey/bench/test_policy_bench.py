"""The policy's bench compares engines that fire alike, and says plainly when one is missing."""

import sys

import pytest

from handrail.bench import engines
from handrail.bench.ground import Missing
from tests.journey.bench.test_benches import assert_goals_can_be_read, figures_of


def test_deciding_is_measured_beside_engines_that_fire_the_same_rules() -> None:
    found = figures_of("policy", "--seconds", "0.2")
    assert_goals_can_be_read(found)
    checked = found["what"]["checked_to_fire_alike"]
    assert checked.keys() == {"zen_ids", "zen_trace", "cel", "business_rules"}
    assert found["sides"].keys() == {
        *checked, "ours_outcome", "ours_explained", "ours_decision", "ours_back_test",
        "ours_back_test_whole",
    }  # fmt: skip
    for figures in found["sides"].values():
        assert figures["evaluations"] > 0
        assert 0 < figures["p50_us"] <= figures["p99_us"]
    assert len(found["goals"]) == 6


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("zen", "zen-engine"),
        ("cel", "common-expression-language"),
        ("business_rules", "business-rules"),
    ],
)
def test_an_engine_that_is_not_installed_is_one_clear_sentence(
    module: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(Missing) as told:
        engines.all_wanted()
    assert str(told.value) == f"{package} is not installed; install Handrail's extra `dev`"
