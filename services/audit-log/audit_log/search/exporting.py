"""Exports as a stream: line by line or as a table, each entry with its proof to one named tree."""

import csv
import io
from collections.abc import AsyncIterator
from typing import Final, Literal

from fastapi import Request
from fastapi.responses import StreamingResponse
from sqlmodel.ext.asyncio.session import AsyncSession

from audit_log.published import checkpoint
from audit_log.search.filters import Search
from audit_log.search.finding import count, find
from audit_log.search.proving import prove_all, tree_size
from audit_log.search.readers import Reader
from audit_log.search.recording import record_search
from audit_log.verifying.exports import COLUMNS, Row, as_cells, as_line
from shared.app import runtime_of
from shared.errors import Problem

Form = Literal["jsonl", "csv"]
_PAGE: Final = 500
_MEDIA: Final = {"jsonl": "application/jsonl; charset=utf-8", "csv": "text/csv; charset=utf-8"}
TOTAL: Final = "Handrail-Entries"


async def stream(
    request: Request,
    own: AsyncSession,
    reading: AsyncSession,
    reader: Reader,
    *,
    asked: Search,
    form: Form,
) -> StreamingResponse:
    """Told to the log as one export before its first line. Go on with `after` and the `size`."""
    size = await tree_size(reading, asked.size)
    if await checkpoint(reading, size) is None:
        detail = "No checkpoint has that size: an export leads to one that was signed."
        raise Problem(404, "no-checkpoint", detail)
    total = await count(reading, reader, asked, after=asked.after, below=size)
    await record_search(
        own, runtime_of(request), reader, asked, what="export", after=asked.after, found=total
    )
    headers = {
        "Content-Disposition": f'attachment; filename="{file_name(size, form)}"',
        "Cache-Control": "no-store",
        TOTAL: str(total),
        "Handrail-Tree-Size": str(size),
    }
    lines = _lines(request, reader, asked, size, form)
    return StreamingResponse(lines, headers=headers, media_type=_MEDIA[form])


def file_name(size: int, form: Form) -> str:
    """The checkpoint's file is named after it, so that both lie side by side."""
    return f"log-{size}.{form}"


async def _lines(
    request: Request, reader: Reader, asked: Search, size: int, form: Form
) -> AsyncIterator[str]:
    following: int | None = asked.after
    if form == "csv" and asked.after < 0:
        yield _table([list(COLUMNS)])
    while following is not None:
        # A session for each page: a reader who is slow holds none of the database's.
        async with request.app.state.reader_sessions() as session:
            page = await find(session, reader, asked, after=following, below=size, limit=_PAGE)
            proofs = await prove_all(session, [entry.seq for entry in page.entries], size)
        rows = [Row(e.seq, e.payload, proofs[e.seq]) for e in page.entries]
        if form == "csv":
            yield _table([as_cells(row) for row in rows])
        else:
            yield "".join(f"{as_line(row)}\n" for row in rows)
        if page.next is not None and page.next <= following:
            return  # the index is behind the tree; the file is whole up to here, and resumable
        following = page.next


def _table(rows: list[list[str | int | None]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()
