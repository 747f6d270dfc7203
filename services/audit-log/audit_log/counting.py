"""A producer's count as it comes in: the highest number yet, and the runs missing below it. Pure.

Events of different concerns may overtake each other on the bus, so a run may still close.
"""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(slots=True)
class Gap:
    """Numbers first to last have not come. since: when a higher one did."""

    first: int
    last: int
    since: datetime


@dataclass(slots=True)
class Count:
    """gaps: in their order, apart from each other, all below `highest`."""

    highest: int = 0
    gaps: list[Gap] = field(default_factory=list)

    def arrived(self, number: int, at: datetime) -> bool:
        """False of a number that came before: it changes nothing, and should not have come."""
        if number > self.highest:
            if number > self.highest + 1:
                self.gaps.append(Gap(self.highest + 1, number - 1, at))
            self.highest = number
            return True
        for place, gap in enumerate(self.gaps):
            if gap.first <= number <= gap.last:
                below = Gap(gap.first, number - 1, gap.since)
                above = Gap(number + 1, gap.last, gap.since)
                rest = [part for part in (below, above) if part.first <= part.last]
                self.gaps[place : place + 1] = rest
                return True
        return False
