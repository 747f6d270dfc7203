"""Reads what a school sent: never refused for bad data, and every doubt said (R-DQ-01)."""

import json
from datetime import datetime, timedelta
from typing import Any

from intake.reading.facts import FactReader, Facts
from intake.reading.identity import check_urn
from intake.reading.instants import read_instant
from intake.reading.issues import Issues
from intake.reading.media import without_media
from intake.reading.members import (
    BODY,
    REPORTER,
    SCHOOL,
    SUBJECT,
    Found,
    list_of,
    object_of,
    sort_members,
    text_of,
)  # fmt: skip
from intake.reading.model import Reporter, Subject, Submission, Suspect
from intake.reading.parse import clean, read_json
from intake.reading.people import Person, read_person, suspects_among
from intake.reading.subjects import SubjectReader, read_la
from intake.reading.textflags import text_flags
from intake.reading.vocabulary import vocabulary
from intake.reading.whole import child_beside, whole
from shared.policy.schema import UNKNOWN, Schema

MOST_CHILDREN = 200
_MOST_PEOPLE = 200
_AT_HOME = frozenset({"parents_informed", "disclosure_request"})
_STORY = ("narrative", "where_is_the_child_now", "done_so_far")
_REPORTER_FACTS = (("role", "reporter_role"), ("does_teaching_work", "reporter_does_teaching_work"))
_CONTACT = ("name", "given_name", "family_name", "contact", "phone", "email")
# A sender's clock may run this far ahead of ours before it is disbelieved.
_SKEW = timedelta(minutes=5)
_FIRST_DISCOVERY, _FIRST_OCCURRENCE = 1990, 1900


def read_submission(
    body: bytes | dict[str, Any],
    schema: Schema,
    *,
    received_at: datetime,
) -> Submission:
    """Raises Unreadable or TooLarge and nothing else, whatever was sent."""
    issues = Issues()
    raw = read_json(body, issues) if isinstance(body, bytes) else _of_object(body, issues)
    return _Reading(schema, received_at, issues).submission(raw)


def _of_object(body: dict[str, Any], issues: Issues) -> Any:
    cleaned = clean(body, issues)
    text, dropped = without_media(json.dumps(cleaned).encode())
    return json.loads(text) if dropped else cleaned


