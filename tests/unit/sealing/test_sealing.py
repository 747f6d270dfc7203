"""What is sealed opens for its purpose and its concern, and for nothing else."""

import base64
import json
import string
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwe
from joserfc.jwk import OKPKey

from shared.sealing import (
    KeyPurpose,
    KeysUnreadable,
    Opener,
    Purpose,
    SealBroken,
    Sealer,
    new_key,
)

CONCERN = "5f0c6f3e-9a52-4d0e-8a35-1f0a6f0d9b11"
OTHER = "0d4f8b5a-1c1d-4d62-8a0a-6a3f1b9d7c22"
SECRET = "the mark on the left arm, told on the way home"
MADE = datetime(2026, 4, 7, 9, tzinfo=UTC)


def write(file: Path, keys: list[dict[str, Any]]) -> Path:
    draft = file.with_suffix(".draft")
    draft.write_text(json.dumps({"keys": keys}))
    draft.replace(file)
    return file


class Ring:
    """The key files of a small deployment, rotated by hand."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.public: dict[str, dict[str, Any]] = {}
        self.private: dict[str, list[dict[str, Any]]] = {}
        for purpose in ("details", "contacts", "dead_letter"):
            self.rotate(purpose, f"{purpose}-1")

    def rotate(self, purpose: KeyPurpose, kid: str, later: int = 0) -> None:
        public, private = new_key(purpose, kid, MADE + timedelta(days=later))
        self.public[purpose] = public
        self.private.setdefault(purpose, []).append(private)
        write(self.directory / f"{purpose}.private", self.private[purpose])
        write(self.directory / "public", list(self.public.values()))

    def sealer(self) -> Sealer:
        return Sealer.from_files(self.directory / "public", recheck_seconds=0)

    def opener(self, *purposes: str) -> Opener:
        files = [self.directory / f"{purpose}.private" for purpose in purposes]
        return Opener.from_files(*files, recheck_seconds=0)


@pytest.fixture
def ring(tmp_path: Path) -> Ring:
    return Ring(tmp_path)


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Ring:
    return Ring(tmp_path_factory.mktemp("ring"))


def header_of(blob: str) -> dict[str, Any]:
    head = blob.split(".", maxsplit=1)[0]
    header: dict[str, Any] = json.loads(base64.urlsafe_b64decode(head + "==="))
    return header


def kid_of(blob: str) -> str:
    kid = header_of(blob)["kid"]
    assert isinstance(kid, str)
    return kid


@given(
    payload=st.binary(max_size=4096),
    purpose=st.sampled_from(["details", "contacts", "submission", "dead_letter"]),
    context=st.text(min_size=1, max_size=60).filter(lambda text: text.isprintable()),
)
@settings(max_examples=60, deadline=None)
def test_whatever_is_sealed_opens_to_the_same_bytes(
    lasting: Ring, payload: bytes, purpose: Purpose, context: str
) -> None:
    opener = lasting.opener("details", "contacts", "dead_letter")
    blob = lasting.sealer().seal(purpose, payload, context=context)
    assert opener.open(purpose, blob, context=context) == payload


@given(position=st.integers(0, 10_000), letter=st.sampled_from(string.ascii_letters + "-_."))
@settings(max_examples=150, deadline=None)
def test_a_blob_with_one_changed_letter_never_opens_to_other_bytes(
    lasting: Ring, position: int, letter: str
) -> None:
    blob = lasting.sealer().seal("details", SECRET.encode(), context=CONCERN)
    at = position % len(blob)
    changed = blob[:at] + letter + blob[at + 1 :]
    if changed == blob:
        return
    with pytest.raises(SealBroken):
        lasting.opener("details").open("details", changed, context=CONCERN)


def test_the_largest_body_that_intake_keeps_still_opens(ring: Ring) -> None:
    body = b"x" * 2 * 1024 * 1024
    blob = ring.sealer().seal("submission", body, context=CONCERN)
    assert ring.opener("details").open("submission", blob, context=CONCERN) == body


def test_what_is_too_large_to_open_again_is_not_sealed(ring: Ring) -> None:
    with pytest.raises(ValueError, match="impossible size"):
        ring.sealer().seal("details", b"x" * (8 * 1024 * 1024 + 1), context=CONCERN)


def test_notify_cannot_open_details_and_escalation_cannot_open_contacts(ring: Ring) -> None:
    details = ring.sealer().seal("details", b"a", context=CONCERN)
    contacts = ring.sealer().seal("contacts", b"b", context=CONCERN)
    escalation, notify = ring.opener("details"), ring.opener("contacts")
    with pytest.raises(SealBroken):
        notify.open("details", details, context=CONCERN)
    with pytest.raises(SealBroken):
        escalation.open("contacts", contacts, context=CONCERN)
    assert notify.open("contacts", contacts, context=CONCERN) == b"b"


def test_a_submission_does_not_pass_for_details_though_the_key_is_the_same(ring: Ring) -> None:
    blob = ring.sealer().seal("submission", b"raw", context=CONCERN)
    with pytest.raises(SealBroken):
        ring.opener("details").open("details", blob, context=CONCERN)


def test_what_is_sealed_together_opens_each_for_itself_alone(ring: Ring) -> None:
    """One key agreement a submission and key; wrapping keys, content keys and nonces never."""
    sealed = [
        (purpose, context, purpose.encode() + context.encode())
        for purpose in ("submission", "details", "contacts")
        for context in ("concern-1", "concern-2")
    ]
    together = ring.sealer().together()
    blobs = [together.seal(p, payload, context=c) for p, c, payload in sealed]  # type: ignore[arg-type]
    for nr, (purpose, context, payload) in enumerate(sealed):
        opener = ring.opener("contacts" if purpose == "contacts" else "details")
        assert opener.open(purpose, blobs[nr], context=context) == payload  # type: ignore[arg-type]
        for other in blobs[:nr] + blobs[nr + 1 :]:
            with pytest.raises(SealBroken):
                opener.open(purpose, other, context=context)  # type: ignore[arg-type]
    for part in (1, 2):  # wrapped content key, nonce
        assert len({blob.split(".")[part] for blob in blobs}) == len(blobs)
    another = ring.sealer().seal("details", b"", context="concern-1")
    ephemeral = {header_of(blob)["epk"]["x"] for blob in blobs}
    assert len(ephemeral) == 2
    assert header_of(another)["epk"]["x"] not in ephemeral


def test_a_blob_moved_to_another_concern_does_not_open(ring: Ring) -> None:
    blob = ring.sealer().seal("details", b"a", context=CONCERN)
    with pytest.raises(SealBroken):
        ring.opener("details").open("details", blob, context=OTHER)


def test_a_blob_whose_header_is_rewritten_for_another_concern_does_not_open(ring: Ring) -> None:
    head, rest = ring.sealer().seal("details", b"a", context=CONCERN).split(".", 1)
    header = json.loads(base64.urlsafe_b64decode(head + "==="))
    header["apu"] = base64.urlsafe_b64encode(OTHER.encode()).rstrip(b"=").decode()
    forged = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    with pytest.raises(SealBroken):
        ring.opener("details").open("details", f"{forged}.{rest}", context=OTHER)


def test_the_public_keys_alone_open_nothing(ring: Ring) -> None:
    with pytest.raises(KeysUnreadable):
        Opener.from_files(ring.directory / "public")


def test_a_sealer_refuses_to_be_given_private_keys(ring: Ring) -> None:
    with pytest.raises(KeysUnreadable):
        Sealer.from_files(ring.directory / "details.private")


def test_after_a_rotation_the_new_key_seals_and_the_old_blobs_open(ring: Ring) -> None:
    sealer, opener = ring.sealer(), ring.opener("details")
    before = sealer.seal("details", b"before", context=CONCERN)
    ring.rotate("details", "details-2", later=1)
    after = sealer.seal("details", b"after", context=CONCERN)
    assert (kid_of(before), kid_of(after)) == ("details-1", "details-2")
    assert opener.open("details", before, context=CONCERN) == b"before"
    assert opener.open("details", after, context=CONCERN) == b"after"


def test_of_two_public_keys_for_a_purpose_the_newest_seals(ring: Ring) -> None:
    old = ring.public["details"]
    ring.rotate("details", "details-2", later=1)
    write(ring.directory / "public", [ring.public["details"], old])
    assert kid_of(ring.sealer().seal("details", b"a", context=CONCERN)) == "details-2"


def test_a_blob_of_a_retired_key_does_not_open(ring: Ring) -> None:
    blob = ring.sealer().seal("details", b"a", context=CONCERN)
    opener = ring.opener("details")
    ring.rotate("details", "details-2", later=1)
    write(ring.directory / "details.private", ring.private["details"][1:])
    with pytest.raises(SealBroken):
        opener.open("details", blob, context=CONCERN)


def test_a_key_file_that_breaks_leaves_the_last_good_keys_in_use(ring: Ring) -> None:
    sealer = ring.sealer()
    (ring.directory / "public").write_text('{"keys": [{"kty"')
    assert kid_of(sealer.seal("details", b"a", context=CONCERN)) == "details-1"
    (ring.directory / "public").unlink()
    assert kid_of(sealer.seal("details", b"a", context=CONCERN)) == "details-1"


@pytest.mark.parametrize(
    "change",
    [{"kty": "oct"}, {"use": "sig"}, {"purpose": "all"}, {"created": "2026-04-07"}, {"kid": "a b"}],
)
def test_a_start_with_a_key_of_another_kind_is_refused(ring: Ring, change: dict[str, str]) -> None:
    write(ring.directory / "public", [ring.public["details"] | change])
    with pytest.raises(KeysUnreadable):
        ring.sealer()


def test_a_purpose_without_a_key_is_an_error_not_an_open_letter(ring: Ring) -> None:
    write(ring.directory / "public", [ring.public["details"]])
    with pytest.raises(KeysUnreadable):
        ring.sealer().seal("contacts", b"a", context=CONCERN)


@pytest.mark.parametrize("extra", [{"zip": "DEF"}, {"cty": "JWE"}, {"jku": "https://evil.example"}])
def test_a_blob_with_a_header_we_never_write_stays_closed(
    ring: Ring, extra: dict[str, str]
) -> None:
    key = OKPKey.import_key(
        {name: ring.public["details"][name] for name in ("kty", "crv", "x", "use", "kid")}
    )
    context = base64.urlsafe_b64encode(CONCERN.encode()).rstrip(b"=").decode()
    header = {
        "alg": "ECDH-ES+A256KW",
        "enc": "A256GCM",
        "kid": "details-1",
        "apu": context,
        "apv": base64.urlsafe_b64encode(b"details").rstrip(b"=").decode(),
    }
    forged = jwe.encrypt_compact(
        header | extra, b"0" * 100_000, key, algorithms=["ECDH-ES+A256KW", "A256GCM", "DEF"]
    )
    with pytest.raises(SealBroken):
        ring.opener("details").open("details", forged, context=CONCERN)


@pytest.mark.parametrize(
    "blob",
    ["", ".", "....", "é.a.b.c.d", "bnVsbA.a.b.c.d", "W10.a.b.c.d", "e30.a.b.c.d", SECRET],
)
def test_what_is_no_seal_at_all_is_broken_and_nothing_more(ring: Ring, blob: str) -> None:
    with pytest.raises(SealBroken):
        ring.opener("details").open("details", blob, context=CONCERN)


def test_the_error_tells_nothing_of_what_was_sealed_nor_why(ring: Ring) -> None:
    blob = ring.sealer().seal("details", SECRET.encode(), context=CONCERN)
    with pytest.raises(SealBroken) as caught:
        ring.opener("details").open("details", blob[:-4] + "AAAA", context=CONCERN)
    told = "".join(traceback.format_exception(caught.value))
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    assert SECRET not in told
    assert blob[:40] not in told


def test_the_error_of_a_bad_key_file_does_not_quote_the_key(ring: Ring) -> None:
    private = ring.private["details"][0]
    write(ring.directory / "details.private", [private | {"x": "short"}])
    with pytest.raises(KeysUnreadable) as caught:
        ring.opener("details")
    assert private["d"] not in "".join(traceback.format_exception(caught.value))
