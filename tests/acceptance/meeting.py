"""When what was decided is what a scenario wants: for the rules alone and over REST alike."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared.policy import yaml12
from shared.policy.raising import instant


def meets(action: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """An action may be more urgent than wanted, never less."""
    return (
        action["route"] == wanted["route"]
        and action["priority"] <= wanted["priority"]
        and instant(action["by"]) <= instant(wanted["by"])
        and action.get("hard_by") == wanted.get("hard_by", action.get("hard_by"))
        and action["owner"] == wanted.get("owner", action["owner"])
        and action["subject"] == wanted.get("subject", action["subject"])
        and action["contact"].get("phone") == wanted.get("number", action["contact"].get("phone"))
    )


def titled(path: Path) -> str:
    """A test is named by its scenario's title."""
    return f"{path.stem} {yaml12.load(path.read_bytes())['title']}"
