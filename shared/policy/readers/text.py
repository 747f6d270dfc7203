"""An explanation as lines of plain text, for a terminal."""

from collections.abc import Iterator

from shared.policy.decision import NOW, Json
from shared.policy.readers.explanation import as_words, unsure


def explanation_lines(told: Json) -> Iterator[str]:
    """What to do, why, what not to do, what to ask; best question first."""
    packs = ", ".join(f"{pack['id']} {pack['version']}" for pack in told["pack"])
    hours = "in" if told["in_hours"] else "out of"
    yield f"{told['subject']}: priority {told['priority']}, {hours} hours, by {packs}"
    shown: set[str] = set()
    for action in told["actions"]:
        yield from _action(action, shown)
    for ban in told["prohibitions"]:
        yield f"  Mind: {ban['say']} ({_rules(ban)})"
    yield from (f"  Allowed: {each['say']}" for each in told["permissions"])
    if told["gate"]:
        yield f"  To tell others: {told['gate']['state']}. {told['gate']['say']}"
    for question in told["questions"]:
        yield f"  Ask: {question['ask']} It would settle {', '.join(question['settles'])}."


def _action(action: Json, shown: set[str]) -> Iterator[str]:
    contact = action["contact"].get("phone") or action["contact"].get("portal") or ""
    yield (
        f"  {action['priority']} {action['route']} {_by(action)} ({action['certainty']}):"
        f" {action['owner']}, {action['channel']} {contact}".rstrip()
    )
    if unsure(action):
        ask = action["settled_by"][0]["ask"] if action["settled_by"] else ""
        yield f"      rests on what is not known: {', '.join(action['rests_on'])}. {ask}".rstrip()
    for reason in action["because"]:
        yield from _reason(reason, shown)


def _by(action: Json) -> str:
    return "now" if action["by"] == NOW else f"by {action['when']}"


def _reason(reason: Json, shown: set[str]) -> Iterator[str]:
    """A rule that was told once is only named again."""
    if reason["rule"] in shown:
        yield f"      {reason['rule']}: as above"
        return
    shown.add(reason["rule"])
    yield f"      {reason['rule']} ({reason['pack']} {reason['version']}): {reason['title']}"
    yield f"        {reason['cite']}"
    for test in reason["matched"]:
        mark = "" if test["certain"] else f"; it may be {test['may_be']}"
        yield f"        {test['called']}: {test['is']}{mark}"


def _rules(part: Json) -> str:
    return ", ".join(reason["rule"] for reason in part["because"])


def why_not_lines(told: Json) -> Iterator[str]:
    words = as_words(told)
    yield words["verdict"]
    yield from (f"  {line}" for line in words["failing"])
