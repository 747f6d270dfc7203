"""The data issues a submission can have: a code and a fixed sentence each, never a value."""

from dataclasses import dataclass

SENTENCES: dict[str, str] = {
    # Read, and said so: nothing was lost.
    "read_as": "The value was read as the code with the same plain meaning.",
    "read_as_number": "A number sent as text was read as a number.",
    "read_as_text": "A number sent where text belongs was read as text.",
    "read_as_date": "The date was read day first; send YYYY-MM-DD.",
    "read_as_list": "A single value was read as a list of one.",
    "read_from_another_place": "The member was read although it stands in another place.",
    "read_from_another_name": "The member was read although its name is spelt differently.",
    "month_first": "The date only makes sense month first and was read so.",
    "date_only": "A date without a time was read as the start of that day.",
    "no_zone": "A time without a zone was read as the time in London.",
    "body_is_text": "The body is plain text and was read as the narrative.",
    "body_is_a_list": "The body is a list and was read as the children or the narrative.",
    "media_removed": "Media were removed; the text around them was kept.",
    # Read with doubt: a person looks.
    "member_repeated": "A member was sent more than once; the worse reading was taken.",
    "not_understood": "Members here are not known; they are kept sealed and were not used.",
    "unreadable": "The value could not be read and counts as unknown.",
    "unknown_code": "The value is not a known code and counts as unknown.",
    "wrong_shape": "The value has another shape than expected and was not used.",
    "out_of_range": "The number is outside what is possible and counts as unknown.",
    "nested_too_deep": "Parts nested too deeply were not read.",
    "not_text": "Characters that are not text were replaced.",
    "in_the_future": "The time lies in the future; our own clock is used.",
    "absurd_time": "The time is not possible; our own clock is used.",
    "dob_in_the_future": "The date of birth lies in the future; the age counts as unknown.",
    "age_contradiction": "Age and date of birth disagree; the younger age was taken.",
    "contradiction": "Two facts disagree; the worse one was taken.",
    "sex_and_fgm": "The sex given does not go with the concern; both are kept.",
    "text_raises": "The words name a danger that the facts deny; the words raise the response.",
    "upn_shape": "The UPN does not have its 13 characters.",
    "upn_check_letter": "The UPN's check letter is wrong.",
    "nhs_number": "The NHS number's check digit is wrong.",
    "urn_missing": "No school URN was given.",
    "urn_shape": "The school URN is not six digits.",
    "urn_from_client": "The sender's only school was taken.",
    "la_shape": "The local authority is not a three-digit code and counts as unknown.",
    "la_not_listed": "The local authority's code is not in the list; it is kept.",
    "postcode": "The postcode does not have a known shape.",
    "no_child": "No child is described; the concern is routed with the child unknown.",
    "too_many_children": "Only the first 200 children were read; a person must read the rest.",
    "ref_repeated": "Two children had the same ref; the later one was renamed.",
    "more_issues": "There are more issues than are listed; a person must read what was sent.",
    "no_concern": "Neither a concern type nor a narrative was given.",
}

READ_WELL = frozenset(
    [
        "read_as",
        "read_as_number",
        "read_as_text",
        "read_as_date",
        "read_as_list",
        "read_from_another_place",
        "read_from_another_name",
        "month_first",
        "date_only",
        "no_zone",
        "body_is_text",
        "body_is_a_list",
        "media_removed",
    ]
)


# All of them travel with each child's event, and an event that is too large would never leave.
MOST_ISSUES = 1000


@dataclass(frozen=True, slots=True)
class Issue:
    pointer: str
    issue: str

    @property
    def detail(self) -> str:
        return SENTENCES[self.issue]

    @property
    def needs_a_person(self) -> bool:
        return self.issue not in READ_WELL

    def as_json(self) -> dict[str, str]:
        return {"pointer": self.pointer, "issue": self.issue, "detail": self.detail}


class Issues:
    """Collects each issue once. Pointers are built by the reader from its own names."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], None] = {}

    def add(self, pointer: str, issue: str) -> None:
        if len(self._seen) >= MOST_ISSUES:
            pointer, issue = "", "more_issues"
        self._seen[(pointer, issue)] = None

    def __len__(self) -> int:
        return len(self._seen)

    def all(self) -> tuple[Issue, ...]:
        return tuple(Issue(pointer, issue) for pointer, issue in self._seen)
