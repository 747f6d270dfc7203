"""Who is told: always someone where there is someone, and never one who must not know."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notify.recipients import Conflict, Place, Recipients, first, following, owner_post

OPEN = Conflict()


def place(number: int, post: str, kind: str = "urn", ref: str | None = None) -> Place:
    return Place(UUID(int=number), kind, post, ref)


DSL, DEPUTY = place(1, "dsl", ref="ref-dsl"), place(2, "deputy_dsl", ref="ref-deputy")
HEAD, CHAIR = place(3, "head", ref="ref-head"), place(4, "chair")
OFFICE = place(5, "dsl")  # an address that several people read
QUEUE, MANAGER = place(6, "queue", "team"), place(7, "manager", "team")
SCHOOL = [DSL, DEPUTY, HEAD, CHAIR]
ALL = [*SCHOOL, QUEUE, MANAGER]


@pytest.mark.parametrize(
    ("owner", "post"),
    [
        ("dsl", "dsl"),
        ("the designated safeguarding lead", "dsl"),
        ("the deputy designated safeguarding lead", "deputy_dsl"),
        ("headteacher", "head"),
        ("the headteacher", "head"),
        ("the chair of governors", "chair"),
        ("with_child", "reporter"),
        ("whoever is with the child", "reporter"),
        ("the teacher personally", "reporter"),
        ("team", "queue"),
        ("the authority's team", "queue"),
        ("Kent Front Door headquarters", "queue"),
        ("someone nobody has heard of", "queue"),
        ("child", "dsl"),
    ],
)
def test_an_owner_is_read_as_a_post(owner: str, post: str) -> None:
    assert owner_post(owner) == post


def test_a_task_of_the_lead_goes_to_every_lead_and_to_no_one_else() -> None:
    second = place(9, "dsl", ref="ref-2")
    assert first("dsl", None, "P1", [*ALL, second], OPEN) == Recipients((DSL, second))


def test_a_queue_s_task_goes_to_its_team() -> None:
    assert first("team", None, "P1", ALL, OPEN) == Recipients((QUEUE,))


def test_a_team_without_an_address_leaves_the_task_with_the_school_s_lead() -> None:
    assert first("team", None, "P1", SCHOOL, OPEN) == Recipients((DSL,))


def test_without_a_lead_the_deputy_is_told() -> None:
    assert first("dsl", None, "P1", [DEPUTY, HEAD], OPEN) == Recipients((DEPUTY,))


def test_an_emergency_is_told_to_the_one_with_the_child_and_to_the_lead() -> None:
    assert first("with_child", None, "P0", ALL, OPEN) == Recipients((DSL,), reporter=True)


def test_a_personal_duty_goes_to_the_reporter_alone() -> None:
    assert first("reporter", "ref-teacher", "P1", ALL, OPEN) == Recipients(reporter=True)


def test_a_personal_duty_of_a_post_s_holder_goes_to_that_post() -> None:
    assert first("reporter", "ref-head", "P1", ALL, OPEN) == Recipients((HEAD,))


def test_an_accused_lead_is_passed_over() -> None:
    conflict = Conflict(frozenset({"ref-dsl"}))
    assert first("dsl", None, "P1", ALL, conflict) == Recipients((DEPUTY,))


def test_a_conflicted_post_is_passed_over_whoever_holds_it() -> None:
    conflict = Conflict(posts=frozenset({"dsl", "deputy_dsl"}))
    assert first("dsl", None, "P1", ALL, conflict) == Recipients((HEAD,))


def test_a_shared_address_hears_nothing_of_a_case_with_someone_excluded() -> None:
    conflict = Conflict(frozenset({"ref-someone"}))
    assert first("dsl", None, "P1", [OFFICE, HEAD], conflict) == Recipients((HEAD,))


def test_while_the_accused_is_unknown_only_the_chair_is_told() -> None:
    conflict = Conflict(all_school_staff=True)
    assert first("dsl", None, "P1", ALL, conflict) == Recipients((CHAIR,))


def test_while_the_accused_is_unknown_and_there_is_no_chair_the_reporter_is_told() -> None:
    conflict = Conflict(all_school_staff=True)
    told = first("head", None, "P1", [DSL, DEPUTY, HEAD, OFFICE], conflict)
    assert told == Recipients(reporter=True)


def test_an_empty_directory_leaves_no_one_and_says_so() -> None:
    assert not first("dsl", None, "P1", [], OPEN)


def test_each_reminder_goes_one_person_further() -> None:
    told: set[UUID] = set()
    steps = []
    for _ in range(5):
        now = following("dsl", None, SCHOOL, OPEN, told)
        steps.append([p.post for p in now.places])
        told |= {p.id for p in now.places}
    assert steps[:3] == [["dsl"], ["deputy_dsl"], ["head"]]
    assert steps[3] == steps[4] == ["dsl", "deputy_dsl", "head"]


def test_the_chair_is_told_where_the_chair_stands_in_and_else_only_of_their_own() -> None:
    everyone_but_the_chair = {DSL.id, DEPUTY.id, HEAD.id}
    no_leads = Conflict(posts=frozenset({"dsl", "deputy_dsl"}))
    assert following("dsl", None, SCHOOL, no_leads, {HEAD.id}) == Recipients((CHAIR,))
    assert CHAIR not in following("dsl", None, SCHOOL, OPEN, everyone_but_the_chair).places
    assert CHAIR not in following("head", None, SCHOOL, OPEN, {HEAD.id}).places
    assert first("chair", None, "P1", SCHOOL, OPEN) == Recipients((CHAIR,))
    assert not first("dsl", None, "P1", [CHAIR], OPEN)


def test_a_chair_who_reported_is_told_of_their_own_duty() -> None:
    chair = place(8, "chair", ref="ref-chair")
    assert first("reporter", "ref-chair", "P1", [*ALL, chair], OPEN) == Recipients((chair,))
    assert chair in following("reporter", "ref-chair", [chair], OPEN, {chair.id}).places


def test_an_unclaimed_task_goes_to_the_team_s_manager_next() -> None:
    assert following("team", None, ALL, OPEN, {QUEUE.id}) == Recipients((MANAGER,))


posts = st.sampled_from(["dsl", "deputy_dsl", "head", "chair", "queue", "manager"])
refs = st.sampled_from([None, "a", "b", "c"])
directories = st.lists(
    st.builds(
        lambda number, post, ref: place(
            number, post, "team" if post in ("queue", "manager") else "urn", ref
        ),
        st.integers(1, 10**6),
        posts,
        refs,
    ),
    max_size=8,
    unique_by=lambda p: p.id,
)
conflicts = st.builds(
    Conflict,
    st.frozensets(st.sampled_from(["a", "b"])),
    st.booleans(),
    st.frozensets(st.sampled_from(["dsl", "head", "chair"])),
)
owners = st.sampled_from(["dsl", "head", "chair", "deputy_dsl", "team", "with_child", "???"])
owner_refs = st.sampled_from([None, "a", "c"])


@given(owners, owner_refs, st.sampled_from(["P0", "P1", "P3"]), directories, conflicts)
def test_no_one_excluded_is_ever_told(
    owner: str, owner_ref: str | None, priority: str, here: list[Place], conflict: Conflict
) -> None:
    for told in (
        first(owner, owner_ref, priority, here, conflict),
        following(owner, owner_ref, here, conflict, ()),
    ):
        for chosen in told.places:
            assert chosen.account_ref not in conflict.excluded
            if chosen.kind == "urn":
                assert chosen.post not in conflict.posts
                assert chosen.post == "chair" or not conflict.all_school_staff


@given(owners, owner_refs, directories, conflicts)
def test_where_a_post_may_be_told_of_a_late_task_someone_is(
    owner: str, owner_ref: str | None, here: list[Place], conflict: Conflict
) -> None:
    told = following(owner, owner_ref, here, conflict, ())
    chairs = owner_ref is None and owner == "chair"
    able = [
        p
        for p in here
        if p.post != "chair"
        or chairs
        or conflict.chair_stands_in
        or owner_ref == p.account_ref is not None
    ]
    assert bool(told.places) == any(conflict.allows(p) for p in able)
