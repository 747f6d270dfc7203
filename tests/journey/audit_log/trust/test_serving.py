"""Tiles, bundles and checkpoints are served byte for byte as the specification has them."""

import httpx2
import pytest

from audit_log.merkle import leaf_hash, root_of, verify_inclusion
from audit_log.trust.bundles import unbundle
from audit_log.trust.checkpoints import parse_checkpoint
from audit_log.trust.plain import from_base64
from audit_log.trust.prooffiles import parse_proof_file
from tests.conftest import TestIssuer
from tests.journey.audit_log.trust.conftest import Signed, newest

FOR_EVER = "max-age=31536000, immutable"


async def grown(signed: Signed) -> None:
    """Checkpoints at 3 and 520; the log itself has 521 entries."""
    checkpointer = await signed.checkpointer()
    for count in (3, 517):
        await signed.grow(count)
        await checkpointer.round()
    await signed.grow(1)


async def test_what_is_published_is_there_and_nothing_else_is(
    signed: Signed, as_anyone: httpx2.AsyncClient, as_auditor: httpx2.AsyncClient
) -> None:
    await grown(signed)
    there = {"0/000", "0/001", "0/002.p/8", "1/000.p/2", "0/000.p/3"}
    missing = {
        "0/000.p/4", "0/001.p/3", "0/002", "0/002.p/7", "0/002.p/9", "0/003", "1/000", "1/000.p/1",
        "2/000", "2/000.p/1", "0/0", "0/000/", "00/000", "64/000", "0/x000/000", "entries",
        "0/000.p/256", "", "0/999", "63/x999/999",
    }  # fmt: skip
    for path in there | missing:
        answer = await as_anyone.get(f"/tile/{path}")
        assert answer.status_code == (200 if path in there else 404), path
        kept = f"public, {FOR_EVER}" if path in there else "no-store"
        assert answer.headers["cache-control"] == kept
        if path in there:
            assert answer.headers["content-type"] == "application/octet-stream"
    for path in there - {"1/000.p/2"}:
        bundle = path.replace("0/", "entries/", 1)
        answer = await as_auditor.get(f"/tile/{bundle}")
        assert (answer.status_code, answer.headers["cache-control"]) == (
            200,
            f"private, {FOR_EVER}",
        )
        hashes = b"".join(leaf_hash(entry) for entry in unbundle(answer.content))
        assert hashes == (await as_anyone.get(f"/tile/{path}")).content
    for path in ("entries/000.p/4", "entries/002", "entries/003", "entries/0", "entries/x"):
        assert (await as_auditor.get(f"/tile/{path}")).status_code == 404


async def test_the_checkpoint_is_text_that_nobody_keeps_for_long(
    signed: Signed, as_anyone: httpx2.AsyncClient
) -> None:
    await grown(signed)
    answer = await as_anyone.get("/checkpoint")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "max-age=1"
    assert answer.text.split("\n")[1] == "520"


async def test_the_tiles_make_the_root_that_was_signed(
    signed: Signed, as_anyone: httpx2.AsyncClient
) -> None:
    await grown(signed)
    tiles = [
        (await as_anyone.get(f"/tile/{path}")).content for path in ("0/000", "0/001", "0/002.p/8")
    ]
    data = b"".join(tiles)
    leaves = [data[at : at + 32] for at in range(0, len(data), 32)]
    checkpoint = parse_checkpoint((await newest(as_anyone)).text)
    assert root_of(leaves) == checkpoint.root
    upper = (await as_anyone.get("/tile/1/000.p/2")).content
    assert upper == root_of(leaves[:256]) + root_of(leaves[256:512])


async def test_entries_are_for_auditors_of_the_whole_log(
    signed: Signed, as_anyone: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    await grown(signed)
    assert (await as_anyone.get("/tile/entries/000")).status_code == 401
    for headers in (issuer.headers("auditor", la="886"), issuer.headers("admin")):
        answer = await as_anyone.get("/tile/entries/000", headers=headers)
        assert answer.status_code == 403


async def test_a_proof_file_holds_for_whoever_has_the_key(
    signed: Signed, as_auditor: httpx2.AsyncClient, as_anyone: httpx2.AsyncClient,
    issuer: TestIssuer,
) -> None:  # fmt: skip
    await grown(signed)
    entries = {row["seq"]: row for row in await signed.log.entries()}
    for seq in (0, 255, 256, 519):
        row = entries[seq]
        by_seq = await as_auditor.get(f"/v1/log/proof/entry/{seq}.tlog-proof")
        by_event = await as_auditor.get(f"/v1/log/proof/event/{row['event_id']}.tlog-proof")
        assert by_seq.content == by_event.content
        assert f"entry-{seq}.tlog-proof" in by_seq.headers["content-disposition"]
        proof = parse_proof_file(by_seq.content)
        assert (proof.index, proof.extra) == (seq, row["payload"])
        assert proof.holds(row["payload"])
        assert signed.policy.judge(proof.checkpoint).trusted
    answer = await as_auditor.get("/v1/log/proof/entry/520.tlog-proof")
    assert answer.status_code == 404, "it is in the log, and no checkpoint has it yet"
    narrowed = await as_anyone.get(
        "/v1/log/proof/entry/0.tlog-proof", headers=issuer.headers("auditor", la="886")
    )
    assert parse_proof_file(narrowed.content).extra is None
    assert (await as_anyone.get("/v1/log/proof/entry/0.tlog-proof")).status_code == 401


async def test_a_proof_can_be_had_for_any_size_the_log_has_passed(
    signed: Signed, as_auditor: httpx2.AsyncClient
) -> None:
    await grown(signed)
    leaves = [row["leaf_hash"] for row in await signed.log.entries()]
    for size in (1, 255, 256, 257, 521):
        body = (
            await as_auditor.get("/v1/log/proof/inclusion", params={"seq": 0, "size": size})
        ).json()
        proof = [from_base64(one) for one in body["proof"]]
        assert verify_inclusion(leaves[0], 0, size, proof, root_of(leaves[:size]))


@pytest.mark.parametrize("path", ["/checkpoint", "/tile/0/000"])
async def test_an_empty_log_has_nothing_to_show(as_anyone: httpx2.AsyncClient, path: str) -> None:
    answer = await as_anyone.get(path)
    assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store")
