"""A text in pieces, with what could identify somebody marked and the reason beside it. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

WHY: Final = {
    "of_the_case": "as in what the school sent, or nearly so",
    "year_group": "a year group",
    "time": "a time",
    "day": "a day",
    "date": "a date",
    "account": "an account or an address",
    "number": "a telephone number",
    "place": "a postcode",
    "person": "a person",
    "app": "an app",
    "name": "a name",
}


class Piece(BaseModel):
    """why: what is wrong with it; empty where nothing is."""

    model_config = ConfigDict(frozen=True)

    text: str
    why: str = ""


def marked(text: str, found: Sequence[Mapping[str, Any]]) -> tuple[Piece, ...]:
    """found: start, end and kind of each; what overlaps is one mark with all its reasons."""
    pieces: list[Piece] = []
    at = 0
    for start, end, whys in _together(found):
        if start > at:
            pieces.append(Piece(text=text[at:start]))
        pieces.append(Piece(text=text[start:end], why=", ".join(whys)))
        at = end
    if at < len(text):
        pieces.append(Piece(text=text[at:]))
    return tuple(pieces)


def _together(found: Sequence[Mapping[str, Any]]) -> list[tuple[int, int, list[str]]]:
    joined: list[tuple[int, int, list[str]]] = []
    for one in sorted(found, key=lambda each: (each["start"], each["end"])):
        why = WHY.get(one["kind"], one["kind"])
        if joined and one["start"] < joined[-1][1]:
            start, end, whys = joined[-1]
            joined[-1] = (start, max(end, one["end"]), list(dict.fromkeys([*whys, why])))
        else:
            joined.append((one["start"], one["end"], [why]))
    return joined
