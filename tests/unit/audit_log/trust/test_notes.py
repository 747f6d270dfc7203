"""Notes and keys: read as the specification's own example has them, and nothing else is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_log.trust.notes import MAX_SIGNATURES, Note, Signature, parse_note
from audit_log.trust.plain import Malformed, decimal, from_base64, hash_of
from audit_log.trust.signatures import BadSignature, signed_by, vouchers
from audit_log.trust.signers import parse_signer, sign_note, signer
from audit_log.trust.vkeys import (
    COSIGNATURE_ED25519,
    COSIGNATURE_ML_DSA_44,
    ED25519,
    VerifierKey,
    parse_vkey,
)

# The worked example of C2SP signed-note.
VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
NOTE = (
    "This is an example message.\n\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRK"
    "uwHjG1Yu72IneyaQM=\n"
).encode()
ALGORITHMS = (ED25519, COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44)
BODY = "log.example/handrail\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"


def test_the_specifications_own_note_is_verified() -> None:
    key = parse_vkey(VKEY)
    assert (str(key), key.key_id.hex()) == (VKEY, "530d903a")
    assert [one.key for one in vouchers(parse_note(NOTE), [key])] == [key]


def test_a_note_changed_by_one_letter_is_refused_whole() -> None:
    changed = parse_note(NOTE.replace(b"example message", b"exemple message"))
    with pytest.raises(BadSignature):
        vouchers(changed, [parse_vkey(VKEY)])


def test_a_signature_of_an_unknown_key_says_nothing_and_spoils_nothing() -> None:
    key = parse_vkey(VKEY)
    stranger = Signature("example.com/foo", b"\0\0\0\1", b"anything at all")
    note = parse_note(NOTE).with_signatures(stranger)
    assert signed_by(note, key)
    assert not signed_by(Note(note.text, (stranger,)), key)


def test_one_bad_signature_of_a_known_key_spoils_the_note_beside_a_good_one() -> None:
    key = parse_vkey(VKEY)
    bad = Signature(key.name, key.key_id, bytes(64))
    with pytest.raises(BadSignature):
        vouchers(parse_note(NOTE).with_signatures(bad), [key])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_a_key_signs_its_verifier_accepts_and_no_other_text(algorithm: int) -> None:
    ours = signer("log.example/handrail", algorithm)
    note = parse_note(bytes(sign_note(BODY, (ours,), 1_700_000_000)))
    (vouched,) = vouchers(note, [ours.key])
    assert vouched.at == (None if algorithm == ED25519 else 1_700_000_000)
    other = Note(note.text.replace("\n0\n", "\n1\n"), note.signatures)
    with pytest.raises(BadSignature):
        vouchers(other, [ours.key])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_key_is_read_back_from_its_line_and_its_secret_is_not_shown(algorithm: int) -> None:
    ours = signer("log.example/handrail", algorithm)
    again = parse_signer(ours.line())
    assert again.key == ours.key == parse_vkey(str(ours.key))
    assert ours.line()[-20:] not in repr(ours)


def test_a_cosignature_from_after_the_end_of_time_is_refused() -> None:
    ours = signer("witness.example/a", COSIGNATURE_ED25519)
    late = Signature(ours.key.name, ours.key.key_id, b"\xff" * 72)
    with pytest.raises(BadSignature):
        vouchers(Note(BODY, (late,)), [ours.key])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+530d903a",
        VKEY.replace("530d903a", "530d903b"),
        VKEY.replace("530d903a", "530D903A"),
        VKEY + "=",
        VKEY.replace("+Aeky", "+Ceky"),
        "example.com/foo bar" + VKEY.removeprefix("example.com/foo"),
        "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+",
    ],
)
def test_what_is_no_verifier_key_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_vkey(text)


@pytest.mark.parametrize("text", ["", "PRIVATE+KEY+a", "PRIVATE+KEY+a+00000000+AQ==", VKEY])
def test_what_is_no_signing_key_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_signer(text)


def test_a_signing_key_under_another_name_is_refused() -> None:
    line = signer("log.example/a", ED25519).line()
    with pytest.raises(Malformed, match="id"):
        parse_signer(line.replace("log.example/a", "log.example/b"))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"text\n\nno dash\n",
        NOTE[:-1],
        NOTE.replace("—".encode(), b"-"),
        NOTE.replace(b"example message", b"example\tmessage"),
        NOTE.replace(b"example message", b"\xff"),
        NOTE.replace(b"aQM=\n", b"aQM=\n\xe2\x80\x94 name AAAA\n"),
        NOTE + b"\xe2\x80\x94 a+b AAAAAAAA\n",
        NOTE + "— x AAAAAAAA\n".encode() * MAX_SIGNATURES,
        bytes(600_000),
    ],
)
def test_what_is_no_note_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        parse_note(data)


def test_the_text_may_have_empty_lines_of_its_own() -> None:
    note = parse_note(b"one\n\ntwo\n\n\xe2\x80\x94 a AAAAAAAA\n")
    assert note.text == "one\n\ntwo\n"


def test_sixteen_signatures_are_read() -> None:
    lines = "".join(f"— w{number} AAAAAAAA\n" for number in range(16))
    assert len(parse_note(f"text\n\n{lines}".encode()).signatures) == 16


lines = st.text(st.characters(min_codepoint=0x20, exclude_categories=["Cs"]), min_size=1)
names = lines.filter(lambda text: "+" not in text and not any(map(str.isspace, text)))
signatures = st.builds(Signature, names, st.binary(min_size=4, max_size=4), st.binary(min_size=1))
notes = st.builds(
    Note,
    st.lists(lines, min_size=1).map(lambda found: "".join(f"{line}\n" for line in found)),
    st.lists(signatures, min_size=1, max_size=5).map(tuple),
)


@given(notes)
def test_every_note_is_read_as_it_was_written(note: Note) -> None:
    assert parse_note(bytes(note)) == note


@given(st.binary())
def test_anything_else_is_refused_and_never_an_error_of_ours(data: bytes) -> None:
    try:
        note = parse_note(data)
    except Malformed:
        return
    assert bytes(note) == data


@pytest.mark.parametrize("text", ["", "01", "-1", "+1", " 1", "1_0", "٣", "9" * 19, "9" * 40])
def test_a_number_has_one_spelling(text: str) -> None:
    with pytest.raises(Malformed):
        decimal(text)


@pytest.mark.parametrize("text", ["a", "AA=", "AB==", "AA==\n", "A A=", "AA==AA==", "_-__", "ä==="])
def test_base64_has_one_spelling(text: str) -> None:
    with pytest.raises(Malformed):
        from_base64(text)


def test_a_hash_has_its_length_and_a_key_its_own() -> None:
    with pytest.raises(Malformed):
        hash_of("AAAA")
    with pytest.raises(Malformed):
        VerifierKey("a", ED25519, bytes(31))
    with pytest.raises(Malformed):
        VerifierKey("a", 2, bytes(32))
    with pytest.raises(Malformed):
        signer("a", ED25519, b"short")
