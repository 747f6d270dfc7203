"""Looks for strings, and for what is sealed, in all that a running house leaves on its disks."""

import base64
import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import asyncpg

from shared.sealing import Opener, Purpose, SealBroken

_SEALED = re.compile(rb"eyJ[\w-]+\.[\w-]+\.[\w-]+\.[\w-]+\.[\w-]+")
_RUN = re.compile(rb"[\w.-]{48,}")
_HEX = re.compile(r"\\+x([0-9a-f]{8,})")
# A row that is too wide for its page is stored in parts of some two thousand bytes: a sealed text
# is looked for by pieces that are far shorter.
_PIECE = 48
# A broker's indexes: offsets and times in ten megabytes of zeros.
_NUMBERS = (".index", ".timeindex")


@dataclass(frozen=True)
class Sealed:
    """A sealed text, the context it is bound to, and what is in it if any key opens it."""

    text: str
    context: str
    content: bytes | None

    def tells_of(self, words: Iterable[str]) -> bool:
        content = (self.content or b"").lower()
        # A dead letter holds its record as hex.
        return self.context in words or any(
            word.lower().encode() in content or word.encode().hex().encode() in content
            for word in words
        )

    def pieces(self) -> list[bytes]:
        """Without the header, of which every text sealed with the same key has much in common."""
        text = self.text.partition(".")[2].encode()
        return [text[at : at + _PIECE] for at in range(0, len(text) - _PIECE, _PIECE)]


def files_below(*places: Path) -> list[Path]:
    below = [file for place in places for file in (place, *sorted(place.rglob("*")))]
    return [file for file in below if file.is_file() and file.suffix not in _NUMBERS]


def read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""  # a server works there: it was deleted just now


def found(words: Iterable[str], files: Iterable[Path]) -> set[tuple[str, str]]:
    """Which of the words are where, in clear or in a form that anyone can read back."""
    wanted = [(word, _forms(word)) for word in words]
    finds = set()
    for file in files:
        data = read(file)
        lower = data.lower()
        for word, forms in wanted:
            if word.lower().encode() in lower or any(form in data for form in forms):
                finds.add((word, str(file)))
    return finds


def in_text(words: Iterable[str], text: str) -> set[str]:
    lower = text.lower()
    return {word for word in words if word.lower() in lower}


def _forms(word: str) -> list[bytes]:
    """As hex, and as base64 wherever in a longer text the word may stand."""
    raw = word.encode()
    forms = [raw.hex().encode()]
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + raw).rstrip(b"=")
        # The first and the last characters depend on the neighbours.
        forms.append(coded[(0, 2, 3)[before] : -1])
    return forms


def remains(sealed: Iterable[Sealed], files: Iterable[Path]) -> set[tuple[str, str]]:
    """Of which sealed texts there is still a piece, and where."""
    pieces = {piece: one.text[-12:] for one in sealed for piece in one.pieces()}
    finds = set()
    for file in files:
        runs = b" ".join(_RUN.findall(read(file)))
        finds |= {(name, str(file)) for piece, name in pieces.items() if piece in runs}
    return finds


def sealed_in(files: Iterable[Path], opener: Opener) -> Iterator[Sealed]:
    """Every sealed text that is whole in a file, opened if any key opens it."""
    texts = {text for file in files for text in _SEALED.findall(read(file))}
    yield from (opened(text.decode(), opener) for text in texts)


async def sealed_in_tables(dsn: str, opener: Opener) -> list[Sealed]:
    text = "\n".join([row async for row in rows_as_text(dsn)])
    return [opened(one.decode(), opener) for one in set(_SEALED.findall(text.encode()))]


async def rows_as_text(dsn: str) -> AsyncIterator[str]:
    """Every row of every table of ours; bytes as the text that they are."""
    connection = await asyncpg.connect(dsn)
    try:
        tables = await connection.fetch(
            "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables "
            "WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        for table in tables:
            for row in await connection.fetch(f"SELECT t::text AS row FROM {table['name']} t"):
                yield f"{table['name']} {_HEX.sub(_as_text, row['row'])}"
    finally:
        await connection.close()


def _as_text(coded: re.Match[str]) -> str:
    digits = coded[1][: len(coded[1]) // 2 * 2]
    return bytes.fromhex(digits).decode("utf-8", "replace")


def opened(text: str, opener: Opener) -> Sealed:
    """Asked in the purpose and context that it names itself: with every key, for anyone."""
    try:
        head = text.split(".", 1)[0]
        header: Mapping[str, str] = json.loads(_decoded(head))
        context, purpose = _decoded(header["apu"]).decode(), _decoded(header["apv"]).decode()
    except (ValueError, KeyError):
        return Sealed(text, "", None)
    try:
        content = opener.open(cast(Purpose, purpose), text, context=context)
    except SealBroken:
        return Sealed(text, context, None)
    return Sealed(text, context, content)


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
