"""Turns each promise into the questions that the provers answer, for one layer of packs."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Final

from shared.policy.clocks import ClockSpec
from shared.policy.grammar import ALWAYS, AllOf, Match
from shared.policy.pack import Start
from shared.policy.prove.duties import Clause, Promise, Wanted
from shared.policy.prove.ground import Ground
from shared.policy.prove.obligation import Goal, Need, Obligation
from shared.policy.prove.order import no_later
from shared.policy.prove.sources import Effects, Source, Task
from shared.policy.prove.space import NOTHING, Key
from shared.policy.prove.whatif import certain, not_lower, stronger
from shared.policy.schema import Schema

NOW: Final = ClockSpec("now")
IMPOSSIBLE: Final[tuple[tuple[Need, ...], ...]] = (((),),)
EVERYTHING: Final = Source("every concern", ALWAYS, ((),))
IN_HOURS: Final = Match("in_hours", frozenset({"yes"}))
OPENINGS: Final = frozenset({"HUB_OPEN", "WHEN_OPEN"})


def questions(promise: Promise, ground: Ground) -> Iterator[Obligation]:
    """Whatever the promise asks for, one question at a time."""
    limits = _limits(promise, ground.schema)
    for clause in promise.then:
        for question in ASK[clause.kind](promise, clause, ground):
            yield replace(question, promise=promise.id, layer=ground.effects.name, limits=limits)


def _limits(promise: Promise, schema: Schema) -> tuple[tuple[str, frozenset[Key]], ...]:
    if promise.free is None:
        return ()
    varied = promise.free | {test.fact for term in promise.source.terms for test in term}
    limits: list[tuple[str, frozenset[Key]]] = []
    for name, fact in schema.facts.items():
        if name not in varied and not fact.derived:
            absent = fact.absent
            keys = absent if isinstance(absent, frozenset) else frozenset({absent})
            limits.append((name, frozenset(keys) or frozenset({NOTHING})))
    return tuple(limits)


def _one(promise: Promise, goal: Goal, what: str) -> Obligation:
    return Obligation(promise.id, "", (promise.source,), goal, what)


# ---- tasks -------------------------------------------------------------------------------------
def _task(promise: Promise, clause: Clause, ground: Ground) -> Iterator[Obligation]:
    goal = _any(clause.tasks, ground.effects)
    yield _one(promise, Goal(goal), " or ".join(wanted_words(w) for w in clause.tasks))


def _any(tasks: Iterable[Wanted], effects: Effects) -> tuple[tuple[Need, ...], ...]:
    found = [alternative for wanted in tasks for alternative in _alternatives(wanted, effects)]
    return tuple(dict.fromkeys(found)) or IMPOSSIBLE


def _alternatives(wanted: Wanted, effects: Effects) -> Iterator[tuple[Need, ...]]:
    """One alternative a group: only what becomes one task adds up to the task that is asked."""
    groups: dict[tuple[str, ...], list[tuple[Task, Source]]] = {}
    for task, source in effects.tasks:
        require = task.require
        owned = wanted.owner in {"", require.owner}
        if owned and (require.route, require.subject) == (wanted.route, wanted.subject):
            groups.setdefault(task.group, []).append((task, source))
    for members in groups.values():
        needs = [tuple(s for t, s in members if t.require.priority <= wanted.priority)]
        if wanted.by is not None:
            needs.append(tuple(_in_time(members, wanted.by, wanted.start)))
        if wanted.hard_by is not None:
            needs.append(
                tuple(
                    s for t, s in members
                    if t.require.hard_by
                    and no_later(t.require.hard_by, t.require.start, wanted.hard_by, wanted.start)
                )
            )  # fmt: skip
        if wanted.says:
            needs.append(tuple(s for t, s in members if wanted.says in t.require.script))
        if all(needs):
            yield tuple(dict.fromkeys(needs))


def _in_time(
    members: Iterable[tuple[Task, Source]], by: ClockSpec, start: Start
) -> Iterator[Source]:
    for task, source in members:
        require = task.require
        if no_later(require.by, require.start, by, start):
            yield source
        elif by == NOW and require.by.kind == "HUB_OPEN" and task.la == "home":
            yield while_open(source)


def while_open(source: Source) -> Source:
    """A deadline "when the hub opens" is now while it is open."""
    terms = tuple((*term, IN_HOURS) for term in source.terms)
    return replace(source, when=AllOf((source.when, IN_HOURS)), terms=terms)


def wanted_words(wanted: Wanted) -> str:
    parts = [wanted.route]
    parts += [f"at {wanted.priority}"] if wanted.priority != "P4" else []
    if wanted.by is not None:
        clock = f"{wanted.by.kind}({wanted.by.count})" if wanted.by.count else wanted.by.kind
        parts.append("now" if wanted.by == NOW else f"no later than {clock}")
    parts += [f"within {wanted.hard_by.kind}"] if wanted.hard_by else []
    parts += [f"as a duty of {wanted.owner}"] if wanted.owner else []
    parts += [f"for the {wanted.subject}"] if wanted.subject else []
    parts += [f'that says "{wanted.says}"'] if wanted.says else []
    return " ".join(parts)


def _first(promise: Promise, clause: Clause, ground: Ground) -> Iterator[Obligation]:
    tasks = [Wanted(name, "P0", NOW) for name in clause.names]
    routes = list(dict.fromkeys(task.require.route for task, _ in ground.effects.tasks))
    goal = Goal(_any(tasks, ground.effects), _before(clause.names, routes, ground))
    yield _one(promise, goal, f"{' or '.join(clause.names)} first, at P0 and now")


def _before(names: tuple[str, ...], routes: list[str], ground: Ground) -> Need:
    """What would be shown before all of these: as urgent, of a route ranked above them."""
    rank = ground.effects.rank
    best = min(rank[name] for name in names)
    above = {route for route in routes if rank[route] < best and route not in names}
    return tuple(
        s
        for t, s in ground.effects.tasks
        if t.require.route in above and t.require.priority == "P0"
    )


def _priority(promise: Promise, clause: Clause, ground: Ground) -> Iterator[Obligation]:
    (priority,) = clause.names
    need = tuple(dict.fromkeys(
        s for t, s in ground.effects.tasks if t.require.priority <= priority
    ))  # fmt: skip
    yield _one(promise, Goal(((need,),)), f"anything at {priority} or more urgent")


def _open_now(promise: Promise, clause: Clause, ground: Ground) -> Iterator[Obligation]:
    del clause
    need: list[Source] = []
    for task, source in ground.effects.tasks:
        require = task.require
        if require.by == NOW and require.route in ground.register.any_hour:
            need.append(source)
        elif require.by == NOW or (require.by.kind in OPENINGS and task.la == "home"):
            need.append(while_open(source))
    what = f"somebody reachable now: {', '.join(sorted(ground.register.any_hour))}"
    yield _one(promise, Goal(((tuple(dict.fromkeys(need)),),)), what)


# ---- prohibitions and what must never be -------------------------------------------------------
def _forbid(promise: Promise, clause: Clause, ground: Ground) -> Iterator[Obligation]:
    for code in clause.names:
        need = ground.effects.forbids.get(code, ())
        yield _one(promise, Goal(((need,),)), f"the prohibition {code}")


def _never_permit(promise: Promise, clause: Clause, ground: Ground) -> Iterator[Obligation]:
    for code in clause.names:
        never = ground.effects.permits.get(code, ())
        yield _one(promise, Goal(never=never), f"the permission {code} is given")


def _never_route(promise: Promise, clause: Clause, ground: Ground) -> Iterator[Obligation]:
    owner = clause.options.get("owner")
    for code in clause.names:
        never = tuple(
            s for t, s in ground.effects.tasks
            if t.require.route == code and owner in {None, t.require.owner}
        )  # fmt: skip
        yield _one(promise, Goal(never=never), f"{code} is required")


def _never_public(promise: Promise, clause: Clause, ground: Ground) -> Iterator[Obligation]:
    del clause
    register, effects = ground.register, ground.effects
    for task, source in dict.fromkeys(effects.tasks):
        if task.require.route not in register.recipients:
            what = f"{task.require.route} is no statutory recipient of the register: it is public"
            yield _one(promise, Goal(never=(source,)), what)
        elif effects.owner_of(task) not in register.owners:
            what = f"{effects.owner_of(task)} may be given the task {task.require.route}"
            yield _one(promise, Goal(never=(source,)), what)


def _nothing(promise: Promise, clause: Clause, ground: Ground) -> Iterator[Obligation]:
    """Asked elsewhere: of the gate, or of each rule."""
    del promise, clause, ground
    yield from ()


ASK: Final[dict[str, Callable[[Promise, Clause, Ground], Iterator[Obligation]]]] = {
    "task": _task,
    "any_of": _task,
    "first": _first,
    "priority": _priority,
    "some_recipient": _open_now,
    "forbid": _forbid,
    "never_permit": _never_permit,
    "never_route": _never_route,
    "never_audience": _never_public,
    "unknown_not_lower_than": not_lower,
    "unchanged_or_stronger_than": stronger,
    "permissions": certain,
    "gate": _nothing,
    "every_rule": _nothing,
}
