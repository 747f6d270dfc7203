"""A request to tell others never swallows a concern that came with it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from intake.reading import read_submission
from shared.policy import load_policy

SCHEMA = load_policy().schema
AT = datetime(2026, 12, 1, 9, tzinfo=UTC)


def facts_of(**more: Any) -> dict[str, Any]:
    body = {"school": {"urn": "999001"}, "disclosure_request": "all_parents", **more}
    read = read_submission(body, SCHEMA, received_at=AT)
    return dict(read.subjects[0].facts)


def test_a_bare_request_is_no_concern_about_a_child() -> None:
    assert "concern_types" not in facts_of()


@pytest.mark.parametrize(
    "more",
    [{"narrative": "Something was said at the gate."}, {"children": [{"ref": "child-1"}]}],
    ids=["words", "a child"],
)
def test_a_request_with_words_or_a_child_is_a_concern_of_unknown_kind(more: dict[str, Any]) -> None:
    assert facts_of(**more)["concern_types"] == ["unknown"]


def test_the_victims_facts_say_that_the_child_who_harmed_is_listed() -> None:
    people = [{"ref": "p-1", "role": "child_who_harmed", "age_years": 15}]
    assert facts_of(people=people, children=[{"ref": "child-1"}])["other_child_listed"] == "yes"


def test_a_body_cannot_claim_that_the_child_who_harmed_is_listed() -> None:
    given = facts_of(children=[{"ref": "child-1"}], facts={"other_child_listed": "yes"})
    assert "other_child_listed" not in given
