"""Deciding by our policy beside other rule engines on the same compiled table, in one run."""

import gc
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from statistics import median
from time import perf_counter_ns, thread_time_ns
from typing import Any, Final

import orjson

from handrail.bench import engines
from handrail.bench.figures import Figures, Goal, Machine, ratio, rounded, spread
from handrail.bench.ground import Missing
from shared.policy import Authorities, Policy, load_policy
from shared.policy.compile import Table, bits, build, masks_of, match
from shared.policy.control.backtest import back_test
from shared.policy.control.basis import Basis
from shared.policy.pack import NationalPack
from shared.policy.schema import UNKNOWN, Fact

KENT: Final = Authorities(home="886", school="886")
AT: Final = datetime(2026, 11, 25, 10, tzinfo=UTC)
# More different cases than outcomes are remembered, so that each round begins anew.
CASES: Final = 12_000
# Concerns of one back-test; there are more different ones than outcomes are remembered.
AT_ONCE: Final = 1_000
CHANGED: Final = "NAT-HBA-01"
CHECKED: Final = {"zen_ids": 400, "zen_trace": 100, "cel": 400, "business_rules": 60}
MICRO: Final = 1000
SECOND: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Side:
    """What is done with each of its inputs. each: how many evaluations that is."""

    run: Callable[[Any], object]
    inputs: Sequence[Any]
    each: int = 1


def random_facts(policy: Policy, count: int, seed: int = 1) -> list[dict[str, Any]]:
    """4 to 14 facts a case, any value alike, "not known" among them, and one or two kinds."""
    choice = random.Random(seed)  # noqa: S311 - invents cases, guards nothing
    given = [fact for fact in policy.schema.facts.values() if not fact.derived]
    kinds = policy.schema["concern_types"].values
    found = []
    for _ in range(count):
        chosen = choice.sample(given, choice.randint(4, 14))
        facts = {fact.name: _value(fact, choice) for fact in chosen}
        facts["concern_types"] = choice.sample(kinds, choice.randint(1, 2))
        found.append(facts)
    return found


def _value(fact: Fact, choice: random.Random) -> Any:
    if fact.kind == "number":
        return choice.choice([UNKNOWN, choice.randint(fact.lowest, fact.highest)])
    if fact.kind == "set":
        return choice.sample([*fact.values, UNKNOWN], choice.randint(0, 2))
    return choice.choice([*fact.values, UNKNOWN])


def our_sides(policy: Policy, facts: list[dict[str, Any]]) -> dict[str, Side]:
    """From JSON: the outcome with its deadlines; with each rule, source and matched fact; and the
    whole decision as the services answer with it. From facts as they are stored: back-tests."""

    def outcome(body: bytes) -> object:
        found = policy.outcome(orjson.loads(body), received_at=AT, authorities=KENT)
        return found, found.deadlines(AT, AT)

    def explained(body: bytes) -> object:
        found, why = policy.reasoned(orjson.loads(body), received_at=AT, authorities=KENT)
        return found, found.deadlines(AT, AT), why()

    def decision(body: bytes) -> object:
        return policy.decide(orjson.loads(body), received_at=AT, authorities=KENT)

    bodies = [orjson.dumps(each) for each in facts]
    return {
        "ours_outcome": Side(outcome, bodies),
        "ours_explained": Side(explained, bodies),
        "ours_decision": Side(decision, bodies),
        **_back_tests(policy, facts),
    }


def _back_tests(policy: Policy, facts: list[dict[str, Any]]) -> dict[str, Side]:
    """A whole back-test for each turn of so many stored concerns: of a changed rule, where most
    concerns are shown to be decided alike; and of a changed route, where each is decided twice."""
    stored = [Basis(each, AT, None, "", KENT) for each in facts]
    parts = [stored[at : at + AT_ONCE] for at in range(0, len(stored), AT_ONCE)]
    national = policy.national
    rules = tuple(
        replace(rule, requires=rule.requires[1:]) if rule.id == CHANGED else rule
        for rule in national.rules
    )
    by_rule = replace(national, rules=rules)
    lado = replace(national.routes["LADO"], channel="PORTAL")
    by_route = replace(by_rule, routes={**national.routes, "LADO": lado})

    def side(draft: NationalPack) -> Side:
        changed = Policy(policy.schema, draft, policy.locals, ())
        return Side(lambda part: back_test(policy, changed, part), parts, each=2 * AT_ONCE)

    return {"ours_back_test": side(by_rule), "ours_back_test_whole": side(by_route)}


