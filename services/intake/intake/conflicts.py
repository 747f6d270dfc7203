"""Who must see no trace of a concern, because they are accused in it or too close to who is."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from intake.models import Submission
from intake.reading import Suspect
from shared.auth import Principal, Role
from shared.sealing import account_ref

_AGAINST_ADULTS: Final = frozenset({"allegation_adult", "low_level_concern"})
_AT_THE_SCHOOL: Final = frozenset(
    {"staff", "headteacher", "supply", "volunteer", "contractor", "governor"}
)
# Where the harm is said to come from these alone, or to be between children, somebody accused
# without a number is one of them: to keep the whole school out would keep help from the child.
_OUTSIDE: Final = frozenset(
    {"parent_carer", "other_family", "child_under_10", "child_10_17", "self"}
)
_BETWEEN_CHILDREN: Final = frozenset(
    {
        "child_on_child_sexual_violence",
        "child_on_child_sexual_harassment",
        "child_on_child_other",
    }
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


def exclusion(
    facts: Iterable[Mapping[str, Any]],
    *,
    suspects: Sequence[Suspect],
    accounts: Mapping[str, Collection[str]],
    secret: bytes,
) -> Exclusion:
    """accounts: those known at the school, by staff number.

    Someone named by a number that no account is known for is not identified: until somebody says
    who it is, any colleague could be, so all of them are kept out. In an allegation whoever's part
    is not understood may be accused too.
    """
    facts = list(facts)
    roles = {post for one in facts for post in _members(one, "conflict") & _POSTS}
    if any("headteacher" in _members(one, "source_of_harm") for one in facts):
        roles.add("head")
    against_adult = any(map(_is_against_an_adult_here, facts))
    outside = bool(facts) and not against_adult and all(map(_is_from_outside, facts))
    accused = [one for one in suspects if _is_accused(one, outside=outside)]
    if not accused and not against_adult:
        return Exclusion(roles=tuple(sorted(roles)), private=bool(roles))
    unsure = ("unclear",) if accused else ("unclear", "not_said")
    all_of_them = [*accused, *(one for one in suspects if one.said in unsure)]
    numbers = {number for one in all_of_them for number in one.numbers}
    # The number may be the account itself; a reference that nobody has excludes nobody.
    refs = {account_ref(secret, number) for number in numbers}
    refs.update(*(accounts[number] for number in numbers & accounts.keys()))
    named = all(one.numbers for one in all_of_them) and numbers <= accounts.keys()
    identified = bool(accused) and named
    return Exclusion(tuple(sorted(refs)), tuple(sorted(roles)), not identified, private=True)


def _is_accused(one: Suspect, *, outside: bool) -> bool:
    if one.said == "accused":
        return bool(one.numbers) or not outside
    return one.said == "accused_staff"


def _is_against_an_adult_here(facts: Mapping[str, Any]) -> bool:
    return not (
        _AGAINST_ADULTS.isdisjoint(_members(facts, "concern_types"))
        and _AT_THE_SCHOOL.isdisjoint(_members(facts, "source_of_harm"))
    )


def _is_from_outside(facts: Mapping[str, Any]) -> bool:
    sources, types = _members(facts, "source_of_harm"), _members(facts, "concern_types")
    return sources <= _OUTSIDE if sources else bool(types) and types <= _BETWEEN_CHILDREN


def may_see(who: Principal, of: Submission, secret: bytes, *, standing: Principal) -> bool:
    """Whether a person of the school may see the receipt.

    standing: as who they still are; nobody sees more for having lost a post.
    """
    me = account_ref(secret, who.subject)
    if me in of.excluded_refs:
        return False
    mine = me in (of.submitted_by, of.reporter_ref)
    if of.urn is None:
        return mine
    roles: tuple[Role, ...] = (*_LEADS, "chair", "reporter")
    at_school = {role for role in roles if who.holds(role, urn=of.urn)}
    allowed = {role for role in roles if standing.holds(role, urn=of.urn)} - {*of.excluded_roles}
    if mine:
        return bool(allowed)
    if of.exclude_school_staff:
        # The chair of governors is who is left to oversee it at the school.
        return "chair" in allowed
    # A head in conflict who is also the deputy DSL is still the head.
    return bool(allowed.intersection(_LEADS)) and not at_school & {*of.excluded_roles}


def _members(facts: Mapping[str, Any], name: str) -> set[str]:
    value = facts.get(name)
    if isinstance(value, str):
        return {value}
    return (
        {str(item) for item in value}
        if isinstance(value, list | tuple | set | frozenset)
        else set()
    )
