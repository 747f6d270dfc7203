"""Reads what no guidance gives: intervals and stages, which an authority may only shorten."""

from collections.abc import Mapping
from typing import Any

from shared.policy.grammar import GrammarError
from shared.policy.pack import Setting, Stage
from shared.policy.packfile import Problems, line_of, plain

Value = int | tuple[int, ...]


def settings(data: Any, base: Mapping[str, Setting], problems: Problems) -> dict[str, Setting]:
    """A local pack may shorten an interval, never lengthen one or invent one."""
    found: dict[str, Setting] = {}
    for name, node in (data.get("settings") or {}).items():
        with problems.at(line_of(data["settings"], name)):
            found[str(name)] = _setting(str(name), plain(node), base)
    return {**base, **found}


def _setting(name: str, entry: Any, base: Mapping[str, Setting]) -> Setting:
    value = _value(entry["value"], name)
    if not base:
        return Setting(name, value, entry["says"], entry["basis"])
    if name not in base:
        raise GrammarError(f"there is no setting `{name}`; use a national one")
    usual = base[name]
    if not _within(value, usual.value):
        raise GrammarError(f"`{name}` is longer than the national one; shorten it")
    return Setting(
        name, value, str(entry.get("says", usual.says)), str(entry.get("basis", "set locally"))
    )


def _value(given: object, name: str) -> Value:
    numbers = [n for n in _listed(given) if isinstance(n, int) and n > 0]
    if not numbers or len(numbers) != len(_listed(given)):
        raise GrammarError(f"`{name}` is a whole number above 0, or a list of them")
    return tuple(numbers) if isinstance(given, list) else numbers[0]


def _listed(given: object) -> list[object]:
    return given if isinstance(given, list) else [given]


def _within(value: Value, usual: Value) -> bool:
    ours, theirs = (v if isinstance(v, tuple) else (v,) for v in (value, usual))
    return len(ours) == len(theirs) and all(a <= b for a, b in zip(ours, theirs, strict=True))


def ladder(data: Any, set_: Mapping[str, Setting], problems: Problems) -> tuple[Stage, ...]:
    """The stages of a professional disagreement; their days are a setting."""
    node = data.get("ladder")
    if not node:
        return ()
    days = set_["escalation_working_days"].value
    wanted = len(days) if isinstance(days, tuple) else 1
    found: list[Stage] = []
    with problems.at(line_of(data, "ladder")):
        for number, step in enumerate(node["stages"], 1):
            stage = Stage(f"ESC_STAGE_{number}", str(step["school"]), str(step["authority"]))
            found.append(stage)
        if len(found) != wanted:
            raise GrammarError(
                f"the ladder has {len(found)} stages and `escalation_working_days` {wanted}; "
                "give each stage its days"
            )
    return tuple(found)
