"""Sameness of bodies and of children, for idempotency and amendments."""

from hypothesis import given
from hypothesis import strategies as st

from intake.reading import (
    body_digest,
    children_fingerprint,
    derived_idempotency_key,
    read_submission,
    same_children,
    without_media,
)  # fmt: skip
from tests.unit.intake.reading.bodies import RECEIVED, SCHEMA, body, read

ONE = [("upn", "u1"), ("name_dob", "n1"), ("address", "a1")]
SIBLING = [("upn", "u2"), ("name_dob", "n2"), ("address", "a1")]
KEYS = st.lists(
    st.tuples(st.sampled_from(["upn", "nhs", "name_dob", "address"]), st.text("ab", min_size=1)),
    unique_by=lambda key: key[0],
)


def test_spacing_and_order_do_not_change_a_body() -> None:
    first = read(b'{"facts":{"weapon":"yes"},"narrative":"x"}').raw
    second = read(b'{ "narrative": "x",\n "facts": {"weapon": "yes"} }').raw
    assert body_digest(first) == body_digest(second)
    assert body_digest(first) != body_digest(read(body()).raw)


def test_the_same_body_with_other_media_is_the_same() -> None:
    digests = set()
    for filling in ("iVBORw0KGgoAAAANSUhEUg" * 40, "/9j/4AAQSkZJRgABAQ" * 50):
        kept, _ = without_media(b'{"narrative":"x","photo":"' + filling.encode() + b'"}')
        digests.add(body_digest(read_submission(kept, SCHEMA, received_at=RECEIVED).raw))
    assert len(digests) == 1


def test_a_derived_key_belongs_to_one_record_and_body() -> None:
    assert derived_idempotency_key("a", "d") == derived_idempotency_key("a", "d")
    assert derived_idempotency_key("a", "d") != derived_idempotency_key("b", "d")
    assert derived_idempotency_key(None, "d") != derived_idempotency_key("a", "d")


def test_siblings_at_one_address_are_two_children() -> None:
    assert children_fingerprint([ONE]) != children_fingerprint([SIBLING])
    assert not same_children([ONE], [SIBLING])
    assert same_children([ONE, SIBLING], [SIBLING, ONE])


def test_a_child_with_one_more_number_is_still_the_same_child() -> None:
    assert same_children([[("name_dob", "n1")]], [ONE])
    assert not same_children([[("upn", "u9"), ("name_dob", "n1")]], [ONE])


def test_an_unknown_child_is_never_the_same() -> None:
    assert children_fingerprint([[]]) is None
    assert children_fingerprint([ONE, [("address", "a1")]]) is None
    assert not same_children([[]], [[]])
    assert not same_children([], [])


@given(st.lists(KEYS, min_size=1, max_size=3))
def test_the_order_of_children_and_keys_does_not_matter(
    children: list[list[tuple[str, str]]],
) -> None:
    turned = [keys[::-1] for keys in children][::-1]
    assert children_fingerprint(children) == children_fingerprint(turned)
