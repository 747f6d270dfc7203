"""A release that weakens anything fails, unless two people accept that very region for a time."""

from typing import Any

import pytest

from shared.policy import PolicyError
from shared.policy.control.signing import prepare, read_accepted, to_accept
from tests.unit.policy.control.desk import BOTH, LATER, LOCAL, TODAY, Desk
from tests.unit.policy.packs import RULE

SLOWER = LATER.replace("HOURS(1)", "HOURS(4)")
BY_BOTH = "  - {route: HEALTH, priority: P2, by: WD(1)}\n"
# A second rule asks for the same, and of older children too.
TWICE = LOCAL + RULE.removeprefix("rules:\n").replace("TST-NEG-01", "TST-NEG-02").replace(
    "under 2", "under 3"
).replace("age_years: 2}", "age_years: 3}")  # fmt: skip


def acceptance(desk: Desk, **changed: Any) -> dict[str, Any]:
    (loss,) = prepare(desk.ledger, desk.packs / "testshire.yaml").losses
    entry = {"region": loss.region, "reason": "The hub has no one for it before 2027.",
             "approvers": list(BOTH), "expires": "2027-01-31"}  # fmt: skip
    return entry | changed


def test_a_weaker_pack_is_refused_with_the_region_and_the_rule(desk: Desk) -> None:
    desk.release(LOCAL)
    with pytest.raises(PolicyError) as refused:
        desk.release(SLOWER)
    (problem,) = refused.value.problems
    assert "testshire TST-NEG-01: lost MASH P1 by HOURS(1)" in problem
    assert "(kind of concern: neglect; age: under 2 or not known)" in problem
    assert "nobody accepts it" in problem


def test_a_stronger_pack_needs_nobody_s_acceptance(desk: Desk) -> None:
    desk.release(LOCAL)
    stronger = LATER.replace("under 2", "under 4").replace("P2, by: WD(1)", "P1, by: HUB_OPEN")
    stronger = stronger.replace("age_years: 2}", "age_years: 5}")
    assert desk.release(stronger).statement.accepted == ()


def test_two_people_accept_one_region_for_a_reason_and_a_time(desk: Desk) -> None:
    desk.release(LOCAL)
    desk.write(SLOWER)
    release = desk.release(SLOWER, accepted=[acceptance(desk)])
    (accepted,) = release.statement.accepted
    assert accepted.approvers == BOTH
    assert "MASH P1 by HOURS(1)" in accepted.says
    assert str(release.statement.accepted_until) == "2027-01-31"


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"approvers": ["A. Smith"]}, "two different approvers"),
        ({"approvers": ["A. Smith", "A. Smith"]}, "two different approvers"),
        ({"reason": " "}, "has no reason"),
        ({"expires": None}, "no `expires: YYYY-MM-DD`"),
        ({"expires": "2026-11-23"}, "ended on 2026-11-23"),
        ({"region": "lost-0000000000"}, "nobody accepts it"),
    ],
)
def test_an_acceptance_that_lacks_something_accepts_nothing(
    desk: Desk, changed: dict[str, Any], says: str
) -> None:
    desk.release(LOCAL)
    desk.write(SLOWER)
    with pytest.raises(PolicyError, match=says):
        desk.statement(accepted=[acceptance(desk, **changed)])


def test_who_accepts_has_to_sign(desk: Desk) -> None:
    desk.release(LOCAL)
    desk.write(SLOWER)
    desk.enrol("C. Brown")
    statement = desk.statement(accepted=[acceptance(desk, approvers=["A. Smith", "C. Brown"])])
    why = desk.ledger.approvers.why_not(desk.signed(statement, by=BOTH))
    assert why is not None
    assert "is not accepted by two approvers who signed" in why
    assert (
        desk.ledger.approvers.why_not(desk.signed(statement, by=("A. Smith", "C. Brown"))) is None
    )


def test_what_was_accepted_once_is_accepted_anew_with_the_next_release_or_refused(
    desk: Desk,
) -> None:
    desk.release(LOCAL)
    desk.write(SLOWER)
    accepted = acceptance(desk)
    desk.release(SLOWER, accepted=[accepted])
    third = SLOWER.replace('version: "2"', 'version: "3"')
    with pytest.raises(PolicyError, match="nobody accepts it"):
        desk.release(third)
    desk.release(third, accepted=[accepted])
    mended = LOCAL.replace('version: "1"', 'version: "4"')
    assert desk.release(mended).statement.accepted == ()


def test_what_one_of_two_rules_no_longer_asks_two_people_accept_and_for_good(desk: Desk) -> None:
    desk.release(TWICE)
    once = TWICE.replace('version: "1"', 'version: "2"').replace(BY_BOTH, "", 1)
    desk.write(once)
    with pytest.raises(PolicyError) as refused:
        desk.statement()
    (problem,) = refused.value.problems
    assert "held by fewer rules than before: testshire TST-NEG-01: thinner HEALTH" in problem
    assert "(kind of concern: neglect; age: under 2 or not known; still asked by TST-NEG-02)" in (
        problem
    )
    (thin,) = prepare(desk.ledger, desk.packs / "testshire.yaml").losses
    assert thin.region.startswith("thinner-")
    accepted = acceptance(desk, expires=None)
    assert desk.release(once, accepted=[accepted]).statement.accepted_until is None
    # From then on that is what holds: the next release is held to it, and asks nobody again.
    assert desk.release(once.replace('"2"', '"3"')).statement.accepted == ()
    last = once.replace('"2"', '"4"').replace(BY_BOTH, "", 1)
    with pytest.raises(PolicyError, match="weaker than before: testshire TST-NEG-02: lost HEALTH"):
        desk.release(last, accepted=[accepted])


def test_a_rule_that_only_changes_its_name_is_not_thinner(desk: Desk) -> None:
    desk.release(LOCAL)
    assert desk.release(LATER.replace("TST-NEG-01", "TST-NEG-07")).statement.accepted == ()


def test_a_version_is_released_once_and_never_before_the_one_it_follows(desk: Desk) -> None:
    desk.release(LOCAL)
    with pytest.raises(PolicyError, match="version 1 was released before"):
        desk.release(LOCAL.replace("The youngest cannot wait.", "The youngest cannot wait!"))
    with pytest.raises(PolicyError, match="in force before 1, which it follows"):
        desk.release(LATER.replace("2026-09-01", "2026-08-01"))


def test_a_pack_is_named_as_its_file_is(desk: Desk) -> None:
    desk.write(LOCAL, "elsewhere")
    with pytest.raises(PolicyError, match="a pack's file has its name"):
        desk.statement("elsewhere")


def test_what_to_accept_can_be_pasted_and_completed(desk: Desk) -> None:
    desk.release(LOCAL)
    prepared = prepare(desk.ledger, desk.write(SLOWER))
    file = desk.packs / "accepted.yml"
    lines = "\n".join(to_accept(prepared)).replace("[]", "[A. Smith, B. Jones]")
    lines = lines.replace("reason:", "reason: For a time.").replace(
        "expires:", "expires: 2026-12-31"
    )
    file.write_text(f"accepted:\n{lines}\n")
    assert desk.release(SLOWER, accepted=read_accepted(file)).statement.accepted[0].holds_on(TODAY)
    file.write_text("accepted:\n- [\n")
    with pytest.raises(PolicyError, match=r"accepted\.yml:2"):
        read_accepted(file)
