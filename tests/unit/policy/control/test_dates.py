"""A concern is decided by the packs that were in force when it was received."""

from datetime import UTC, date, datetime

from shared.policy import Authorities
from shared.policy.control.dated import DatedPolicies
from shared.policy.control.ledger import weaknesses
from shared.policy.control.opening import open_packs
from shared.policy.control.statements import Acceptance
from shared.policy.schema import Raw
from tests.unit.policy.control.desk import BOTH, LATER, LOCAL, Desk
from tests.unit.policy.control.test_fallback import LA, versions

FROM_DECEMBER = LATER.replace("2026-09-01", "2026-12-01")
INFANT: dict[str, Raw] = {"concern_types": ["neglect"], "age_years": 1}


def at(day: int, hour: int, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def routes(policies: DatedPolicies, when: datetime) -> set[str]:
    decided = policies.at(when).decide(
        INFANT, received_at=when, authorities=Authorities(LA, None, LA)
    )
    return {action.route for action in decided.actions}


def test_a_new_version_decides_from_its_first_midnight_in_london(desk: Desk) -> None:
    desk.release(LOCAL)
    desk.release(FROM_DECEMBER)
    policies = open_packs(desk.packs)
    assert versions(policies, at(30, 23))["testshire"] == "1"
    assert versions(policies, at(1, 0, 12))["testshire"] == "2"


def test_midnight_is_london_s_and_not_utc_s(desk: Desk) -> None:
    desk.release(LOCAL.replace("2026-09-01", "2026-06-01"))
    desk.release(LATER.replace("2026-09-01", "2026-07-01"))
    policies = open_packs(desk.packs)
    assert versions(policies, datetime(2026, 6, 30, 22, 59, tzinfo=UTC))["testshire"] == "1"
    assert versions(policies, datetime(2026, 6, 30, 23, 0, tzinfo=UTC))["testshire"] == "2"


def test_what_is_decided_later_is_still_decided_by_the_day_of_its_receipt(desk: Desk) -> None:
    desk.release(LOCAL)
    more = FROM_DECEMBER.replace(
        "  - {route: HEALTH, priority: P2, by: WD(1)}\n",
        "  - {route: HEALTH, priority: P2, by: WD(1)}\n"
        "  - {route: EARLY_HELP, priority: P2, by: WD(1)}\n",
    )
    desk.release(more)
    policies = open_packs(desk.packs)
    policies.prepare(at(15, 9, 12))
    assert "EARLY_HELP" not in routes(policies, at(20, 9))
    assert "EARLY_HELP" in routes(policies, at(15, 9, 12))


def test_a_local_pack_does_not_decide_before_it_is_in_force_nor_after_it_ended(desk: Desk) -> None:
    desk.release(LOCAL.replace("{from: 2026-09-01}", "{from: 2026-11-10, to: 2026-11-20}"))
    policies = open_packs(desk.packs)
    found = [day for day in (9, 10, 20, 21) if "testshire" in versions(policies, at(day, 12))]
    assert found == [10, 20]
    assert policies.troubles(at(21, 12)) == ()


def test_before_any_national_pack_was_in_force_the_first_one_decides(desk: Desk) -> None:
    assert "national" in versions(open_packs(desk.packs), datetime(2019, 1, 1, tzinfo=UTC))


def test_once_an_acceptance_has_ended_the_version_before_decides_again(desk: Desk) -> None:
    desk.release(LOCAL)
    until = Acceptance("lost-1", "slower", "a trial", BOTH, str(date(2026, 11, 30)))
    desk.put_by_force(LATER.replace("HOURS(1)", "HOURS(4)"), until)
    policies = open_packs(desk.packs)
    assert versions(policies, at(30, 12))["testshire"] == "2"
    assert policies.troubles(at(30, 12)) == ()
    assert versions(policies, at(1, 12, 12))["testshire"] == "1"
    (trouble,) = policies.troubles(at(1, 12, 12))
    assert "what was accepted of it ended on 2026-11-30" in trouble.why
    assert list(weaknesses(desk.ledger, date(2026, 11, 30))) == []
    (told,) = weaknesses(desk.ledger, date(2026, 12, 1))
    assert "testshire: what was accepted ended on 2026-11-30: slower" in told
