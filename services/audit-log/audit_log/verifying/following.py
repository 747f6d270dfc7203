"""Follows a log: each look takes over what is new, and remembers what was missing before."""

from dataclasses import dataclass, field
from pathlib import Path

from audit_log.trust.bundles import unbundle
from audit_log.trust.policy import Policy
from audit_log.trust.tilepaths import ENTRIES, WIDTH, Tile
from audit_log.verifying.contents import Contents
from audit_log.verifying.copying import copy_log
from audit_log.verifying.findings import Finding, Report
from audit_log.verifying.sources import Directory, Source, read_tile


@dataclass
class Follower:
    """place: where the copy is kept. patience: seconds that a number may be missing for.

    Events of different concerns overtake each other on the bus, so a fresh gap means nothing.
    """

    source: Source
    place: Path
    policy: Policy | None
    entries: bool
    patience: float
    contents: Contents = field(default_factory=Contents)
    taken: int = 0
    missed: dict[str, float] = field(default_factory=dict)

    def look(self, now: float) -> Report:
        """now: of a clock that only goes forward, in seconds."""
        report = copy_log(self.source, self.place, self.policy, entries=self.entries)
        if report.findings or not self.entries:
            return report
        self._take(report.size)
        report.findings += self.contents.findings
        gaps = self.contents.gaps()
        self.missed = {str(gap): self.missed.get(str(gap), now) for gap in gaps}
        for gap in gaps:
            self._judge(gap, now, report)
        return report

    def _judge(self, gap: Finding, now: float, report: Report) -> None:
        if now - self.missed[str(gap)] >= self.patience:
            report.findings.append(gap)
        else:
            report.notes.append(f"{gap}; it may still be on its way")

    def _take(self, size: int) -> None:
        """Only what is new is read."""
        copy = Directory(self.place)
        for number in range(self.taken // WIDTH, -(-size // WIDTH)):
            tile = Tile(ENTRIES, number, min(WIDTH, size - number * WIDTH))
            for seq, entry in enumerate(unbundle(read_tile(copy, tile) or b""), number * WIDTH):
                if seq >= self.taken:
                    self.contents.take(seq, entry)
        self.taken = size
