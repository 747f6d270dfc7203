"""Proofs that anyone's verifier accepts and refuses are accepted and refused here."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from audit_log.merkle import verify_consistency, verify_inclusion

VECTORS = json.loads((Path(__file__).parent / "vectors" / "merkle.json").read_text())
# Its two roots are words, not hashes: what has another length than a hash is never accepted here.
NO_HASHES = "sizes are equal (one) and proof is empty"


def raw(text: str | None) -> bytes:
    return base64.b64decode(text or "")


@pytest.mark.parametrize("row", VECTORS["inclusion"], ids=lambda row: str(row[-1]))
def test_a_published_inclusion_proof_is_judged_as_published(row: list[Any]) -> None:
    index, size, leaf, root, proof, refused, _ = row
    held = verify_inclusion(raw(leaf), index, size, [raw(one) for one in proof], raw(root))
    assert held is not refused


@pytest.mark.parametrize("row", VECTORS["consistency"], ids=lambda row: str(row[-1]))
def test_a_published_consistency_proof_is_judged_as_published(row: list[Any]) -> None:
    old, new, old_root, new_root, proof, refused, what = row
    hashes = [raw(one) for one in proof]
    held = verify_consistency(old, new, raw(old_root), raw(new_root), hashes)
    assert held is not (refused or what == NO_HASHES)
