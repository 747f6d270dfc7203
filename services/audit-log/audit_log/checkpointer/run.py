"""The checkpointer's round: look, prove, sign, have it witnessed, publish; every second at most."""

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from audit_log.checkpointer.keyfile import KeysUnusable
from audit_log.checkpointer.memory import MemoryDamaged
from audit_log.checkpointer.signing import Refusal, Signing
from audit_log.checkpointer.witnesses import Witness, WitnessAhead, WitnessSilent
from audit_log.merkle import CompactRange
from audit_log.published import prove
from audit_log.trust.checkpoints import Checkpoint, parse_checkpoint
from audit_log.trust.notes import Note, Signature
from audit_log.trust.policy import Policy
from audit_log.trust.treehash import consistency_spans
from shared import telemetry
from shared.bus.failpoint import reach
from shared.clock import Clock
from shared.db import is_transient

EVERY_SECONDS = 1.0
PROVED_EVERY = 60.0

log = structlog.get_logger(__name__)


@dataclass
class Checkpointer:
    """policy: who the witnesses are and how many suffice; without one nobody is asked.

    heard: what each witness showed. tree: the last that was signed here, while nothing was amiss.
    due: when all is proved from the tiles again, which what was added since alone would not tell.
    """

    signing: Signing
    witnesses: list[Witness]
    policy: Policy | None
    clock: Clock
    heard: dict[str, Checkpoint | None] = field(default_factory=dict)
    tree: CompactRange | None = None
    lacking: bool = False
    due: float = 0.0

    async def round(self) -> Checkpoint | None:
        """Signs and publishes the newest head if it is new, and returns it. Raises `Refusal`.

        Where a crash left one that was remembered and is not in the database, that one is first.
        """
        # Whatever goes wrong on the way, the next round proves everything anew.
        before, self.tree = self.tree, None
        late = time.monotonic() >= self.due
        if await self._hear() or before is None or self.lacking or late:
            return await self._prove_all()
        tree = await self.signing.grown(before)
        if tree is None:
            return await self._prove_all()
        return await self._sign_newest(tree, fresh=tree.size > before.size)

    async def _prove_all(self) -> Checkpoint | None:
        """The newest head, held to everything that is known before it is signed."""
        note = await self.signing.stored()
        stored = parse_checkpoint(note.text) if note else None
        remembered = self.signing.memory.read()
        if remembered is None and stored is not None and self.witnesses and not self.heard:
            # A database with checkpoints and no memory of them was moved or restored: only a
            # witness can say that nothing is missing at its end.
            raise Refusal("witnesses_silent")
        before = [remembered, stored, *self.heard.values()]
        tree = await self.signing.head([one for one in before if one is not None])
        self.due = time.monotonic() + PROVED_EVERY
        if tree is None:
            return None
        if remembered and (stored.size if stored else 0) < remembered.size < tree.size:
            # A witness or a reader may have seen it: it is there for all before anything newer is.
            await self._sign(remembered)
            self.signing.rung.set()
            return remembered
        if note is None or stored is None or stored.size != tree.size:
            return await self._sign_newest(tree, fresh=True)
        await self._ask_again(stored, note)
        return await self._sign_newest(tree, fresh=False)

    async def _sign_newest(self, tree: CompactRange, *, fresh: bool) -> Checkpoint | None:
        head = self.signing.checkpoint(tree)
        if fresh:
            await self._sign(head)
        self.tree = tree
        return head if fresh else None

    async def _sign(self, head: Checkpoint) -> None:
        # The memory holds one head that the database could still lose, and never a second one.
        await self.signing.settle()
        note = self.signing.sign(head, self.clock.now())
        await reach("checkpointer.after-memory")
        lines = await self._ask(self.witnesses, head, note)
        await self.signing.publish(head, note, lines, self.clock.now())
        self._measure(head, set(lines))

    async def _hear(self) -> bool:
        """What each witness stands at is asked once; from then on its answers tell. Whether any
        has answered only now."""
        before = len(self.heard)
        keys = [one.key for one in self.signing.keys.signers()]
        for witness in self.witnesses:
            if witness.name not in self.heard:
                with suppress(WitnessSilent):
                    self.heard[witness.name] = await witness.latest(self.signing.keys.origin, keys)
        return len(self.heard) > before

    async def _ask(
        self, witnesses: Iterable[Witness], head: Checkpoint, note: Note
    ) -> dict[str, Signature]:
        """By name the cosignatures that came in time; one that knows a larger tree stops us."""

        async def prove_from(old: int, size: int) -> list[bytes]:
            async with self.signing.sessions() as session:
                return await prove(session, consistency_spans(old, size), size)

        async def one(witness: Witness) -> tuple[str, Signature | None]:
            try:
                return witness.name, await witness.cosign(note, head, prove_from)
            except WitnessSilent:
                return witness.name, None

        try:
            answers = await asyncio.gather(*map(one, witnesses))
        except WitnessAhead as error:
            raise Refusal("witness_ahead") from error
        return {name: line for name, line in answers if line is not None}

    async def _ask_again(self, head: Checkpoint, note: Note) -> None:
        """Asks those whose cosignature of the newest checkpoint is missing."""
        there = {(one.name, one.key_id) for one in note.signatures}
        lacking = [
            one for one in self.witnesses if (one.known.key.name, one.known.key.key_id) not in there
        ]
        lines = await self._ask(lacking, head, note)
        if lines:
            await self.signing.publish(head, note, lines, self.clock.now())
        lacking = [one for one in lacking if one.name not in lines]
        names = {one.name for one in self.witnesses} - {one.name for one in lacking}
        self._measure(head, names)

    def _measure(self, head: Checkpoint, cosigned: set[str]) -> None:
        self.lacking = len(cosigned) < len(self.witnesses)
        telemetry.CHECKPOINT_SIZE.set(head.size)
        telemetry.CHECKPOINT_COSIGNATURES.set(len(cosigned))
        telemetry.CHECKPOINT_QUORUM.set(self.policy is None or self.policy.satisfied(cosigned))


async def keep_signing(checkpointer: Checkpointer) -> None:
    """For as long as the process lives. A refusal is no end: it alarms, and looks again."""
    told = ""
    while True:
        started, code = time.monotonic(), ""
        try:
            if await checkpointer.signing.alone():
                await checkpointer.round()
                await checkpointer.signing.settle()
        except Refusal as refusal:
            code = refusal.code
        except MemoryDamaged:
            code = "log_memory_damaged"
        except KeysUnusable:
            code = "log_keys_unusable"
        except Exception as error:
            if not is_transient(error):
                raise
            log.warning("checkpoint waits", error=type(error).__name__)
        telemetry.CHECKPOINT_REFUSED.set(bool(code))
        if code and code != told:
            telemetry.operator_alarm(code)
        told = code
        await _next(checkpointer.signing.rung, started)


async def _next(rung: asyncio.Event, started: float) -> None:
    """Not before a second has passed; then as soon as the log has grown, or after one more: where a
    connection is lost nothing rings."""
    await asyncio.sleep(max(0.0, EVERY_SECONDS - (time.monotonic() - started)))
    with suppress(TimeoutError):
        async with asyncio.timeout(EVERY_SECONDS):
            await rung.wait()
    rung.clear()
