"""Media are dropped while a body is read; what people wrote is not."""

import base64
import json
import time
import uuid
from contextlib import suppress

import pytest

from intake.reading import MediaFilter, TooLarge, read_submission, without_media
from intake.reading.media import MOST_BYTES
from tests.unit.intake.reading.bodies import FULL, RECEIVED, SCHEMA, only
from tests.unit.intake.reading.media_samples import LINKS, TINY_GIF, WAYS, noise

BEFORE, AFTER = "She showed me this: ", " and was very upset by it."


def story(text: str, *, plain: bool = True, slashes: str = "/") -> bytes:
    return json.dumps({"narrative": text}, ensure_ascii=plain).replace("/", slashes).encode()


def told(body: bytes) -> str:
    kept, _ = without_media(body)
    return str(json.loads(kept, strict=False)["narrative"])


@pytest.mark.parametrize("slashes", ["/", "\\/", "\\u002f"])
@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("way", sorted(WAYS))
def test_media_are_dropped_and_the_words_around_them_kept(
    way: str, plain: bool, slashes: str
) -> None:
    sent = story(BEFORE + WAYS[way](noise(1500)) + AFTER, plain=plain, slashes=slashes)
    kept, dropped = without_media(sent)
    text = json.loads(kept, strict=False)["narrative"]
    assert dropped
    assert text.startswith(BEFORE.rstrip())
    assert text.endswith(AFTER.strip())
    assert len(text) < len(BEFORE + AFTER) + 60


@pytest.mark.parametrize("size", [1, 7, 64, 1000, 65_535, 65_536, 65_537])
@pytest.mark.parametrize(
    "way", ["base64", "base64 in lines", "hex in bytes", "data URI", "numbers"]
)
def test_chunks_change_nothing(way: str, size: int) -> None:
    sent = story(BEFORE + WAYS[way](noise(60_000 if size > 60 else 2_000)) + AFTER)
    media = MediaFilter()
    for start in range(0, len(sent), size):
        media.feed(sent[start : start + size])
    assert media.finish() == without_media(sent)[0]
    assert told(sent).endswith(AFTER.strip())


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("slashes", ["/", "\\/", "\\u002f"])
def test_links_to_media_are_dropped_and_the_json_stays_valid(link: str, slashes: str) -> None:
    assert told(story(f"See {link} please", slashes=slashes)) == "See [media removed] please"
    assert told(story(f"See ({link}), please", slashes=slashes)).startswith("See ([media removed]")


@pytest.mark.parametrize(
    "link",
    ["https://example.org/policy.html", "https://www.gov.uk/report-child-abuse?a=b#c",
     "www.ceop.police.uk", "https://example.org/jpg/about", "https://a.org/" + "a/long/path/" * 40],
)  # fmt: skip
def test_other_links_are_kept(link: str) -> None:
    text = f"See {link} and the file photo.jpg on her phone"
    assert told(story(text)) == text


def test_a_tiny_picture_is_known_by_how_it_begins() -> None:
    assert told(story(f"x {TINY_GIF} y")) == "x [media removed] y"


def test_what_escapes_hide_is_found_when_the_json_is_read() -> None:
    blob = base64.b64encode(noise(900)).decode()
    hidden = "".join(f"\\u{ord(char):04x}" for char in f"see {blob} now")
    kept, _ = without_media(b'{"narrative":"' + hidden.encode() + b'"}')
    submission = read_submission(kept, SCHEMA, received_at=RECEIVED)
    assert only(submission).details["narrative"] == "see [media removed] now"


def test_a_picture_cut_into_a_list_is_dropped() -> None:
    blob = base64.b64encode(noise(3000)).decode()
    pieces = [blob[i : i + 60] for i in range(0, len(blob), 60)]
    kept, _ = without_media(json.dumps({"photo": pieces, "bytes": list(noise(500))}).encode())
    submission = read_submission(kept, SCHEMA, received_at=RECEIVED)
    assert submission.raw == {"photo": ["[media removed]"], "bytes": [0]}


