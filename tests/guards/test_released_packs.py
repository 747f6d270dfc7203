"""The packs that come with Handrail are the ones that were signed, once anybody signs for them."""

from handrail.policy_control_cli import release_problems
from shared.policy.control.ledger import read_ledger, under_control
from shared.policy.load import PACKS


def test_no_pack_that_comes_with_handrail_was_changed_after_it_was_released() -> None:
    assert release_problems(PACKS) == []


def test_every_pack_that_comes_with_handrail_is_released_or_none_is() -> None:
    if under_control(PACKS):
        released = {release.statement.pack for release in read_ledger(PACKS).releases}
        assert released == {file.stem for file in PACKS.glob("*.yaml")}
