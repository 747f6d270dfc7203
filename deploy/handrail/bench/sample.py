"""The concerns that are posted: invented, of the shapes and the size that schools send."""

import random
from typing import Any, Final

import orjson

from handrail.generator import invented_concern

URN: Final = "999002"
SIZE: Final = 1200
_MORE: Final = (
    "The form tutor spoke with the pupil before registration and wrote this down at once, in the "
    "pupil's own words where there were any. Nobody else was in the room. "
)


def bodies(count: int, seed: int = 1) -> list[bytes]:
    """Of about 1.2 KB each, different in child, record and kind of harm."""
    choice = random.Random(seed)  # noqa: S311 - invents stories, guards nothing
    return [_filled(invented_concern(choice, URN)) for _ in range(count)]


def _filled(body: dict[str, Any]) -> bytes:
    short = SIZE - len(orjson.dumps(body))
    body["narrative"] += " " + (_MORE * (short // len(_MORE) + 1))[: max(0, short - 1)]
    return orjson.dumps(body)
