"""Proofs of inclusion for many entries at once: neighbours share most of their tiles."""

from collections.abc import Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from audit_log.published import newest_size, tiles
from audit_log.search.finding import size_of
from audit_log.trust.treehash import Hashes, Span, inclusion_spans, needed
from shared.errors import Problem

Proof = tuple[bytes, ...]


async def tree_size(session: AsyncSession, asked: int | None) -> int:
    """The tree that proofs lead to: that of the newest checkpoint where none is named."""
    if asked is None:
        size = await newest_size(session)
        if not size:
            detail = "Nothing was signed yet; the first checkpoint follows the first entry."
            raise Problem(404, "no-checkpoint", detail)
        return size
    if asked > await size_of(session):
        raise Problem(404, "no-such-head", "The log has no head of that size; ask for its root.")
    return asked


async def root_of(session: AsyncSession, size: int) -> bytes:
    spans = [Span(0, size)]
    return Hashes(await tiles(session, needed(spans, size))).proof(spans)[0]


async def prove_all(session: AsyncSession, seqs: Sequence[int], size: int) -> dict[int, Proof]:
    """Of those that the tree holds."""
    wanted = {seq: inclusion_spans(seq, size) for seq in seqs if seq < size}
    spans = [span for one in wanted.values() for span in one]
    if not spans:
        return dict.fromkeys(wanted, ())
    hashes = Hashes(await tiles(session, needed(spans, size)))
    return {seq: tuple(hashes.proof(one)) for seq, one in wanted.items()}
