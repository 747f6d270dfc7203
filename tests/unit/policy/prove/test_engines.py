"""The provers against the plainest way there is: every combination, one by one."""

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.policy.grammar import AllOf, Match
from shared.policy.prove.exact import count
from shared.policy.prove.obligation import Goal, Obligation
from shared.policy.prove.regions import holds, regions
from shared.policy.prove.smt import Solver
from shared.policy.prove.sources import Source
from shared.policy.prove.space import TYPES, Key, Slice, as_value, slices
from shared.policy.schema import UNKNOWN
from tests.unit.policy.prove.planted import POLICY
from tests.unit.policy.reference import truth

SCHEMA = POLICY.schema
FACTS = ("weapon", "immediate_danger", "consent", "harm_level")
CONCERNS = [space for space in slices(SCHEMA) if not space.name.startswith("a request")]
SOLVER = Solver(SCHEMA)


@st.composite
def conditions(draw: st.DrawFn) -> Match:
    fact = SCHEMA[draw(st.sampled_from(FACTS))]
    values = st.sampled_from([*fact.values, UNKNOWN])
    return Match(fact.name, draw(st.frozensets(values, min_size=1, max_size=3)))


@st.composite
def sources(draw: st.DrawFn) -> Source:
    term = tuple(draw(st.lists(conditions(), min_size=1, max_size=3)))
    return Source("R", AllOf(term), (term,), draw(st.booleans()))


needs = st.lists(sources(), max_size=4).map(tuple)
alternatives = st.lists(needs, min_size=1, max_size=2).map(tuple)
goals = st.builds(Goal, st.lists(alternatives, max_size=2).map(tuple), st.just(()) | needs)
questions = st.builds(
    lambda whens, goal: Obligation("P", "", tuple(whens), goal, ""),
    st.lists(sources(), min_size=1, max_size=2),
    goals.filter(lambda goal: bool(goal.alternatives or goal.never)),
)


def broken(question: Obligation, values: dict[str, object]) -> bool:
    """By the slow reading of conditions, with no masks and no cubes."""

    def applies(source: Source) -> bool:
        may, must = truth(source.when, values, SCHEMA)  # type: ignore[arg-type]
        return must if source.certain else may

    if not any(applies(source) for source in question.whens):
        return False
    if any(applies(source) for source in question.goal.never):
        return True
    return bool(question.goal.alternatives) and not any(
        all(any(applies(source) for source in need) for need in alternative)
        for alternative in question.goal.alternatives
    )


def one_by_one(question: Obligation, where: Slice) -> list[dict[str, Key]]:
    severe = where.keys("severe_type", where.live["severe_type"])[0]
    found = []
    for keys in product(*(where.keys(name, where.live[name]) for name in FACTS)):
        told = dict(zip(FACTS, keys, strict=True))
        values = {name: as_value(SCHEMA[name], key) for name, key in told.items()}
        if broken(question, {**values, "severe_type": severe}):
            found.append(told)
    return found


@settings(max_examples=40, deadline=None)
@given(questions)
def test_counts_are_those_of_asking_one_by_one_and_the_solver_agrees(question: Obligation) -> None:
    anything = False
    for where in CONCERNS:
        bad = one_by_one(question, where)
        seen = 1
        for name in FACTS:
            seen *= where.live[name].bit_count()
        tally = count(question, [where]).whole
        assert tally.total == where.size()
        assert tally.broken == len(bad) * (where.size() // seen)
        assert holds(question, [where]) == (not bad)
        anything = anything or bool(bad)
    assert SOLVER.broken(question) == anything


@settings(max_examples=40, deadline=None)
@given(questions)
def test_regions_cover_all_that_is_broken_nothing_else_and_none_could_be_larger(
    question: Obligation,
) -> None:
    where = CONCERNS[0]
    bad = {tuple(told.values()) for told in one_by_one(question, where)}
    cubes = [region.cube for region in regions(question, [where])]
    covered = set()
    for cube in cubes:
        ranges = [where.keys(name, cube.get(name, where.live[name])) for name in FACTS]
        covered |= set(product(*ranges))
    assert covered == bad
    for cube in cubes:
        for name in cube:
            for key in where.keys(name, where.live[name] & ~cube[name]):
                grown = [
                    [key]
                    if other == name
                    else where.keys(other, cube.get(other, where.live[other]))
                    for other in FACTS
                ]
                assert not set(product(*grown)) <= bad


def test_kinds_of_concern_that_no_rule_tells_apart_are_counted_each_for_itself() -> None:
    term = (Match(TYPES, frozenset({"fgm"})),)
    fgm = Source("R", AllOf(term), (term,))
    tally = count(Obligation("P", "", (fgm,), Goal(never=(fgm,)), ""), CONCERNS)
    assert [kind for kind, one in tally.by_type.items() if one.broken] == ["fgm"]
    assert tally.by_type["fgm"].broken == tally.by_type["fgm"].total
