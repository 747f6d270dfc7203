"""Numbers of people and places: checked, never a reason to refuse."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.reading.identity import (
    address,
    check_la,
    check_nhs_number,
    check_upn,
    check_urn,
    folded,
    name_and_birth,
    postcode_of,
)  # fmt: skip
from tests.unit.intake.reading.bodies import body, child, issues, only, read


@pytest.mark.parametrize(
    "upn",
    ["B801200005001", "H886210012001", "K821400109002", "D926300812345", "B926300899999",
     "U88621001200A", "T82140010900Z", "P207000016049"],
)  # fmt: skip
def test_a_right_upn_has_no_issue(upn: str) -> None:
    assert check_upn(upn) == (upn, None)
    assert check_upn(f" {upn.lower()} ") == (upn, None)


@pytest.mark.parametrize(
    ("upn", "issue"),
    [("A801200005001", "upn_check_letter"), ("Q207000016049", "upn_check_letter"),
     ("X80120000A001", "upn_shape"), ("I801200005001", "upn_shape"), ("B80120000500", "upn_shape"),
     ("B80120000500١", "upn_shape"), ("", "upn_shape")],
)  # fmt: skip
def test_a_wrong_upn_is_an_issue(upn: str, issue: str) -> None:
    assert check_upn(upn)[1] == issue


def test_nhs_numbers_are_checked_by_their_digit() -> None:
    assert check_nhs_number("999 000 0018") == ("9990000018", None)
    assert check_nhs_number("9434765919") == ("9434765919", None)
    assert check_nhs_number("9434765918") == (None, "nhs_number")
    assert check_nhs_number("0000000000") == (None, "nhs_number")
    assert check_nhs_number("12345") == (None, "nhs_number")


@given(st.integers(0, 999_999_999))
def test_an_nhs_number_has_at_most_one_right_digit(first: int) -> None:
    right = [d for d in "0123456789" if check_nhs_number(f"{first:09d}{d}")[1] is None]
    assert len(right) <= 1


def test_authorities_are_codes_or_known_names() -> None:
    assert check_la("886") == ("886", None)
    assert check_la("Kent") == ("886", "read_as")
    assert check_la("Kent County Council") == ("886", "read_as")
    assert check_la("777") == ("777", "la_not_listed")
    assert check_la("8866") == (None, "la_shape")


def test_a_urn_is_six_digits() -> None:
    assert check_urn("999001") == ("999001", None)
    assert check_urn("99900") == (None, "urn_shape")
    assert check_urn("٩٩٩٠٠١") == (None, "urn_shape")


def test_bad_numbers_are_kept_flagged_and_routed() -> None:
    bad = child(upn="A801200005001", nhs_number="1", home_la="Atlantis")
    bad["address"]["postcode"] = "nowhere"
    submission = read(body(children=[bad]))
    assert len(submission.subjects) == 1
    assert {
        ("/children/0/upn", "upn_check_letter"),
        ("/children/0/nhs_number", "nhs_number"),
        ("/children/0/home_la", "la_shape"),
        ("/children/0/address", "postcode"),
    } <= issues(submission)
    assert only(submission).details["child"]["nhs_number"] == "1"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Zoë", "O'Brien"), ("ZOE", "OBRIEN")),
        (("Robin", "Smith-Jones"), ("robin", "Smith Jones")),
        (("Łukasz", "Øster"), ("Lukasz", "Oster")),
        (("Example", "Robin"), ("Robin", "Example")),
        (("Robin Example", ""), ("Robin", "Example")),
        (("José", "Núñez"), ("Jose\u0301", "Nun\u0303ez")),
    ],
)
def test_the_same_child_written_differently_is_the_same(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    born = date(2012, 5, 1)
    assert name_and_birth(*one, born) == name_and_birth(*other, born)
    assert name_and_birth(*one, date(2012, 5, 2)) != name_and_birth(*one, born)


def test_a_name_alone_matches_nobody() -> None:
    assert name_and_birth("Robin", "Example", None) is None


def test_addresses_written_differently_are_the_same() -> None:
    whole = address("12 High St., Sampleton, zz99 3ab")
    assert whole is not None
    assert whole == address({"line1": "12 HIGH STREET", "town": "Sampleton", "postcode": "ZZ993AB"})
    assert whole != address("13 High Street, Sampleton, ZZ99 3AB")
    assert address("Sampleton") is None
    assert address({"town": "Sampleton"}) is None


def test_a_postcode_has_a_known_shape() -> None:
    assert postcode_of("sw1a1aa") == "SW1A 1AA"
    assert postcode_of("12345") is None


def test_match_inputs_are_the_childs_numbers_name_and_address() -> None:
    assert dict(only(read(body())).match_inputs) == {
        "upn": "H886210012001",
        "name_dob": "example robin|2012-05-01",
        "address": "ZZ99 3AB|12 high street",
    }


@given(st.text())
def test_folding_a_name_twice_changes_nothing(name: str) -> None:
    assert folded(folded(name)) == folded(name)