@pytest.mark.parametrize(
    ("sent", "content_type"),
    [
        (noise(5000), None),
        (b"\xff\xd8\xff\xe0" + noise(5000), "application/json"),
        (b"--x1\r\nContent-Type: image/png\r\n\r\n" + noise(50), None),
        (b'{"a":1}', "multipart/form-data; boundary=x"),
        (b'{"a":1}', "Image/PNG"),
    ],
)
def test_a_body_that_is_itself_media_is_dropped_whole(
    sent: bytes, content_type: str | None
) -> None:
    media = MediaFilter(content_type)
    media.feed(sent)
    assert media.finish() == b""
    assert media.whole_body_dropped
    assert media.dropped_media == 1


def test_raw_bytes_inside_json_are_dropped() -> None:
    sent = b'{"narrative":"He said so.","photo":"' + noise(4000) + b'","facts":{"weapon":"yes"}}'
    kept, dropped = without_media(sent)
    assert dropped
    assert json.loads(kept, strict=False)["facts"] == {"weapon": "yes"}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(FULL),
        json.dumps(FULL, indent=4),
        "H886210012001 K821400109002 " * 30,
        " ".join(str(uuid.UUID(int=n * 7**40 % 2**128)) for n in range(40)),
        "sha512: " + "0123456789abcdef" * 8,
        "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJzY2hvb2wtOTk5MDAxIiwic2NvcGUiOiJ4In0." + "a1B2-_" * 56,
        "child_on_child_sexual_harassment " * 20,
        "-" * 300 + "\n" + "=" * 300 + "\n" + "_" * 300,
        "N N O O / / \\ \\ L L " * 40,
        "2026-11-23, 2026-11-24, " * 40,
        "01632 960123, 07700 900456; " * 30,
        "S A R A H said n o t to tell. " * 10,
        "The child’s “words”: é, ñ, ł, 子供, العربية, 🙂 " * 30,
        "Aaaaaaaaaaaargh! " * 40 + "NOOOOOOOOO" * 30,
        "Robin.Example@school.example.org, Alex@school.example.org " * 20,
        "C:\\Users\\School\\Documents\\Safeguarding\\2026\\Concerns\\Robin Example.docx " * 10,
        '{"a":[1,2,3],"b":[true,false,null],"c":{"d":-1.5e3}}' * 30,
    ],
)  # fmt: skip
def test_ordinary_text_is_never_eaten(text: str) -> None:
    for plain in (True, False):
        sent = story(text, plain=plain)
        assert without_media(sent) == (sent, 0)


def test_what_remains_may_be_256_kib_and_no_more() -> None:
    fits = b'"' + b"word " * 52_000 + b'"'
    assert without_media(fits) == (fits, 0)
    with pytest.raises(TooLarge):
        without_media(b'"' + b"word " * 53_000 + b'"')


def test_a_large_picture_fits_and_more_than_25_mib_does_not() -> None:
    blob = base64.b64encode(noise(2_000_000)) * 9
    assert len(blob) < MOST_BYTES
    assert told(b'{"narrative":"See ' + blob + b'"}') == "See [media removed]"
    media = MediaFilter()
    for _ in range(25):
        media.feed(blob[:1_048_576])
    with pytest.raises(TooLarge):
        media.feed(b"x")


@pytest.mark.parametrize(
    "unit",
    [b"http://", b"data:", b"data:image/png;base64,", b"\\", b'"', b"\\u00", b"A ", b"00000000: ",
     b"eyJ", b"eyJaaaaa.", b"[", b"http://a.jpg ", b"\x00", b"\xc2", b"aB1", b"www.", b"12345678-",
     b"a:b;c,", b"9" * 40 + b" ", b"\\x41"],
)  # fmt: skip
def test_hostile_repetition_costs_no_more_than_its_length(unit: bytes) -> None:
    def cost(size: int) -> float:
        start = time.process_time()
        with suppress(TooLarge):
            without_media(unit * (size // len(unit)))
        return time.process_time() - start

    small, large = min(cost(60_000) for _ in range(3)), cost(240_000)
    assert large < 12 * small + 0.25


def test_the_filter_holds_a_bounded_amount() -> None:
    media = MediaFilter()
    blob = base64.b64encode(noise(600_000))
    media.feed(b'{"narrative":"')
    for start in range(0, len(blob), 5_000):
        media.feed(blob[start : start + 5_000])
        held = len(media._waiting) + len(media._blobs._held) + len(media._binary._pending)
        assert held <= 4 * 65_536
