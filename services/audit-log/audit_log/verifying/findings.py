"""What an audit found wrong, and where: in words, with the entries it concerns."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Finding:
    """first, last: the entries (seq) that are concerned, as close as can be told; None: all."""

    what: str
    first: int | None = None
    last: int | None = None

    def __str__(self) -> str:
        if self.first is None:
            return self.what
        if self.first == self.last:
            return f"entry {self.first}: {self.what}"
        return f"entries {self.first} to {self.last}: {self.what}"


@dataclass
class Report:
    """checked: what was looked at, in words. trusted: None where no key or policy was given."""

    size: int = 0
    entries: int = 0
    checked: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    trusted: bool | None = None

    @property
    def exit_code(self) -> int:
        """0 verified, 1 something is wrong, 3 nothing is wrong but too few vouch for it."""
        if self.findings:
            return 1
        return 0 if self.trusted else 3

    def as_json(self) -> dict[str, Any]:
        found = [{"what": one.what, "first": one.first, "last": one.last} for one in self.findings]
        return {
            "verified": self.exit_code == 0,
            "size": self.size,
            "entries": self.entries,
            "checked": self.checked,
            "findings": found,
            "notes": self.notes,
        }
