"""A decision with its reasons in words: rule, version, source, what matched, what to ask."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from shared.policy.decision import Because, Decision, Json, show_value
from shared.policy.directory import Authorities
from shared.policy.engine import Policy
from shared.policy.grammar import Match, Term, may_hold, must_hold
from shared.policy.pack import Pack, Rule
from shared.policy.readers.words import fact_words, instant_words, needs_words, value_words
from shared.policy.schema import UNKNOWN, Raw, Schema, Value


@dataclass(frozen=True, slots=True)
class Asked:
    """One subject's facts as they came, when, and whose authorities serve."""

    facts: Mapping[str, Raw]
    received_at: datetime
    authorities: Authorities
    discovered_at: datetime | None = None
    subject: str = "child-1"


@dataclass(frozen=True, slots=True)
class Home:
    """Where a rule stands."""

    rule: Rule
    pack: Pack


def explain(policy: Policy, asked: Asked) -> Json:
    """The decision as JSON, and with each reason its pack, version and what matched, in words.

    Each precautionary action also has `settled_by`, the questions that would settle it, best
    first, and `rests_on`, the facts that are not known.
    """
    decision = policy.decide(
        asked.facts,
        received_at=asked.received_at,
        discovered_at=asked.discovered_at,
        subject=asked.subject,
        authorities=asked.authorities,
    )
    values, _ = policy.values(asked.facts, asked.received_at, asked.authorities)
    told = decision.to_json()
    told["subject"] = asked.subject
    told["permissions"] = [
        {"code": code, "say": policy.national.permissions[code]} for code in decision.permissions
    ]
    for part in (*told["actions"], *told["prohibitions"]):
        part["because"] = [reason_words(policy, reason, values) for reason in part["because"]]
    for action in told["actions"]:
        action["when"] = instant_words(action["by"])
        if "hard_by" in action:
            action["at_the_latest"] = instant_words(action["hard_by"])
        action["settled_by"] = _settled_by(action["route"], decision) if unsure(action) else []
        action["rests_on"] = _open_facts(action["because"]) if unsure(action) else []
    return told


def unsure(action: Json) -> bool:
    return bool(action["certainty"] == "precautionary")


def _settled_by(route: str, decision: Decision) -> list[Json]:
    return [q.to_json() for q in decision.questions if route in q.settles]


def _open_facts(because: list[Json]) -> list[str]:
    called = (test["called"] for reason in because for test in reason["matched"]
              if not test["certain"])  # fmt: skip
    return list(dict.fromkeys(called))


def reason_words(policy: Policy, reason: Json, values: Mapping[str, Value]) -> Json:
    """One reason with the version of its pack and each fact that its branch looked at."""
    home = home_of(policy, reason["rule"])
    branch = _branch(home.rule, values, policy.schema)
    looked_at = {test.fact for test in branch}
    return {
        **reason,
        "pack": home.pack.ref.id,
        "version": home.pack.ref.version,
        "sources": [{"cite": str(cite), "tag": cite.tag} for cite in home.rule.cites],
        "matched": [matched(test, values, policy.schema) for test in branch]
        + [_also(name, values) for name in reason["facts"] if name not in looked_at],
    }


def _also(name: str, values: Mapping[str, Value]) -> Json:
    """A fact that a stand-in rests on by the rule it stands in for."""
    value, called = values[name], fact_words(name)
    return {"fact": name, "called": called, "is": value_words(value), "value": show_value(value),
            "needs": "what the rule behind it asks", "may_be": "what the rule behind it asks",
            "certain": value != UNKNOWN}  # fmt: skip


def matched(test: Match, values: Mapping[str, Value], schema: Schema) -> Json:
    fact, value = schema[test.fact], values[test.fact]
    return {
        "fact": test.fact,
        "called": fact_words(test.fact),
        "is": value_words(value),
        "value": show_value(value),
        "needs": needs_words(test, fact),
        "may_be": needs_words(replace(test, accepts=test.accepts - {UNKNOWN}), fact),
        "certain": must_hold(test, fact, value),
    }


def holds(test: Match, values: Mapping[str, Value], schema: Schema) -> bool:
    """Whether the test may hold, reading "not known" as the fact's own entry says."""
    fact = schema[test.fact]
    worst = values.get(fact.worst_case_if) == "yes"
    return may_hold(test, fact, values[test.fact], worst_case=worst)


def _branch(rule: Rule, values: Mapping[str, Value], schema: Schema) -> Term:
    """The branch that applies: one that is certain where there is one."""
    possible = [t for t in rule.terms if all(holds(test, values, schema) for test in t)]
    for term in possible:
        if all(must_hold(test, schema[test.fact], values[test.fact]) for test in term):
            return term
    return possible[0] if possible else ()


@lru_cache(maxsize=8)
def homes(policy: Policy) -> Mapping[str, Home]:
    """Every rule and stand-in by its id."""
    found = {
        entry.rule.id: Home(entry.rule, policy.national) for entry in policy.national.stand_ins
    }
    for pack in (policy.national, *policy.locals.values()):
        found |= {rule.id: Home(rule, pack) for rule in pack.rules}
    return found


def home_of(policy: Policy, rule: str) -> Home:
    return homes(policy)[rule]


def why_not(policy: Policy, route: str, asked: Asked) -> Json:
    """Why a route is not among the actions: the nearest rule and the facts that fail, in words.

    taken: it is among them after all; `by` then names the rules. passed_to: a rule asked for it,
    and another person's route stands for it because of a conflict of interest.
    """
    told = policy.why_not(
        route, asked.facts, received_at=asked.received_at, authorities=asked.authorities
    )
    decision = policy.decide(
        asked.facts, received_at=asked.received_at, authorities=asked.authorities
    )
    by = {r.rule: r for a in decision.actions if a.route == route for r in a.because}
    passed = [] if by or not told["taken"] else _stand_in_routes(told, decision)
    told["failing"] = [
        {**failed, "called": fact_words(failed["fact"])} for failed in told["failing"]
    ]
    return {
        **told,
        "taken": bool(by),
        "by": [{"rule": r.rule, "title": r.title, "cite": r.cite} for r in by.values()],
        "passed_to": passed,
    }


def _stand_in_routes(told: Json, decision: Decision) -> list[str]:
    rule = told["nearest"]["rule"]
    return [a.route for a in decision.actions if _names(a.because, rule)]


def _names(because: Iterable[Because], rule: str) -> bool:
    return any(reason.rule == rule for reason in because)


def as_words(told: Json) -> dict[str, Any]:
    """A why-not as two things to print: the verdict, and each fact that stands in the way."""
    route, nearest = told["route"], told["nearest"]
    if told["taken"]:
        rules = "; ".join(f"{r['rule']}, {r['title']} [{r['cite']}]" for r in told["by"])
        return {"verdict": f"{route}: taken, by {rules}", "failing": []}
    if nearest is None:
        return {"verdict": f"{route}: no rule in force here leads there", "failing": []}
    rule = f"{nearest['rule']}, {nearest['title']} [{nearest['cite']}]"
    if told["passed_to"]:
        others = ", ".join(dict.fromkeys(told["passed_to"]))
        verdict = f"{route}: asked for by {rule}, and passed to {others} because of a conflict"
        return {"verdict": verdict, "failing": []}
    return {
        "verdict": f"{route}: not taken; the nearest rule is {rule}",
        "failing": [
            f"{failed['called']} is {failed['is']}, and would have to be {failed['needs']}"
            for failed in told["failing"]
        ],
    }
