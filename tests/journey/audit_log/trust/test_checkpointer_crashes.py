"""What a crash leaves between remembering, signing, showing and flushing is one history."""

import httpx2
import pytest

from audit_log.trust.checkpoints import parse_checkpoint
from shared.bus import failpoint
from tests.journey.audit_log.trust.conftest import Signed, bare, forge, newest


@pytest.mark.parametrize("where", ["after-memory", "before-commit", "after-commit"])
async def test_a_crash_on_the_way_leaves_one_history(
    signed: Signed,
    as_anyone: httpx2.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
) -> None:
    await signed.add_witness("a")
    checkpointer = await signed.checkpointer()
    await signed.grow(3)
    plan = failpoint._parse(f"checkpointer.{where}:raise:once")
    monkeypatch.setattr(failpoint, "_plans", plan)
    with pytest.raises(failpoint.FailPointReached):
        await checkpointer.round()
    published = (await as_anyone.get("/checkpoint")).status_code
    assert published == (200 if where == "after-commit" else 404)
    await signed.grow(2)
    restarted = await signed.checkpointer()
    # A head that was remembered, and may have been shown to a witness, is published before others.
    heads = [await restarted.round(), await restarted.round()]
    sizes = [head.size for head in heads if head]
    assert sizes == ([5] if where == "after-commit" else [3, 5])
    rows = await signed.log.rows("SELECT size FROM checkpoint ORDER BY size")
    assert [row["size"] for row in rows] == [3, 5]
    assert signed.policy.judge(await newest(as_anyone)).trusted


async def test_a_note_that_a_crash_of_the_database_took_is_published_again_first(
    signed: Signed, as_anyone: httpx2.AsyncClient
) -> None:
    """It is seen before it is flushed: whoever saw it finds the same tree signed there again."""
    checkpointer = await signed.checkpointer()
    await signed.grow(3)
    await checkpointer.round()
    assert checkpointer.signing.unsettled
    seen = await newest(as_anyone)
    await forge(signed.database, *bare("checkpoint", "DELETE FROM checkpoint"))
    await signed.grow(2)
    await checkpointer.round()
    again = await newest(as_anyone)
    assert again.text == seen.text
    assert signed.policy.judge(again).trusted
    await checkpointer.round()
    assert parse_checkpoint((await newest(as_anyone)).text).size == 5
    rows = await signed.log.rows("SELECT size FROM checkpoint ORDER BY size")
    assert [row["size"] for row in rows] == [3, 5]
