"""The tables that people read say what the packs say."""

from pathlib import Path

from shared.policy import load_policy
from shared.policy.readers.markdown import drift

RULES = Path(__file__).parents[2] / "docs" / "rules"


def test_the_tables_in_the_documents_are_those_of_the_packs() -> None:
    present = {path.name: path.read_text(encoding="utf-8") for path in RULES.iterdir()}
    found = drift(load_policy(), present)
    assert not found, f"run `handrail policy render`: {found}"
