"""However a name of the case is written in a letter, it is found; general advice is not."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalation.disclosure.identifying import find, identifying_words

DETAILS = {
    "child": {"given_name": "Zoë", "family_name": "O'Brien-Lane", "dob": "2014-05-09"},
    "people": [{"name": "Bo Hale"}, {"name": "Thomas Smith"}],
    "school": {"name": "The Oakfield School", "urn": "999001"},
    "narrative": "On the way a man called Brannock waited by the canal near Marsh Farm estate.",
}
KNOWN = identifying_words([DETAILS])


def kinds(text: str, known: frozenset[str] = KNOWN) -> set[str]:
    found = find({"note": text}, known)
    assert all(text[one.start : one.end].strip() for one in found)
    return {one.kind for one in found}


@pytest.mark.parametrize(
    "text",
    [
        "zoe was there",
        "zoe\u0308 was there",
        "zoe's friends were there",
        "the zoes of this world",
        "z o e was there",
        "look for brien",
        "look for obrien",
        "look for o brien",
        "look for lane",
        "bo knows more",
        "look for smyth",
        "look for tomas",
        "look for mr hale",
        "keep away from oak field",
        "keep away from oak-field",
        "keep away from oakfield's gate",
        "it is number 999001",
        "born in 2014",
        "look for branock",
        "near marsh farm",
    ],
)
def test_a_name_of_the_case_is_found_however_it_is_written(text: str) -> None:
    assert "of_the_case" in kinds(text)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("they met in years 5 and 6", "year_group"),
        ("they met in year six", "year_group"),
        ("a pupil in ks2", "year_group"),
        ("a pupil aged 9", "age"),
        ("a nine year old", "age"),
        ("a 9-year-old", "age"),
        ("it happens on fridays", "day"),
        ("it was this morning", "day"),
        ("it began november 3rd", "date"),
        ("at three o'clock", "time"),
        ("do not open sunny-chat.com", "account"),
        ('the place called "Hartwell" is near', "name"),
        ("the place (Hartwell) is near", "name"),
        ("it was at Élancourt", "name"),
        ("pupil J saw it", "name"),
        ("look for zo\u200be", "unseen"),
    ],
)
def test_what_may_never_stand_in_a_letter_is_found(text: str, kind: str) -> None:
    assert kind in kinds(text, frozenset())


@pytest.mark.parametrize(
    "text",
    [
        "Please talk with your child about what they share, and with whom.",
        "Ask them to show you what they use. I know that it helps: the NSPCC's pages say how.",
        "Agree what to do when something worries them, and ring 999 in an emergency.",
        "Your child's safety online comes first.",
    ],
)
def test_general_advice_is_not(text: str) -> None:
    assert kinds(text) == set()


def test_a_story_written_without_capitals_tells_by_each_of_its_words() -> None:
    story = "a man called brannock waited at the gate of oakfield when they came out"
    known = identifying_words([{"narrative": story}])
    assert "of_the_case" in kinds("beware of brannock", known)


NAMES = st.text("abcdefghijklmnopqrstuvwxyzéèëïöüßñçøłåæœšž", min_size=4, max_size=12).map(
    str.capitalize
)
WRITTEN = st.sampled_from(
    [
        str,
        str.lower,
        str.upper,
        lambda name: unicodedata.normalize("NFD", name),
        lambda name: f"{name.lower()}'s",
        lambda name: f"{name.lower()[:2]} {name.lower()[2:]}",
        lambda name: f"{name.lower()[:3]}-{name.lower()[3:]}",
        lambda name: " ".join(name.lower()),
    ]
)


@given(NAMES, WRITTEN)
def test_no_way_to_write_a_childs_name_passes(name: str, written: object) -> None:
    assert callable(written)
    known = identifying_words([{"child": {"given_name": name}}])
    assert kinds(f"please look for {written(name)} now", known)