def their_sides(
    policy: Policy, table: Table, facts: list[dict[str, Any]]
) -> tuple[dict[str, Side], dict[str, int]]:
    """The other engines, each first checked to fire what our masks fire; and how many were."""
    terms = engines.terms_of(table, policy.schema)
    values = [policy.values(each, AT, KENT)[0] for each in facts]
    inputs = [engines.inputs_of(table, policy.schema, each) for each in values]
    bodies = [engines.as_json(each) for each in inputs]
    columns = [column.name for column in table.columns]
    made: dict[str, tuple[engines.Fires, Sequence[Any]]] = {
        "zen_ids": (engines.zen(terms, columns, trace=False), bodies),
        "zen_trace": (engines.zen(terms, columns, trace=True), bodies),
        "cel": (engines.cel(terms), inputs),
        "business_rules": (engines.business_rules(terms), inputs),
    }
    for name, (fires, given) in made.items():
        for index in range(min(CHECKED[name], len(values))):
            ours = set(bits(match(table, masks_of(table, values[index])).may))
            if {int(term) for term in fires(given[index])} != ours:
                raise Missing(f"{name} does not fire what our masks fire on case {index}")
    return {name: Side(fires, given) for name, (fires, given) in made.items()}, CHECKED


async def bench_policy(seconds: float, rounds: int) -> Figures:
    """seconds: of each side in each round."""
    engines.all_wanted()
    machine = Machine()
    policy = load_policy()
    facts = random_facts(policy, CASES)
    rules = [*policy.national.rules, *policy.locals["886"].rules]
    table = build((r for r in rules if r.in_force.on(AT.date())), policy.national, policy.schema)
    theirs, checked = their_sides(policy, table, facts)
    sides = {**our_sides(policy, facts), **theirs}
    windows: dict[str, list[Figures]] = {name: [] for name in sides}
    gc.collect()
    gc.freeze()  # the prepared cases are nobody's to look through while the clock runs
    for turn in range(rounds):
        for name, side in sides.items():
            windows[name].append(_window(side, seconds, turn))
        machine.look()
    figures = {name: _joined(found) for name, found in windows.items()}
    ratios = _ratios(windows)
    return {
        "what": {
            "rules": len(table.units), "terms": len(table.unit_of), "facts": len(table.columns),
            "cases": len(facts), "checked_to_fire_alike": checked, "rounds": rounds,
        },
        "machine": machine.to_json(),
        "sides": figures,
        "ratios": ratios,
        "goals": [each.to_json() for each in _goals(figures, ratios)],
    }  # fmt: skip


def _window(side: Side, seconds: float, turn: int) -> Figures:
    """Each case timed by itself. Speed is by this thread's own CPU time, which work beside it
    disturbs less than the clock on the wall."""
    until = perf_counter_ns() + int(seconds * SECOND * MICRO)
    start = turn * 7919 % len(side.inputs)
    times: list[int] = []
    began = thread_time_ns()
    before = perf_counter_ns()
    while before < until:
        side.run(side.inputs[(start + len(times)) % len(side.inputs)])
        now = perf_counter_ns()
        times.append(now - before)
        before = now
    found = spread(times)
    return {
        "evaluations": len(times) * side.each,
        "per_cpu_second": len(times) * side.each * SECOND * MICRO / (thread_time_ns() - began),
        "p50_us": found["p50"] / MICRO / side.each,
        "p99_us": found["p99"] / MICRO / side.each,
    }


def _joined(windows: list[Figures]) -> Figures:
    names = ("per_cpu_second", "p50_us", "p99_us")
    middle = {name: rounded(median(window[name] for window in windows)) for name in names}
    return {"evaluations": sum(window["evaluations"] for window in windows), **middle}


def _ratios(windows: dict[str, list[Figures]]) -> Figures:
    """Round by round, then the median: what slows a round slows both sides of it."""
    pairs = {
        "outcome / zen ids": ("ours_outcome", "zen_ids"),
        "explained / zen trace": ("ours_explained", "zen_trace"),
        "decision / zen trace": ("ours_decision", "zen_trace"),
        "outcome / cel": ("ours_outcome", "cel"),
        "outcome / business-rules": ("ours_outcome", "business_rules"),
    }
    return {
        what: rounded(
            median(
                ratio(one["per_cpu_second"], other["per_cpu_second"])
                for one, other in zip(windows[ours], windows[theirs], strict=True)
            )
        )
        for what, (ours, theirs) in pairs.items()
    }


def _goals(sides: Figures, ratios: Figures) -> list[Goal]:
    tail = sides["ours_explained"]["p99_us"] / sides["zen_ids"]["p99_us"]
    speed = sides["ours_back_test"]["per_cpu_second"]
    return [
        Goal("outcome from JSON / zen-engine, ids only", ratios["outcome / zen ids"], at_least=3),
        Goal("explained / zen-engine's trace", ratios["explained / zen trace"], at_least=15),
        Goal("outcome / common-expression-language", ratios["outcome / cel"], at_least=6),
        Goal("outcome / business-rules", ratios["outcome / business-rules"], at_least=30),
        Goal("p99, explained / zen-engine's p99, ids only", tail, at_most=0.6),
        Goal("back-test of a changed rule, evaluations/s of CPU", speed, at_least=100_000),
    ]
