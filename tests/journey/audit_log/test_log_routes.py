"""The root is everyone's; entries and proofs are an auditor's, and they hold against the root."""

import base64
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from audit_log.merkle import leaf_hash, verify_consistency, verify_inclusion
from shared.auth import Role
from tests.conftest import TestIssuer
from tests.journey.audit_log.conftest import Log, is_whole

# No event of any test has this id.
UNHEARD_OF = "9f0d3a52-6d43-4c9e-8a44-0b1f7d2c6e10"


def raw(text: str) -> bytes:
    return base64.b64decode(text)


async def test_anyone_may_have_the_root(log: Log, http: httpx2.AsyncClient) -> None:
    empty = (await http.get("/v1/log/root")).json()
    assert (empty["size"], raw(empty["root"]).hex()[:8]) == (0, "e3b0c442")
    await log.hears(log.record("task.opened"))
    assert (await http.get("/v1/log/root")).json()["size"] == 1


async def test_what_an_auditor_exports_verifies_against_the_public_root(
    log: Log, http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    await log.hears(*(log.record("task.opened") for _ in range(5)))
    exported: list[tuple[int, bytes]] = []
    after: int | None = -1
    while after is not None:
        page = (
            await http.get(
                "/v1/log/entries",
                params={"after": after, "limit": 2},
                headers=issuer.headers("auditor"),
            )
        ).json()
        exported += [(entry["seq"], entry["entry"].encode()) for entry in page["entries"]]
        after = page["next"]
    head = (await http.get("/v1/log/root")).json()
    assert is_whole(exported, head["size"], raw(head["root"]))


async def test_every_entry_is_proved_to_be_in_every_later_tree(
    log: Log, http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    for count in (1, 3, 2, 5):
        await log.hears(*(log.record("task.opened") for _ in range(count)))
    for seq in range(11):
        for size in (1, 4, 6, 11):
            answer = await http.get(
                "/v1/log/proof/inclusion",
                params={"seq": seq, "size": size},
                headers=issuer.headers("auditor"),
            )
            if seq >= size:
                assert answer.status_code == 404
                continue
            body = answer.json()
            proof = [raw(item) for item in body["proof"]]
            assert verify_inclusion(raw(body["leaf_hash"]), seq, size, proof, raw(body["root"]))


async def test_every_head_is_proved_to_extend_the_ones_before(
    log: Log, http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    for count in (1, 3, 2, 5):
        await log.hears(*(log.record("task.opened") for _ in range(count)))
    sizes = (1, 4, 6, 11)
    for new in sizes:
        for old in (size for size in sizes if size <= new):
            body = (
                await http.get(
                    "/v1/log/proof/consistency",
                    params={"from": old, "to": new},
                    headers=issuer.headers("auditor"),
                )
            ).json()
            roots = raw(body["from_root"]), raw(body["to_root"])
            proof = [raw(item) for item in body["proof"]]
            assert verify_consistency(old, new, *roots, proof)


async def test_an_entry_is_found_by_its_number_and_by_its_event(
    log: Log, http: httpx2.AsyncClient, issuer: TestIssuer
) -> None:
    event_id = uuid4()
    await log.hears(log.record("task.opened", event_id=event_id))
    auditor = issuer.headers("auditor")
    by_event = (await http.get(f"/v1/log/by-event/{event_id}", headers=auditor)).json()
    by_seq = (await http.get("/v1/log/entries/0", headers=auditor)).json()
    assert by_event == by_seq
    assert raw(by_seq["leaf_hash"]) == leaf_hash(by_seq["entry"].encode())


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/log/entries/1", 404),
        ("/v1/log/entries/-1", 404),
        (f"/v1/log/by-event/{UNHEARD_OF}", 404),
        ("/v1/log/proof/inclusion?seq=0&size=7", 404),
        ("/v1/log/proof/consistency?from=7", 404),
        ("/v1/log/proof/consistency?from=0", 422),
        ("/v1/log/proof/consistency?from=2&to=1", 422),
        ("/v1/log/entries?limit=0", 422),
        ("/v1/log/entries?limit=1001", 422),
    ],
)
async def test_what_the_log_does_not_have_is_said_plainly(
    log: Log, http: httpx2.AsyncClient, issuer: TestIssuer, path: str, status: int
) -> None:
    await log.hears(log.record("task.opened"))
    await log.hears(log.record("task.opened"))
    path = path.replace("entries/1", "entries/2")
    answer = await http.get(path, headers=issuer.headers("auditor"))
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


PATHS = (
    "/v1/log/entries",
    "/v1/log/entries/0",
    f"/v1/log/by-event/{UNHEARD_OF}",
    "/v1/log/proof/inclusion?seq=0",
    "/v1/log/proof/consistency?from=1",
    "/v1/log/unaccounted",
)


@pytest.mark.parametrize("path", PATHS)
async def test_without_a_grant_nothing_but_the_root_is_shown(
    log: Log, http: httpx2.AsyncClient, issuer: TestIssuer, path: str
) -> None:
    await log.hears(log.record("task.opened"))
    assert (await http.get(path)).status_code == 401
    roles: tuple[Role, ...] = ("admin", "dpo")
    for role in roles:
        assert (await http.get(path, headers=issuer.headers(role))).status_code == 403


@pytest.mark.parametrize("path", PATHS[:3])
async def test_an_auditor_of_one_authority_is_not_shown_the_others_entries(
    log: Log, http: httpx2.AsyncClient, issuer: TestIssuer, path: str
) -> None:
    await log.hears(log.record("task.opened"))
    answer: Any = await http.get(path, headers=issuer.headers("auditor", la="886"))
    assert answer.status_code == 404 or answer.json()["entries"] == []
