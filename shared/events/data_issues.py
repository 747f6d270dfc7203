"""The data issues a concern can have: a code and a fixed sentence each, never a value. Pure."""

from collections.abc import Mapping
from typing import Final

SENTENCES: Final[Mapping[str, str]] = {
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
    # Said by the answer, which knows more than the body.
    "idempotency_key_missing": "No Idempotency-Key was sent; one was made from the body.",
    "idempotency_key_reused": (
        "This Idempotency-Key was used before for something else; this is a new concern."
    ),
    "school_not_in_register": "The school's URN is not in the register; its authority is unknown.",
    "school_la_differs": "The authority given for the school is not the register's.",
}

_READ_WELL: Final = frozenset(
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
        "idempotency_key_missing",
        "idempotency_key_reused",
    ]
)


def needs_a_person(issue: str) -> bool:
    """Whether someone has to look; a code that is not known here is never taken for harmless."""
    return issue not in _READ_WELL


def explained(issue: Mapping[str, str]) -> dict[str, str]:
    """The issue with its sentence; one that a newer producer knows of says that it is new."""
    sentence = SENTENCES.get(issue["issue"], "Something was read with doubt; see what was sent.")
    return {**issue, "detail": sentence}
