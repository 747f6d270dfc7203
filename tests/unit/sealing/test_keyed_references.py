"""Keyed hashes stand for accounts and for what two concerns about a child share."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.sealing import account_ref, match_key

SECRET = b"a secret of the deployment, 32+ bytes"


@given(st.text(st.characters(), max_size=100))
@settings(deadline=None)
def test_a_reference_is_stable_and_safe_in_a_topic(account: str) -> None:
    reference = account_ref(SECRET, account)
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", reference)
    assert reference == account_ref(SECRET, account)


def test_an_account_and_a_match_on_the_same_text_are_not_the_same() -> None:
    text = "A801203421234"
    keys = {
        account_ref(SECRET, text),
        match_key(SECRET, "upn", text),
        match_key(SECRET, "address", text),
        match_key(SECRET[::-1], "upn", text),
    }
    assert len(keys) == 4


def test_a_short_secret_is_refused_because_identifiers_can_be_guessed() -> None:
    with pytest.raises(ValueError, match="at least 32"):
        account_ref(b"short", "demo")
