"""Which worker runs which tests, and in which turn, where several run side by side."""

from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

# What stands on the same brokers, houses or demo: two workers would each build it.
_TOGETHER = ("tests/faults/", "tests/e2e/web/", "tests/journey/privacy/", "tests/contracts/bus/")
# The longest begin, so that at the end no worker waits for another's.
_FIRST = (*_TOGETHER[:3], "tests/journey/bench/", "tests/e2e/", _TOGETHER[3], "tests/journey/")


class Turns(LoadFileScheduling):  # type: ignore[misc]
    """By file as `--dist loadfile` says, but for what stands on the same ground."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return next((place for place in _TOGETHER if file.startswith(place)), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    return Turns(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def turn(item: pytest.Item) -> int:
        turns = (n for n, place in enumerate(_FIRST) if item.nodeid.startswith(place))
        return next(turns, len(_FIRST))

    items.sort(key=turn)
