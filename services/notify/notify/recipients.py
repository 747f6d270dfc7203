"""Who is told of a task: the owner's post, or the next one that may know; never one excluded."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

REPORTER: Final = "reporter"
# Who stands in for whom inside a school, R-GEN-02: nobody waits for one person to log in.
_LADDER: Final = ("dsl", "deputy_dsl", "head")
# Sees only what is the chair's own and, where no lead may know, what the chair stands in for:
# who is paged must be able to act.
_CHAIR: Final = "chair"
_TEAM_LADDER: Final = ("queue", "manager")
_EXACT: Final = {
    "team": "queue",
    "queue": "queue",
    "with_child": REPORTER,
    "headteacher": "head",
    "child": "dsl",  # a child is never written to: the school's lead is, who supports the child
}
# Where an owner comes in words, the first of these that is found in them.
_WORDS: Final = (
    (re.compile(r"\b(chair|governors?)\b"), "chair"),
    (re.compile(r"\bhead ?teacher\b"), "head"),
    (re.compile(r"\b(personally|reporter|with the child)\b"), REPORTER),
    (re.compile(r"^(the )?deputy\b"), "deputy_dsl"),
    (re.compile(r"\b(dsl|safeguarding lead|child)\b"), "dsl"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """A post of the directory, as far as choosing needs it."""

    id: UUID
    kind: str
    post: str
    account_ref: str | None


@dataclass(frozen=True, slots=True)
class Conflict:
    """Who must see no trace of the case (R-NDI-12).

    excluded: keyed hashes of accounts; posts: posts of the school, whoever holds them.
    """

    excluded: frozenset[str] = frozenset()
    all_school_staff: bool = False
    posts: frozenset[str] = frozenset()

    def allows(self, place: Place) -> bool:
        if place.account_ref in self.excluded:
            return False
        if place.kind == "team":
            return True
        if place.post in self.posts:
            return False
        if place.post == _CHAIR:
            return True
        if self.all_school_staff:
            return False
        # An address that several people read may be read by the one who is excluded.
        return place.account_ref is not None or not (self.excluded or self.posts)

    @property
    def chair_stands_in(self) -> bool:
        return self.all_school_staff or {"dsl", "deputy_dsl"} <= self.posts

    @property
    def exists(self) -> bool:
        return self.all_school_staff or bool(self.excluded or self.posts)


@dataclass(frozen=True, slots=True)
class Recipients:
    """places: posts to tell; reporter: whether to tell who raised the concern, personally."""

    places: tuple[Place, ...] = ()
    reporter: bool = False

    def __bool__(self) -> bool:
        return bool(self.places) or self.reporter


def owner_post(owner: str) -> str:
    """dsl, deputy_dsl, head, chair, reporter, or queue for all that is a team's."""
    if owner in (REPORTER, *_LADDER, _CHAIR):
        return owner
    if owner in _EXACT:
        return _EXACT[owner]
    return next((post for words, post in _WORDS if words.search(owner.lower())), "queue")


def first(
    owner: str,
    owner_ref: str | None,
    priority: str,
    places: Sequence[Place],
    conflict: Conflict,
) -> Recipients:
    """Who is told when the task opens."""
    post = owner_post(owner)
    if owner_ref is not None or post == REPORTER:
        return _personal(owner_ref, priority, places, conflict)
    if post == "queue":
        # A team without an address here, or one that is not on the platform: the school's lead.
        team = _rung(_TEAM_LADDER, places, conflict)
        return _or_reporter(team or _rung(_from(REPORTER, conflict), places, conflict), conflict)
    return _or_reporter(_rung(_from(post, conflict), places, conflict), conflict)


def _personal(
    owner_ref: str | None, priority: str, places: Sequence[Place], conflict: Conflict
) -> Recipients:
    held = tuple(p for p in places if _held_by(p, owner_ref))
    bound = tuple(p for p in held if conflict.allows(p))
    # Someone is with a child in danger: the school's lead is told in the same moment.
    beside = _rung(_from(REPORTER, conflict), places, conflict) if priority == "P0" else ()
    return Recipients(tuple(dict.fromkeys((*bound, *beside))), reporter=not held)


def _or_reporter(places: tuple[Place, ...], conflict: Conflict) -> Recipients:
    """Where a conflict leaves no post that may know, the one who raised it is told, R-GEN-03."""
    return Recipients(places, reporter=not places and conflict.exists)


def following(
    owner: str,
    owner_ref: str | None,
    places: Sequence[Place],
    conflict: Conflict,
    told: Iterable[UUID],
) -> Recipients:
    """The next ones when nobody has confirmed; when all were told, all of them once more."""
    post, known = (owner_post(owner) if owner_ref is None else REPORTER), set(told)
    school = _from(REPORTER if post == "queue" else post, conflict)
    ladder = (*_TEAM_LADDER, *school) if post == "queue" else school
    fresh = [place for place in places if place.id not in known]
    able = [p for p in places if p.post != _CHAIR or _CHAIR in ladder or _held_by(p, owner_ref)]
    everyone = tuple(place for place in able if conflict.allows(place))
    reporter = not everyone and (post == REPORTER or conflict.exists)
    return Recipients(_rung(ladder, fresh, conflict) or everyone, reporter)


def _from(post: str, conflict: Conflict) -> tuple[str, ...]:
    """The posts of a school that may be asked, in order; all of them where none is meant."""
    if post == _CHAIR:
        return (_CHAIR,)
    staff = _LADDER if post == REPORTER else _LADDER[_LADDER.index(post) :]
    return (*staff, _CHAIR) if conflict.chair_stands_in else staff


def _rung(ladder: Sequence[str], places: Sequence[Place], conflict: Conflict) -> tuple[Place, ...]:
    """The posts of the first step that has any who may be told."""
    for post in ladder:
        here = tuple(p for p in places if p.post == post and conflict.allows(p))
        if here:
            return here
    return ()


def _held_by(place: Place, owner_ref: str | None) -> bool:
    return owner_ref is not None and place.account_ref == owner_ref
