"""Media as senders put them into text; all bytes are made up."""

import base64
import random
from collections.abc import Callable

PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"


def noise(size: int, seed: int = 1) -> bytes:
    return PNG + random.Random(seed).randbytes(size)


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _split(text: str, size: int, by: str) -> str:
    return by.join(text[i : i + size] for i in range(0, len(text), size))


WAYS: dict[str, Callable[[bytes], str]] = {
    "base64": _b64,
    "base64url": lambda d: base64.urlsafe_b64encode(d).decode(),
    "base64 without padding": lambda d: _b64(d).rstrip("="),
    "base64 in lines": lambda d: base64.encodebytes(d).decode(),
    "base64 in CRLF lines": lambda d: _split(_b64(d), 64, "\r\n"),
    "base64 in groups of four": lambda d: _split(_b64(d), 4, " "),
    "base64 in groups of three": lambda d: _split(_b64(d), 3, " "),
    "base64 in pairs": lambda d: _split(_b64(d), 2, " "),
    "base64 letter by letter": lambda d: _split(_b64(d), 1, " "),
    "base64 by tabs": lambda d: _split(_b64(d), 20, "\t"),
    "data URI": lambda d: "data:image/png;base64," + _b64(d),
    "data URI in capitals": lambda d: "DATA:IMAGE/PNG;BASE64," + _b64(d),
    "data URI in lines": lambda d: "data:image/png;base64,\n" + base64.encodebytes(d).decode(),
    "data URI percent": lambda d: "data:image/png," + "".join(f"%{b:02X}" for b in d),
    "data URI without type": lambda d: "data:;base64," + _b64(d),
    "hex": lambda d: d.hex(),
    "HEX": lambda d: d.hex().upper(),
    "hex in bytes": lambda d: d.hex(" "),
    "hex in lines": lambda d: _split(d.hex(), 32, "\n"),
    "hex with colons": lambda d: d.hex(":"),
    "hex as C": lambda d: ", ".join(f"0x{b:02x}" for b in d),
    "hex escaped": lambda d: "".join(f"\\x{b:02x}" for b in d),
    "percent": lambda d: "".join(f"%{b:02x}" for b in d),
    "numbers": lambda d: ", ".join(map(str, d)),
    "signed numbers": lambda d: ",".join(str(b - 128) for b in d),
    "bytes as characters": lambda d: d.decode("latin-1"),
}
TINY_GIF = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
LINKS = (
    "https://example.org/photos/a1.jpg",
    "http://example.org/a/b.PNG?size=large&x=1",
    "https://example.org/clip.mp4#t=3",
    "www.example.org/x.jpeg",
    "https://i.imgur.com/AbCdEf",
    "https://imgur.com/gallery/AbC",
    "https://cdn.discordapp.com/attachments/1/2/file",
    "https://photos.app.goo.gl/AbCdEf123",
    "https://example.org/a.jpg%3Fx=1",
)
