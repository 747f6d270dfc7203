"""Turns bytes into JSON that is safe to walk, store and seal, whatever the sender's library did."""

import json
import re
from codecs import BOM_UTF8
from typing import Any

from intake.reading.issues import Issues
from intake.reading.marks import MARK
from intake.reading.media import without_media
from intake.reading.runs import ENOUGH, is_word

_DEEPEST = 48
_MOST_DIGITS = 40
_LARGEST = 2**53
_NESTING = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[{]|[\]}]', re.DOTALL)
_SURROGATE_OR_NUL = re.compile("[\x00\ud800-\udfff]")
_PIECE_LISTS = re.compile(rb'\[\s*+(?:"[A-Za-z0-9+/=_-]*+",\s*+){4}')
_ESCAPED_ASCII = re.compile(rb"\\u00[2-7]")


class Unreadable(ValueError):
    """The body is not JSON. It says nothing of what the body held."""

    def __init__(self) -> None:
        super().__init__("the body is not readable JSON")


class Repeated(list[Any]):
    """All the values of a member that one object had more than once."""


def read_json(body: bytes, issues: Issues) -> Any:
    text = _text(body, issues)
    value = _loads(text, issues)
    escapes = b"\\" in body
    hidden = (
        MARK in body
        or (escapes and _ESCAPED_ASCII.search(body) is not None)
        or _PIECE_LISTS.search(body) is not None
    )
    plain = not escapes and text.count("[") + text.count("{") <= _DEEPEST
    if plain and not hidden and "\x00" not in text:
        return value
    return _Cleaner(issues, hidden).clean(value, 0)


def clean(value: Any, issues: Issues) -> Any:
    """The same for a value that was never bytes."""
    return _Cleaner(issues, hidden=True).clean(value, 0)


def _text(body: bytes, issues: Issues) -> str:
    try:
        return body.removeprefix(BOM_UTF8).decode()
    except UnicodeDecodeError:
        issues.add("", "not_text")
        return body.decode("cp1252", "replace")


def _loads(text: str, issues: Issues) -> Any:
    def unreal(_: str) -> None:
        issues.add("", "unreadable")

    def whole(digits: str) -> int | str:
        return int(digits) if len(digits) <= _MOST_DIGITS else digits[:_MOST_DIGITS]

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(found)
        return members if len(members) == len(found) else _repeated(found, issues)

    decoder = json.JSONDecoder(
        strict=False, parse_constant=unreal, parse_int=whole, object_pairs_hook=pairs
    )
    try:
        return decoder.decode(text)
    except RecursionError:
        issues.add("", "nested_too_deep")
    except ValueError:
        raise Unreadable from None
    try:
        return decoder.decode(_shallow(text))
    except (ValueError, RecursionError):
        raise Unreadable from None


def _repeated(found: list[tuple[str, Any]], issues: Issues) -> dict[str, Any]:
    issues.add("", "member_repeated")
    members: dict[str, Any] = {}
    for name, value in found:
        if name not in members:
            members[name] = value
        elif isinstance(members[name], Repeated):
            members[name].append(value)
        elif members[name] != value or type(members[name]) is not type(value):
            members[name] = Repeated([members[name], value])
    return members


def _shallow(text: str) -> str:
    """The JSON with everything deeper than we read replaced by null."""
    depth = 0
    kept: list[str] = []
    at = 0
    for piece in _NESTING.finditer(text):
        opens, closes = piece[0] in "[{", piece[0] in "]}"
        depth += opens
        if opens and depth == _DEEPEST:
            kept.append(text[at : piece.start()] + "null")
        if closes and depth == _DEEPEST:
            at = piece.end()
        depth -= closes
    return "".join(kept) + (text[at:] if depth < _DEEPEST else "")


class _Cleaner:
    def __init__(self, issues: Issues, hidden: bool) -> None:
        self._issues, self._hidden = issues, hidden

    def clean(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict):
            if depth >= _DEEPEST:
                return self._too_deep()
            return {self._text(str(k)): self.clean(v, depth + 1) for k, v in value.items()}
        if isinstance(value, list | tuple):
            if depth >= _DEEPEST:
                return self._too_deep()
            return self._list(value, depth)
        return self._scalar(value)

    def _list(self, values: list[Any] | tuple[Any, ...], depth: int) -> list[Any]:
        if self._hidden and _is_cut_up_blob(values):
            self._issues.add("", "media_removed")
            return [MARK.decode()]
        cleaned = [self.clean(value, depth + 1) for value in values]
        return Repeated(cleaned) if isinstance(values, Repeated) else cleaned

    def _text(self, text: str) -> str:
        if _SURROGATE_OR_NUL.search(text):
            self._issues.add("", "not_text")
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            text = text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
        if self._hidden and len(text) > 16:  # noqa: PLR2004 - shorter than any link
            kept, dropped = without_media(text.encode(), "text/plain")
            if dropped:
                self._issues.add("", "media_removed")
                return kept.decode("utf-8", "replace")
        return text

    def _scalar(self, value: Any) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, float):
            return value if value - value == 0 else None
        if isinstance(value, int):
            return value if -_LARGEST <= value <= _LARGEST else str(value)[:_MOST_DIGITS]
        return self._text(str(value))

    def _too_deep(self) -> None:
        self._issues.add("", "nested_too_deep")


def _is_cut_up_blob(values: list[Any] | tuple[Any, ...]) -> bool:
    texts = [value for value in values if isinstance(value, str)]
    if len(texts) < len(values):
        return False
    # The piece that began like a file may be gone already.
    texts = [text for text in texts if text != MARK.decode()]
    joined = "".join(texts)
    if len(joined) < ENOUGH or " " in joined or not joined.isascii():
        return False
    solid = joined.encode().translate(None, b"+/=_-")
    strange = sum(not is_word(text.encode()) for text in texts)
    return solid.isalnum() and strange * 4 >= len(texts) * 3 and not is_word(solid)
