"""What becomes of the single measurements: medians, percentiles, goals met or missed."""

import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

Figures = dict[str, Any]
_DIGITS = 3


def percentile(sorted_values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed."""
    if not sorted_values:
        return float("nan")
    rank = max(0, min(len(sorted_values) - 1, -int(-share * len(sorted_values) // 1) - 1))
    return sorted_values[rank]


def spread(values: Iterable[float]) -> Figures:
    """p50 and p99 of one window, in the values' unit."""
    ordered = sorted(values)
    return {
        "count": len(ordered),
        "p50": percentile(ordered, 0.5),
        "p99": percentile(ordered, 0.99),
    }


def medians(windows: Sequence[Mapping[str, float]]) -> Figures:
    """Member by member the median of some windows."""
    return {name: rounded(median(w[name] for w in windows)) for name in windows[0]}


def rounded(value: float) -> float:
    return round(value, _DIGITS)


def ratio(one: float, other: float) -> float:
    return rounded(one / other) if other else float("nan")


@dataclass(frozen=True, slots=True)
class Goal:
    """at_least or at_most: what the design asks for. reached: what this run gave."""

    what: str
    reached: float
    at_least: float | None = None
    at_most: float | None = None

    @property
    def met(self) -> bool:
        return (self.at_least is None or self.reached >= self.at_least) and (
            self.at_most is None or self.reached <= self.at_most
        )

    def to_json(self) -> Figures:
        bound = {"at_least": self.at_least, "at_most": self.at_most}
        asked = {name: value for name, value in bound.items() if value is not None}
        return {"what": self.what, **asked, "reached": rounded(self.reached), "met": self.met}


class Machine:
    """How busy the machine was: figures from a busy one are worth little."""

    def __init__(self) -> None:
        self._loads = [os.getloadavg()[0]]

    def look(self) -> None:
        self._loads.append(os.getloadavg()[0])

    def to_json(self) -> Figures:
        return {
            "cpus": os.cpu_count(),
            "kind": platform.machine(),
            "python": platform.python_version(),
            "load_before": rounded(self._loads[0]),
            "load_highest": rounded(max(self._loads)),
        }
