"""Where a sign-in may lead: our own paths, whatever else is asked for."""

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.web.signin.back import safe_back


@pytest.mark.parametrize("path", ["/triage", "/triage/MASH/821?after=x-_&b=1", "/audit/", "/"])
def test_a_path_of_ours_is_kept(path: str) -> None:
    assert safe_back(path, "/home") == path


@given(st.text(max_size=40) | st.text("/\\.:@?#%htps\t\r\n", max_size=20))
def test_whatever_is_asked_for_stays_on_our_origin(asked: str) -> None:
    led = urljoin("https://ours.example/escalation/sign-in", safe_back(asked, "/home"))
    assert urlsplit(led).netloc == "ours.example"
    assert "\\" not in led
    assert not any(ord(letter) < 33 for letter in led)
