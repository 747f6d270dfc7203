"""Where a log is read from: an address, or a directory laid out as the address is."""

from pathlib import Path
from typing import Protocol

import httpx2

from audit_log.trust.bundles import bundle, unbundle
from audit_log.trust.notes import MAX_BYTES, Note, parse_note
from audit_log.trust.plain import HASH_BYTES, Malformed
from audit_log.trust.tilepaths import ENTRIES, Tile

_SECONDS = 20.0
# A full bundle of the longest entries; more than that is no answer of a log.
_MAX_ANSWER = 256 * 65_537


class Unreachable(Exception):
    """The log cannot be read there, in a sentence for whoever asked."""


class Source(Protocol):
    def get(self, path: str) -> bytes | None:
        """The file, or None where the log has none there. Raises `Unreachable`."""


class Directory:
    def __init__(self, place: Path) -> None:
        self.place = place

    def get(self, path: str) -> bytes | None:
        try:
            return (self.place / path).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise Unreachable(f"{self.place / path} cannot be read") from error


class Address:
    """token: an auditor's, for entries; hashes and checkpoints are anyone's."""

    def __init__(self, url: str, token: str | None = None) -> None:
        headers = {"Accept-Encoding": "gzip, identity"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._url = url.rstrip("/")
        self._client = httpx2.Client(headers=headers, timeout=_SECONDS)

    def get(self, path: str) -> bytes | None:
        address = f"{self._url}/{path}"
        try:
            answer = self._client.get(address)
        except httpx2.HTTPError as error:
            raise Unreachable(f"{self._url} does not answer") from error
        if answer.status_code == httpx2.codes.NOT_FOUND:
            return None
        if answer.status_code in (httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN):
            raise Unreachable(f"{address} needs an auditor's token: put one into HANDRAIL_TOKEN")
        if answer.status_code != httpx2.codes.OK or len(answer.content) > _MAX_ANSWER:
            raise Unreachable(f"{address} answered {answer.status_code}")
        return answer.content

    def close(self) -> None:
        self._client.close()

    def json(self, path: str, **query: str | int) -> object:
        try:
            answer = self._client.get(f"{self._url}/{path}", params=query)
            if answer.status_code != httpx2.codes.OK:
                raise Unreachable(f"{self._url}/{path} answered {answer.status_code}")
            return answer.json()
        except (httpx2.HTTPError, ValueError) as error:
            raise Unreachable(f"{self._url}/{path} gave no answer to read") from error


def read_checkpoint(source: Source) -> Note:
    data = source.get("checkpoint")
    if data is None:
        raise Unreachable("there is no checkpoint: the log has signed nothing yet, or is not here")
    if len(data) > MAX_BYTES:
        raise Malformed("the checkpoint is too long")
    return parse_note(data)


def read_tile(source: Source, tile: Tile) -> bytes | None:
    """The tile or bundle. Of a partial one that is gone the full one's beginning is as good."""
    data = source.get(f"tile/{tile.path()}")
    if data is not None or tile.full:
        return data
    full = source.get(f"tile/{Tile(tile.level, tile.number).path()}")
    if full is None:
        return None
    if tile.level == ENTRIES:
        return bundle(unbundle(full)[: tile.width])
    return full[: tile.width * HASH_BYTES]
