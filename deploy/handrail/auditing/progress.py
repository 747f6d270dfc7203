"""A bar on standard error, where a person is watching; silence where none is."""

import sys
from types import TracebackType
from typing import Self

_WIDTH = 40


class Bar:
    def __init__(self, what: str) -> None:
        self._what, self._shown, self._watched = what, -1, sys.stderr.isatty()

    def __enter__(self) -> Self:
        return self

    def at(self, done: int, total: int) -> None:
        filled = _WIDTH * done // max(total, 1)
        if self._watched and filled != self._shown:
            self._shown = filled
            bar = "#" * filled + "." * (_WIDTH - filled)
            sys.stderr.write(f"\r[{bar}] {done} of {total} {self._what} ")
            sys.stderr.flush()

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        if self._shown >= 0:
            sys.stderr.write("\n")