class _Reading:
    def __init__(self, schema: Schema, received_at: datetime, issues: Issues) -> None:
        self._received_at, self._issues = received_at, issues
        self._vocabulary = vocabulary(schema)
        self._facts = FactReader(self._vocabulary, issues)

    def submission(self, raw: Any) -> Submission:
        body, rest = sort_members(whole(raw, self._issues), BODY, "", self._issues)
        rest = child_beside(body, rest, self._issues)
        urn, school_la = self._school(body)
        times = {name: self._instant(body, name) for name in ("discovered_at", "occurred_at")}
        reporter, contacts, shared = self._shared(body, rest)
        story = {n: text_of(body.get(n), f"/{n}", self._issues) for n in _STORY}
        flags = self._raise_by_text(shared, story)
        subjects, suspects = self._people(body, shared, story, times["discovered_at"])
        if not story["narrative"] and "concern_types" not in shared:
            self._issues.add("", "no_concern")
        return Submission(
            urn=urn,
            school_la=school_la,
            source_record_id=text_of(
                body.get("source_record_id"), "/source_record_id", self._issues, 200
            ),
            received_at=self._received_at,
            **times,
            found_la=read_la(body.get("found_la"), "/found_la", self._issues),
            reporter=reporter,
            subjects=subjects,
            issues=self._issues.all(),
            disclosure_request=str(shared.get("disclosure_request", "none")),
            text_flags=flags,
            suspects=suspects,
            contacts=contacts,
            raw=raw,
        )

    def _school(self, body: Found) -> tuple[str | None, str | None]:
        """Its URN, and the authority that the body names for it."""
        la = None
        at, given = "/urn", body.get("urn")
        school = body.get("school")
        if isinstance(school, str | int) and given is None:
            at, given = "/school", school
        elif school is not None:
            found, _ = sort_members(
                object_of(school, "/school", self._issues), SCHOOL, "/school", self._issues
            )
            if found.get("urn") is not None:
                at, given = "/school/urn", found["urn"]
            la = read_la(found.get("la"), "/school/la", self._issues)
        text = text_of(given, at, self._issues, 64)
        urn, issue = check_urn(text) if text and text.strip() else (None, "urn_missing")
        if urn is None:
            self._issues.add("/school" if issue == "urn_missing" else at, str(issue))
        return urn, la

    def _instant(self, body: Found, name: str) -> datetime | None:
        raw = body.get(name)
        if raw is None or raw == "":
            return None
        read = read_instant(raw, today=self._received_at.date())
        if read is None:
            self._issues.add(f"/{name}", "unreadable")
            return None
        instant, issues = read
        for issue in issues:
            self._issues.add(f"/{name}", issue)
        if instant > self._received_at:
            if instant <= self._received_at + _SKEW:
                return self._received_at
            self._issues.add(f"/{name}", "in_the_future")
            return None
        if instant.year < (_FIRST_DISCOVERY if name == "discovered_at" else _FIRST_OCCURRENCE):
            self._issues.add(f"/{name}", "absurd_time")
            return None
        return instant

    def _shared(self, body: Found, rest: Found) -> tuple[Reporter, dict[str, str], Facts]:
        """Who reports, how to reach them, and the facts that hold for every child."""
        facts = self._facts.level(body.get("facts"), rest, "", _AT_HOME)
        given = body.get("reporter")
        if isinstance(given, str):
            given = {"name": given}
            self._issues.add("/reporter", "read_as")
        whoever = object_of(given, "/reporter", self._issues)
        found, unknown = sort_members(whoever, REPORTER, "/reporter", self._issues)
        if unknown:
            self._issues.add("/reporter", "not_understood")
        if isinstance(found.get("does_teaching_work"), bool):
            found["does_teaching_work"] = "yes" if found["does_teaching_work"] else "no"
        for name, fact in _REPORTER_FACTS:
            self._facts.add(facts, fact, found.get(name), f"/reporter/{name}")
        texts = {n: text_of(found.get(n), f"/reporter/{n}", self._issues, 500) for n in _CONTACT}
        reporter = Reporter(
            role=str(facts.get("reporter_role", UNKNOWN)),
            does_teaching_work=str(facts.get("reporter_does_teaching_work", UNKNOWN)),
            account=text_of(
                found.get("account") or found.get("staff_ref"),
                "/reporter/account",
                self._issues,
                200,
            ),
        )
        return reporter, {name: text for name, text in texts.items() if text}, facts

    def _raise_by_text(self, shared: Facts, story: Found) -> tuple[str, ...]:
        flags = text_flags(*(text for text in story.values() if text))
        fact = self._vocabulary.facts.get("text_flags")
        known = [flag for flag in flags if fact and flag in fact.values]
        if known:
            before = shared.get("text_flags")
            shared["text_flags"] = sorted({*known, *(before if isinstance(before, list) else ())})
        denied = [flag for flag in flags if shared.get(flag) == "no"]
        if denied or (flags and shared.get("immediate_danger") == "no"):
            self._issues.add("/narrative", "text_raises")
        return flags

    def _people(
        self, body: Found, shared: Facts, story: Found, discovered_at: datetime | None
    ) -> tuple[tuple[Subject, ...], tuple[Suspect, ...]]:
        sent = list_of(body.get("people"), "/people", self._issues)
        # All of them: whoever stands beyond those that are told of may be the accused.
        people = [read_person(one, f"/people/{i}", self._issues) for i, one in enumerate(sent)]
        told = {name: text for name, text in story.items() if text} | (
            {"people": sent[:_MOST_PEOPLE]} if sent else {}
        )
        reader = SubjectReader(
            self._received_at,
            discovered_at,
            told,
            self._facts,
            self._issues,
            self._carer_la(people[:_MOST_PEOPLE]),
        )
        children = self._children(body)
        harmed = [one for one in (*people[:_MOST_PEOPLE], *children) if one.harmed]
        # The child who harmed is decided for itself, so the victim's decision need not name it.
        told_of = shared | ({"other_child_listed": "yes"} if harmed else {})
        subjects = [
            reader.child(one.raw, number, one.at, told_of)
            for number, one in enumerate(children, start=1)
            if not one.harmed
        ]
        for number, one in enumerate(harmed, start=1):
            subjects.append(reader.child_who_harmed(one.raw, number, one.at, shared))
        return tuple(subjects), suspects_among(people, self._issues)

    def _children(self, body: Found) -> list[Person]:
        """As they are sent, or the one that is not described."""
        children = list_of(body.get("children"), "/children", self._issues)
        if len(children) > MOST_CHILDREN:
            self._issues.add("/children", "too_many_children")
        if not children:
            self._issues.add("/children", "no_child")
        listed = children[:MOST_CHILDREN] or [None]
        return [read_person(one, f"/children/{i}", self._issues) for i, one in enumerate(listed)]

    def _carer_la(self, people: list[Person]) -> str | None:
        """Where the carer among the people lives; none where two of them live apart."""
        found: set[str | None] = set()
        for one in people:
            if one.carer and isinstance(one.raw, dict):
                known, _ = sort_members(one.raw, SUBJECT, one.at, self._issues)
                found.add(read_la(known.get("home_la"), f"{one.at}/home_la", self._issues))
        return (found - {None}).pop() if len(found - {None}) == 1 else None
