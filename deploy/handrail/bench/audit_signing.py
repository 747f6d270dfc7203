"""The checkpointer's part of the bench: its own round, gone when the bench says so."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from audit_log.checkpointer.keyfile import KeyFile
from audit_log.checkpointer.memory import SignedMemory
from audit_log.checkpointer.run import Checkpointer
from audit_log.checkpointer.signing import Signing
from audit_log.trust.signers import signer
from audit_log.trust.vkeys import ED25519
from handrail import migrations
from handrail.bench.ground import Ground
from shared.clock import SystemClock
from shared.db import make_engine, make_sessions


@dataclass
class BenchSigning:
    checkpointer: Checkpointer
    engine: AsyncEngine

    async def sign_newest(self) -> None:
        """Proves that the newest head extends the last one signed, signs it and publishes it."""
        assert await self.checkpointer.round() is not None  # noqa: S101 - there was a new head

    async def settle(self) -> None:
        """Flushes what is published, as the checkpointer does before its next second."""
        await self.checkpointer.signing.settle()

    async def close(self) -> None:
        await self.checkpointer.signing.close()
        await self.engine.dispose()


async def open_signing(on: Ground, database: str) -> BenchSigning:
    """With a new Ed25519 key and without witnesses, who are other machines."""
    file = on.place / "log.key"
    file.write_text(signer("bench.example/log", ED25519).line() + "\n")
    role = migrations.SCHEMAS["audit-log"].more["checkpointer"]
    dsn = on.postgres.dsn(database, role)
    engine = make_engine(dsn, "bench-checkpointer", pool_size=1)
    memory = SignedMemory(on.place / "signed")
    signing = Signing(make_sessions(engine), memory, KeyFile(file), dsn)
    return BenchSigning(Checkpointer(signing, [], None, SystemClock()), engine)
