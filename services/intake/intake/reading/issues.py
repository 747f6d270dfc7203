"""Collects the data issues of a submission while it is read: where, and a code, never a value."""

from dataclasses import dataclass

from shared.events import data_issues

# All of them travel with each child's event, and an event that is too large would never leave.
MOST_ISSUES = 1000


@dataclass(frozen=True, slots=True)
class Issue:
    pointer: str
    issue: str

    @property
    def detail(self) -> str:
        return data_issues.SENTENCES[self.issue]

    def as_json(self) -> dict[str, str]:
        return {"pointer": self.pointer, "issue": self.issue, "detail": self.detail}


class Issues:
    """Collects each issue once. Pointers are built by the reader from its own names."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], None] = {}

    def add(self, pointer: str, issue: str) -> None:
        if len(self._seen) >= MOST_ISSUES:
            pointer, issue = "", "more_issues"
        self._seen[(pointer, issue)] = None

    def __len__(self) -> int:
        return len(self._seen)

    def all(self) -> tuple[Issue, ...]:
        return tuple(Issue(pointer, issue) for pointer, issue in self._seen)
