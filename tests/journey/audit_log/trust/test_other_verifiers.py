"""Software that is not ours accepts the log as it is served, and refuses it when it was changed."""

import asyncio
import os
import shutil
import subprocess
from pathlib import Path

import httpx2
import pytest
from cryptography.exceptions import InvalidSignature
from tlog_scales.backend import HttpBackend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import Ed25519CosignatureVerifier, MLDSA44CosignatureVerifier, Vkey
from tlog_scales.tiles import leaf_hash
from tlog_scales.tlog import Checkpoint as TheirCheckpoint

from audit_log.trust.vkeys import COSIGNATURE_ML_DSA_44, ED25519
from tests.conftest import TestIssuer, required
from tests.journey.audit_log.trust.conftest import Signed, bare, forge, newest

GO = Path(__file__).parents[4] / "deploy" / "go"


@pytest.fixture(scope="session")
def go(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Go's verifiers, built from pinned modules; the only network they need is to fetch those."""
    if shutil.which("go") is None:
        if required("go"):
            pytest.fail("go is required and not installed")
        pytest.skip("go is not installed")
    place = tmp_path_factory.mktemp("go")
    built = {}
    for name, package in (
        ("verify", "."),
        ("fsck", "github.com/transparency-dev/tessera/cmd/fsck"),
    ):
        built[name] = str(place / name)
        command = ["go", "build", "-mod=readonly", "-buildvcs=false", "-o", built[name], package]
        made = subprocess.run(command, cwd=GO / name, capture_output=True, text=True, check=False)
        if made.returncode:
            if required("go"):
                pytest.fail(f"{name} could not be built: {made.stderr[-500:]}")
            pytest.skip(f"{name} could not be built: its modules are not to be had here")
    return built


async def ran(*command: str, token: str = "") -> tuple[int, str]:
    environment = os.environ | {"HANDRAIL_TOKEN": token}
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


async def grown(signed: Signed) -> None:
    checkpointer = await signed.checkpointer()
    for count in (5, 516, 210):
        await signed.grow(count)
        await checkpointer.round()


def ed25519(signed: Signed) -> str:
    return next(str(key) for key in signed.keys if key.algorithm == ED25519)


async def test_tlog_scales_reads_every_proof_and_signature(
    signed: Signed, address: str, issuer: TestIssuer
) -> None:
    await signed.add_witness("a")
    await grown(signed)
    token = issuer.headers("auditor")

    def theirs() -> None:
        backend = HttpBackend(address)
        backend.session.headers.update(token)
        reader = TilesReader(backend)
        checkpoint = reader.get_checkpoint()
        assert checkpoint.size == 731
        for key in signed.keys:
            checkpoint.verify(Vkey.from_string(str(key)))
        witness = Vkey.from_string(str(signed.witnesses[0].signer.key))
        checkpoint.verify(witness)
        assert isinstance(witness.get_verifier(), Ed25519CosignatureVerifier)
        assert reader.calculate_root_hash() == checkpoint.root_hash
        for index in (0, 4, 255, 256, 511, 520, 730):
            proof = reader.get_inclusion_proof(index, checkpoint.size)
            proof.check(leaf_hash(reader.get_entry(index)), checkpoint.root_hash)

    await asyncio.to_thread(theirs)


async def test_tlog_scales_knows_the_keys_that_outlive_quantum_computers(
    signed: Signed, as_anyone: httpx2.AsyncClient
) -> None:
    await grown(signed)
    text = bytes(await newest(as_anyone)).decode()
    lasting = next(key for key in signed.keys if key.algorithm == COSIGNATURE_ML_DSA_44)
    verifier = Vkey.from_string(str(lasting)).get_verifier()
    assert isinstance(verifier, MLDSA44CosignatureVerifier)
    TheirCheckpoint.from_text(text).verify(Vkey.from_string(str(lasting)))
    changed = TheirCheckpoint.from_text(text.replace("\n731\n", "\n732\n"))
    with pytest.raises(InvalidSignature):
        changed.verify(Vkey.from_string(str(lasting)))


async def test_gos_own_note_and_tlog_verify_every_entry_and_a_proof_file(
    signed: Signed, go: dict[str, str], as_auditor: httpx2.AsyncClient, issuer: TestIssuer,
    tmp_path: Path,
) -> None:  # fmt: skip
    address = str(as_auditor.base_url).rstrip("/")
    checkpointer = await signed.checkpointer()
    await signed.grow(300)
    await checkpointer.round()
    old = tmp_path / "old"
    old.write_bytes(bytes(await newest(as_auditor)))
    await grown(signed)
    key, token = ed25519(signed), issuer.token("auditor")
    code, said = await ran(go["verify"], "log", address, key, str(old), token=token)
    assert (code, said) == (0, "verified 1031 entries\n")
    code, said = await ran(go["verify"], "log", address, key)
    assert (code, said) == (0, "verified the hashes of 1031 entries\n")
    file = tmp_path / "700.tlog-proof"
    file.write_bytes((await as_auditor.get("/v1/log/proof/entry/700.tlog-proof")).content)
    code, said = await ran(go["verify"], "proof", str(file), key)
    assert (code, said) == (0, "verified entry 700 of 1031\n")
    change = "UPDATE log_entry_0 SET payload = payload || ' ' WHERE seq = 300"
    await forge(signed.database, *bare("log_entry_0", change))
    code, said = await ran(go["verify"], "log", address, key, token=token)
    assert code == 1
    assert "entry 300" in said


async def test_tesseras_fsck_finds_the_log_whole(
    signed: Signed, go: dict[str, str], address: str, issuer: TestIssuer, tmp_path: Path
) -> None:
    await grown(signed)
    key = tmp_path / "key"
    key.write_text(ed25519(signed))
    command = [
        go["fsck"], f"--storage_url={address}/", f"--public_key={key}", "--ui=false",
        f"--bearer_token={issuer.token('auditor')}",
    ]  # fmt: skip
    # What it finds wrong it asks for again for minutes, so only the sound log is shown to it.
    code, said = await ran(*command)
    assert code == 0, said
