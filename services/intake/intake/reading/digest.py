"""Says when two bodies are the same, and when two submissions are about the same children."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

# A shared address makes siblings, not the same child. The strongest number that both have decides.
_IDENTITY = ("upn", "nhs", "name_dob")

Keys = Sequence[tuple[str, str]]


def body_digest(raw: Any) -> str:
    """Of the JSON without its media, so that spacing and the order of members do not count."""
    try:
        text = orjson.dumps(raw, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # a number beyond 64 bits, or half a surrogate pair
        plain = json.dumps(raw, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        text = plain.encode("utf-8", "replace")
    return hashlib.sha256(text).hexdigest()


def derived_idempotency_key(source_record_id: str | None, digest: str) -> str:
    """For a sender that gave none: the same record with the same body is the same request."""
    return hashlib.sha256(f"{source_record_id or ''}\n{digest}".encode()).hexdigest()


def children_fingerprint(children: Iterable[Keys]) -> str | None:
    """Of keyed match keys, one sequence a child; none when a child cannot be told from another."""
    marks = []
    for keys in children:
        identity = sorted((kind, key) for kind, key in keys if kind in _IDENTITY)
        if not identity:
            return None
        marks.append(identity)
    return hashlib.sha256(json.dumps(sorted(marks)).encode()).hexdigest() if marks else None


def same_children(before: Sequence[Keys], now: Sequence[Keys]) -> bool:
    """Whether each child of one is surely a child of the other; a child unknown never is."""
    if len(before) != len(now) or not before:
        return False
    left = list(before)
    for child in now:
        twin = next((one for one in left if _same_child(one, child)), None)
        if twin is None:
            return False
        left.remove(twin)
    return True


def _same_child(one: Keys, other: Keys) -> bool:
    mine, theirs = dict(one), dict(other)
    shared = [kind for kind in _IDENTITY if kind in mine and kind in theirs]
    return bool(shared) and all(mine[kind] == theirs[kind] for kind in shared)
