"""Who must see no trace of a concern, because they are accused in it or too close to who is."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from intake.models import Submission
from shared.auth import Principal, Role
from shared.sealing import account_ref

_ACCUSED: Final = "subjectofallegation"
_AGAINST_ADULTS: Final = frozenset({"allegation_adult", "low_level_concern"})
_AT_THE_SCHOOL: Final = frozenset(
    {"staff", "headteacher", "supply", "volunteer", "contractor", "governor"}
)
_POSTS: Final = frozenset({"dsl", "deputy_dsl", "head", "chair"})
_LEADS: Final[tuple[Role, ...]] = ("dsl", "deputy_dsl", "head")


@dataclass(frozen=True, slots=True)
class Exclusion:
    """refs: keyed hashes of accounts; roles: of the school; school_staff: all but the reporter."""

    refs: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    school_staff: bool = False
    private: bool = False


def accused_among(people: Any) -> int:
    """How many of the people sent along are said to have done it."""
    roles = [one.get("role") for one in people or () if isinstance(one, dict)]
    return sum(isinstance(role, str) and _folded(role) == _ACCUSED for role in roles)


def exclusion(
    facts: Iterable[Mapping[str, Any]],
    *,
    accused: int,
    numbers: Collection[str],
    accounts: Mapping[str, str],
    secret: bytes,
) -> Exclusion:
    """numbers: the staff numbers of the accused; accounts: those known at the school, by number.

    Someone named by a number that no account is known for is not identified: until somebody says
    who it is, any colleague could be, so all of them are kept out.
    """
    facts = list(facts)
    roles = {post for one in facts for post in _members(one, "conflict") & _POSTS}
    if any("headteacher" in _members(one, "source_of_harm") for one in facts):
        roles.add("head")
    if not accused and not any(map(_is_against_an_adult_here, facts)):
        return Exclusion(roles=tuple(sorted(roles)), private=bool(roles))
    refs = {accounts[number] for number in numbers if number in accounts}
    # The number may be the account itself; a reference that nobody has excludes nobody.
    refs |= {account_ref(secret, number) for number in numbers}
    identified = len(numbers) >= max(accused, 1) and all(number in accounts for number in numbers)
    return Exclusion(tuple(sorted(refs)), tuple(sorted(roles)), not identified, private=True)


def _is_against_an_adult_here(facts: Mapping[str, Any]) -> bool:
    return not (
        _AGAINST_ADULTS.isdisjoint(_members(facts, "concern_types"))
        and _AT_THE_SCHOOL.isdisjoint(_members(facts, "source_of_harm"))
    )


def may_see(who: Principal, of: Submission, secret: bytes) -> bool:
    """Whether a person of the school may see the receipt."""
    me = account_ref(secret, who.subject)
    if me in of.excluded_refs:
        return False
    mine = me in (of.submitted_by, of.reporter_ref)
    if of.urn is None:
        return mine
    at_school = [role for role in (*_LEADS, "chair", "reporter") if who.holds(role, urn=of.urn)]
    allowed = set(at_school) - set(of.excluded_roles)
    if mine:
        return bool(allowed)
    if of.exclude_school_staff:
        # The chair of governors is who is left to oversee it at the school.
        return "chair" in allowed
    # A head in conflict who is also the deputy DSL is still the head.
    return bool(allowed.intersection(_LEADS)) and not set(at_school) & set(of.excluded_roles)


def _folded(role: str) -> str:
    return "".join(char for char in role[:80].casefold() if char.isalnum())


def _members(facts: Mapping[str, Any], name: str) -> set[str]:
    value = facts.get(name)
    if isinstance(value, str):
        return {value}
    return (
        {str(item) for item in value}
        if isinstance(value, list | tuple | set | frozenset)
        else set()
    )
