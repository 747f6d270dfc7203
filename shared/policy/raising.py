"""Joins a new decision with an earlier one as JSON: what was once required stays required."""

from datetime import datetime
from typing import Any, Final

from shared.policy.decision import GATE_RANK, NOW, Decision, Json

KEY: Final = ("route", "subject", "la", "owner_role")


def raise_to(previous: Json, new: Decision) -> Json:
    """Every earlier action at its higher priority and earlier deadline, and all that is new."""
    return raise_shown(previous, new.to_json())


def raise_shown(previous: Json, fresh: Json) -> Json:
    """The same for a decision as JSON, which it changes."""
    actions = {_key(action): action for action in fresh["actions"]}
    for old in previous.get("actions", []):
        key = _key(old)
        actions[key] = _higher(old, actions[key]) if key in actions else old
    fresh["actions"] = sorted(actions.values(), key=_urgency)
    priorities = [action["priority"] for action in fresh["actions"]]
    fresh["priority"] = min([*priorities, fresh["priority"], previous.get("priority", "P4")])
    fresh["prohibitions"] = _united(previous.get("prohibitions", []), fresh["prohibitions"])
    fresh["gate"] = _stricter(previous.get("gate"), fresh["gate"])
    for name, at in previous.get("clocks", {}).items():
        fresh["clocks"][name] = _earlier(at, fresh["clocks"].get(name, at))
    return fresh


def _urgency(action: Json) -> tuple[str, bool]:
    """Life first; the rest stays in its order."""
    return action["priority"], not action["route"].endswith("_999")


def _key(action: Json) -> tuple[Any, ...]:
    return tuple(action.get(name) for name in KEY)


def _higher(old: Json, new: Json) -> Json:
    joined = dict(new)
    joined["priority"] = min(old["priority"], new["priority"])
    joined["by"] = _earlier(old["by"], new["by"])
    hard = [at for at in (old.get("hard_by"), new.get("hard_by")) if at]
    if hard:
        joined["hard_by"] = min(hard, key=instant)
    if "certain" in (old["certainty"], new["certainty"]):
        joined["certainty"] = "certain"
    rules = {reason["rule"] for reason in new["because"]}
    joined["because"] = [*new["because"], *(r for r in old["because"] if r["rule"] not in rules)]
    return joined


def _earlier(one: str, other: str) -> str:
    return min(one, other, key=instant)


def instant(text: str) -> float:
    return 0.0 if text == NOW else datetime.fromisoformat(text).timestamp()


def _united(old: list[Json], new: list[Json]) -> list[Json]:
    codes = {entry["code"] for entry in new}
    return [*new, *(entry for entry in old if entry["code"] not in codes)]


def _stricter(old: Json | None, new: Json | None) -> Json | None:
    """Only answers to the same request compare; a new request has its own answer."""
    if old is None or new is None:
        return new or old
    if old["audience"] != new["audience"]:
        return new
    # A hold is answered by facts recorded since (advice given), so the new answer stands for it.
    return old if GATE_RANK[old["state"]] == 0 else new
