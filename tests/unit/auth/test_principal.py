"""A principal holds what its grants say, where they say it, and nothing beside."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.auth import Grant, Principal, Role
from shared.auth.principal import ROLES, ClaimsRefused, principal_of
from tests.unit.auth.tokens import claims


def person(*grants: dict[str, Any], **changes: Any) -> Principal:
    return principal_of(claims(sub="a-person", client_id="pages", grants=list(grants), **changes))


MASH_KENT = {"role": "worker", "route": "MASH", "la": "886"}


def test_a_worker_of_one_hub_is_none_of_another() -> None:
    worker = person(MASH_KENT)
    assert worker.holds("worker")
    assert worker.holds("worker", route="MASH", la="886")
    assert not worker.holds("worker", route="MASH", la="821")
    assert not worker.holds("worker", route="LADO", la="886")
    assert not worker.holds("manager", route="MASH", la="886")


def test_two_grants_do_not_add_up_to_a_third() -> None:
    worker = person(MASH_KENT, {"role": "worker", "route": "LADO", "la": "821"})
    assert not worker.holds("worker", route="MASH", la="821")


def test_a_case_whose_authority_nobody_knows_is_not_every_workers() -> None:
    assert not person(MASH_KENT).holds("worker", route="MASH", la=None)
    assert person({"role": "worker", "route": "MASH"}).holds("worker", route="MASH", la=None)


def test_a_grant_without_an_authority_covers_each() -> None:
    assert person({"role": "auditor"}).holds("auditor", la="926")
    assert not person({"role": "auditor", "la": "886"}).holds("auditor", la="926")


def test_software_is_a_client_and_a_person_is_not() -> None:
    assert principal_of(claims()).kind == "client"
    assert person(MASH_KENT).kind == "person"
    assert principal_of(claims(sub="service-account-7", kind="client")).kind == "client"


def test_scopes_are_words_of_one_string() -> None:
    assert person(scope="concerns:write a").scopes == {"concerns:write", "a"}
    assert person().scopes == frozenset()


def test_a_role_of_another_application_gives_nothing() -> None:
    assert person({"role": "superuser"}, MASH_KENT).roles == {Grant("worker", "MASH", "886")}


def test_no_grants_are_no_roles() -> None:
    nobody = principal_of(claims(grants=...))
    assert not any(nobody.holds(role) for role in ROLES)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "grant",
    [
        MASH_KENT | {"authority": "886"},
        MASH_KENT | {"la": 886},
        MASH_KENT | {"la": ["886"]},
        MASH_KENT | {"la": ""},
        MASH_KENT | {"la": "*"},
        MASH_KENT | {"la": "٨٨٦"},
        MASH_KENT | {"route": "mash"},
        MASH_KENT | {"route": "MASH\n"},
        MASH_KENT | {"role": None},
        {"route": "MASH"},
        {"role": "worker", "la": "886"},
        {"role": "dsl", "la": "886"},
        {"role": "mis", "urn": "999001"},
        "worker",
        None,
    ],
)
def test_a_grant_that_may_mean_more_than_it_says_refuses_the_token(grant: Any) -> None:
    with pytest.raises(ClaimsRefused):
        person(grant)


@pytest.mark.parametrize("role", ["reporter", "dsl", "head", "worker", "manager"])
def test_software_holds_no_persons_role(role: Role) -> None:
    with pytest.raises(ClaimsRefused):
        principal_of(claims(grants=[{"role": role, "route": "MASH", "urn": "999001"}]))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(["sub", "client_id", "azp", "kind", "grants", "scope"]), _JSON)
)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_claims_whatever_crash_the_reader(changes: dict[str, Any]) -> None:
    try:
        found = principal_of(claims() | changes)
    except ClaimsRefused:
        return
    assert {grant.role for grant in found.roles} <= ROLES
