"""Reads the children of a submission and the other people in it."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from intake.reading.facts import FactReader, Facts
from intake.reading.identity import (
    address,
    check_la,
    check_nhs_number,
    check_upn,
    name_and_birth,
    postcode_of,
)  # fmt: skip
from intake.reading.instants import read_date
from intake.reading.issues import Issues
from intake.reading.members import SUBJECT, Found, sort_members, text_of
from intake.reading.model import Role, Subject
from shared.policy.derive import ages

_AT_HOME = frozenset({"sex", "age_years"})
_OLDEST_YEARS = 120
_TEXTS = ("given_name", "family_name", "name", "relationship", "role", "contact", "phone", "email")
# What a child who harmed another child shares with the rest of the report: what was done, how it
# is known, and who says it; never the harmed child's own circumstances.
SHARED_BY_WHO_HARMED = frozenset(
    [
        "concern_types",
        "immediate_danger",
        "weapon",
        "harm_level",
        "knowledge_basis",
        "source_of_harm",
        "image",
        "image_sexual_act",
        "image_youngest_age",
        "image_unusual_or_violent",
        "coercion",
        "text_flags",
        "happened_in_last_hours",
        "police_investigation",
        "reporter_role",
        "reporter_does_teaching_work",
        "dsl_declined",
        "head_is_dsl",
        "conflict",
        "parents_informed",
        "disclosure_request",
        "case_facts_in_text",
        "charged",
    ]
)
BETWEEN_CHILDREN = frozenset(
    [
        "physical",
        "sexual",
        "emotional",
        "nudes",
        "cyberbullying",
        "online_content",
        "serious_violence",
        "child_on_child_sexual_violence",
        "child_on_child_sexual_harassment",
        "child_on_child_other",
        "cse",
        "cce_county_lines",
        "other",
        "unknown",
    ]
)


@dataclass(slots=True)
class SubjectReader:
    """One submission's moments and shared facts, to read each child against."""

    received_at: datetime
    discovered_at: datetime | None
    story: Found
    facts: FactReader
    issues: Issues
    carer_la: str | None = None  # of the one carer among the people, for whom none is named
    _refs: set[str] = field(default_factory=set)

    def child(self, raw: Any, number: int, at: str, shared: Facts) -> Subject:
        return self._subject(raw, f"child-{number}", at, "child", shared)

    def child_who_harmed(self, raw: Any, number: int, at: str, shared: Facts) -> Subject:
        applies = {name: shared[name] for name in SHARED_BY_WHO_HARMED if name in shared}
        types = applies.get("concern_types")
        if isinstance(types, list):
            applies["concern_types"] = [t for t in types if t in BETWEEN_CHILDREN] or ["unknown"]
        return self._subject(raw, f"harmed-{number}", at, "child_who_harmed", applies)

    def _subject(self, raw: Any, ref: str, at: str, role: Role, shared: Facts) -> Subject:
        found, rest = self._members(raw, at)
        own = self._own_facts(found, rest, at)
        born = self._born(found.get("dob"), at)
        facts = self.facts.joined(shared, own)
        if born:
            self._ages(facts, own, born, at)
        facts["subject_role"] = role
        if facts.get("disclosure_request", "none") != "none" and (self.story or raw is not None):
            # Words or a child beside a request to tell others make it a concern as well: what kind
            # was not said, and that must not read as none.
            facts.setdefault("concern_types", ["unknown"])
        if facts.get("sex") == "M" and "fgm" in _members(facts.get("concern_types")):
            self.issues.add(at, "sex_and_fgm")
        return Subject(
            ref=ref,
            client_ref=self._client_ref(found.get("ref"), ref, at),
            role=role,
            facts=facts,
            dob=born,
            home_la=self._la(found.get("home_la"), f"{at}/home_la"),
            carer_la=self._la(found.get("carer_la"), f"{at}/carer_la")
            or (self.carer_la if role == "child" else None),
            match_inputs=self._match_inputs(found, born, at),
            details={role: raw, **self.story},
        )

    def _members(self, raw: Any, at: str) -> tuple[Found, Found]:
        if isinstance(raw, dict):
            return sort_members(raw, SUBJECT, at, self.issues)
        if isinstance(raw, str) and raw.strip():
            self.issues.add(at, "read_as")
            return {"name": raw}, {}
        if raw is not None:
            self.issues.add(at, "wrong_shape")
        return {}, {}

    def _own_facts(self, found: Found, rest: Found, at: str) -> Facts:
        if "gender" in found and "sex" not in rest:
            rest["sex"] = found["gender"]
            self.issues.add(f"{at}/sex", "read_from_another_name")
        return self.facts.level(found.get("facts"), rest, at, _AT_HOME)

    def _born(self, raw: Any, at: str) -> date | None:
        if raw is None or raw == "":
            return None
        today = self.received_at.date()
        read = read_date(raw, today=today)
        if read is None:
            self.issues.add(f"{at}/dob", "unreadable")
            return None
        born, issues = read
        for issue in issues:
            self.issues.add(f"{at}/dob", issue)
        if born > today:
            self.issues.add(f"{at}/dob", "dob_in_the_future")
            return None
        if today.year - born.year > _OLDEST_YEARS:
            self.issues.add(f"{at}/dob", "absurd_time")
            return None
        return born

    def _ages(self, facts: Facts, own: Facts, born: date, at: str) -> None:
        """Age now and at discovery; the younger one where the sender's age differs."""
        by_birth = ages(born, self.received_at, self.discovered_at or self.received_at)
        now, then = by_birth["age_years"], max(0, by_birth["age_at_discovery"])
        stated = own.get("age_years")
        if isinstance(stated, int) and not then <= stated <= now:
            self.issues.add(f"{at}/age_years", "age_contradiction")
        lowest = min(stated, now) if isinstance(stated, int) else now
        facts["age_years"] = lowest
        facts["age_at_discovery"] = min(then, lowest)

    def _la(self, raw: Any, at: str) -> str | None:
        return read_la(raw, at, self.issues)

    def _client_ref(self, raw: Any, ref: str, at: str) -> str:
        given = text_of(raw, f"{at}/ref", self.issues, 100) or ref
        named, number = given, 2
        while named in self._refs:
            self.issues.add(f"{at}/ref", "ref_repeated")
            named, number = f"{given}-{number}", number + 1
        self._refs.add(named)
        return named

    def _match_inputs(
        self, found: Found, born: date | None, at: str
    ) -> tuple[tuple[str, str], ...]:
        texts = {n: text_of(found.get(n), f"{at}/{n}", self.issues, 500) or "" for n in _TEXTS}
        inputs = [
            ("upn", self._number(found, "upn", at)),
            ("nhs", self._number(found, "nhs_number", at)),
            (
                "name_dob",
                name_and_birth(
                    f"{texts['given_name']} {texts['name']}", texts["family_name"], born
                ),
            ),
            ("address", self._address(found, at)),
        ]
        return tuple((kind, value) for kind, value in inputs if value)

    def _number(self, found: Found, name: str, at: str) -> str | None:
        text = text_of(found.get(name), f"{at}/{name}", self.issues, 64)
        if not text or not text.strip():
            return None
        number, issue = (check_upn if name == "upn" else check_nhs_number)(text)
        if issue:
            self.issues.add(f"{at}/{name}", issue)
        return number

    def _address(self, found: Found, at: str) -> str | None:
        where, code = found.get("address"), found.get("postcode")
        if isinstance(where, dict) and code is None:
            code = where.get("postcode")
        elif isinstance(where, str) and isinstance(code, str):
            where = f"{where}, {code}"
        elif isinstance(where, dict):
            where = {**where, "postcode": code}
        if isinstance(code, str) and code.strip() and postcode_of(code) is None:
            self.issues.add(f"{at}/address", "postcode")
        return address(where)


def read_la(raw: Any, at: str, issues: Issues) -> str | None:
    text = text_of(raw, at, issues, 64)
    if not text or not text.strip():
        return None
    code, issue = check_la(text)
    if issue:
        issues.add(at, issue)
    return code


def _members(value: Any) -> list[str]:
    return value if isinstance(value, list) else []
