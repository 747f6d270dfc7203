"""For any words and any media: the words stay, the media go, however the bytes are cut."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from intake.reading import MediaFilter, without_media
from tests.unit.intake.reading.media_samples import WAYS, noise

LETTERS = st.characters(whitelist_categories=("Lu", "Ll"), max_codepoint=0x17F)
WORDS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=14)
NAMES = st.builds(str.capitalize, WORDS) | st.text(LETTERS, min_size=1, max_size=12)
IDS = (
    st.uuids().map(str)
    | st.from_regex(r"[A-HJ-NP-RT-Z][0-9]{12}", fullmatch=True)
    | st.from_regex(r"[A-Z]{2,5}-[0-9]{3,6}", fullmatch=True)
    | st.from_regex(r"[a-z0-9]{8,32}", fullmatch=True)
    | st.dates().map(str)
    | st.integers(0, 10**9).map(str)
)
MARKS = st.sampled_from([". ", ", ", "; ", "? ", "! ", " - ", " (", ") ", ' "', "’s ", "\n", " "])
PROSE = st.lists(st.tuples(st.one_of(WORDS, WORDS, WORDS, NAMES, IDS), MARKS), max_size=120).map(
    lambda parts: "".join(word + mark for word, mark in parts)
)


@settings(deadline=None, max_examples=150)
@given(PROSE, st.booleans())
def test_what_people_write_is_never_eaten(prose: str, plain: bool) -> None:
    sent = json.dumps({"narrative": prose, "facts": {"n": [1, 2]}}, ensure_ascii=plain).encode()
    assert without_media(sent) == (sent, 0)


@settings(deadline=None, max_examples=70)
@given(
    st.sampled_from(sorted(WAYS)), st.integers(400, 3000), st.integers(0, 10**6), PROSE, st.data()
)
def test_media_in_any_dress_go_and_words_stay(
    way: str, size: int, seed: int, prose: str, data: st.DataObject
) -> None:
    before, after = f"{prose} They said: ", f" And then she told me {prose}"
    sent = json.dumps({"narrative": before + WAYS[way](noise(size, seed)) + after}).encode()
    cut = data.draw(st.integers(0, len(sent)))
    media = MediaFilter()
    media.feed(sent[:cut])
    media.feed(sent[cut:])
    kept = media.finish()
    assert kept == without_media(sent)[0]
    text = json.loads(kept, strict=False)["narrative"]
    assert text.startswith(before.rstrip())
    assert text.rstrip().endswith(after.strip())
    assert len(text) < len(before + after) + 120


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.binary(max_size=300) | st.sampled_from([b'"', b"\\", b"data:image/png;base64,"]))
)
def test_any_chunks_are_filtered_as_the_whole_is(chunks: list[bytes]) -> None:
    media = MediaFilter()
    for chunk in chunks:
        media.feed(chunk)
    assert media.finish() == without_media(b"".join(chunks))[0]
