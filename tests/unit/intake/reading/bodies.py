"""Invented submissions for the tests of reading, and one way to read them."""

import copy
import json
from datetime import UTC, datetime
from typing import Any

from intake.reading import Subject, Submission, read_submission
from shared.policy.schema import load_schema

SCHEMA = load_schema()
RECEIVED = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
URN = "999001"
FULL: dict[str, Any] = {
    "school": {"urn": URN},
    "source_record_id": "SIMS-4711",
    "discovered_at": "2026-11-20T13:40:00Z",
    "occurred_at": "2026-11-19T09:00:00+00:00",
    "found_la": None,
    "where_is_the_child_now": "In the medical room with Mrs Sample",
    "reporter": {
        "role": "teacher",
        "does_teaching_work": True,
        "account": "3f2b8c1a-9d4e-4c55-8a21-0d7c5b9e1f00",
        "name": "Alex Sample",
        "contact": "01632 960123",
    },
    "children": [
        {
            "ref": "child-1",
            "given_name": "Robin",
            "family_name": "Example",
            "dob": "2012-05-01",
            "sex": "F",
            "upn": "H886210012001",
            "nhs_number": None,
            "address": {"line1": "12 High Street", "postcode": "ZZ99 3AB"},
            "home_la": "886",
            "facts": {"disabled": "no", "csc_status": "none"},
        }
    ],
    "people": [{"ref": "p-1", "role": "carer", "name": "Sam Example"}],
    "facts": {
        "concern_types": ["physical"],
        "knowledge_basis": "told_by_the_child",
        "immediate_danger": "no",
        "harm_level": "suspected_significant",
    },
    "narrative": "Robin told me that her stepfather hit her with a belt last night.",
    "parents_informed": "no",
    "done_so_far": "Stayed with her and told the DSL.",
    "disclosure_request": "none",
}


def body(**changes: Any) -> dict[str, Any]:
    return copy.deepcopy(FULL) | changes


def child(**changes: Any) -> dict[str, Any]:
    first: dict[str, Any] = copy.deepcopy(FULL["children"][0])
    return first | changes


def read(raw: Any) -> Submission:
    sent = raw if isinstance(raw, bytes) else json.dumps(raw).encode()
    return read_submission(sent, SCHEMA, received_at=RECEIVED)


def with_facts(**facts: Any) -> Submission:
    return read(body(facts=facts))


def only(submission: Submission) -> Subject:
    (subject,) = submission.subjects
    return subject


def issues(submission: Submission) -> set[tuple[str, str]]:
    return {(issue.pointer, issue.issue) for issue in submission.issues}
