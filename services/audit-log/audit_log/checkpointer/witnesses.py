"""Asks witnesses for their cosignatures, and hears where each of them stands."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import httpx2

from audit_log.trust.checkpoints import Checkpoint, parse_checkpoint
from audit_log.trust.notes import Note, Signature, parse_note, parse_signatures
from audit_log.trust.plain import Malformed, decimal
from audit_log.trust.policy import Known
from audit_log.trust.signatures import BadSignature, vouchers
from audit_log.trust.vkeys import VerifierKey
from audit_log.trust.witnessing import SIZE_TYPE, AddCheckpoint, origin_hash

Prove = Callable[[int, int], Awaitable[Sequence[bytes]]]
_ROUNDS = 2  # one to hear where it stands, one to prove from there
_LONGEST_REST = 60.0
# One that takes longer gets its cosignature in with a later round.
ANSWERS_WITHIN = 2.0
_CONFLICT = 409


class WitnessAhead(Exception):
    """The witness has cosigned a larger tree than ours: ours was rolled back, or is another."""


class WitnessSilent(Exception):
    """It did not answer, or with nothing that the protocol knows. It is asked again later."""


@dataclass
class Witness:
    """stands: the size it cosigned last, as far as we have heard. rest: seconds to leave it be."""

    name: str
    known: Known
    client: httpx2.AsyncClient
    stands: int = 0
    rest: float = 0.0
    rested_until: float = field(default=0.0)

    async def latest(self, origin: str, keys: Sequence[VerifierKey]) -> Checkpoint | None:
        """What it shows as the newest checkpoint of the log, signed by the log's own key."""
        answer = await self._ask("GET", f"{origin_hash(origin)}/checkpoint")
        if answer.status_code == httpx2.codes.NOT_FOUND:
            return None
        if answer.status_code != httpx2.codes.OK:
            raise WitnessSilent
        try:
            note = parse_note(answer.content)
            checkpoint = parse_checkpoint(note.text)
            ours = checkpoint.origin == origin and vouchers(note, keys)
        except (Malformed, BadSignature) as error:
            raise WitnessSilent from error
        if not ours:
            raise WitnessSilent  # without our signature anyone could have made it up
        self.stands = max(self.stands, checkpoint.size)
        return checkpoint

    async def cosign(self, note: Note, checkpoint: Checkpoint, prove: Prove) -> Signature:
        """Its signature line. Raises `WitnessAhead` where it knows of a larger tree."""
        for _ in range(_ROUNDS):
            if self.stands > checkpoint.size:
                raise WitnessAhead
            proof = await prove(self.stands, checkpoint.size) if self.stands else ()
            body = bytes(AddCheckpoint(self.stands, tuple(proof), note))
            answer = await self._ask("POST", "add-checkpoint", body)
            if answer.status_code == httpx2.codes.OK:
                self.stands = checkpoint.size
                return self._ours(answer.content, note)
            if answer.status_code != _CONFLICT:
                raise self._silent()
            self.stands = _size(answer)
        raise self._silent()

    def _ours(self, body: bytes, note: Note) -> Signature:
        """The one of its known key, if it holds; a witness that signs amiss has not cosigned."""
        key = self.known.key
        try:
            lines = parse_signatures(body.decode())
            of_key = [one for one in lines if (one.name, one.key_id) == (key.name, key.key_id)]
            held = vouchers(Note(note.text, tuple(of_key)), [key])
        except (UnicodeDecodeError, Malformed, BadSignature) as error:
            raise WitnessSilent from error
        if not held:
            raise self._silent()
        return of_key[0]

    async def _ask(self, method: str, path: str, body: bytes | None = None) -> httpx2.Response:
        if asyncio.get_running_loop().time() < self.rested_until:
            raise WitnessSilent
        address = f"{(self.known.url or '').rstrip('/')}/{path}"
        try:
            async with asyncio.timeout(ANSWERS_WITHIN):
                answer = await self.client.request(method, address, content=body)
        except (httpx2.HTTPError, TimeoutError) as error:
            raise self._silent() from error
        self.rest = 0.0
        return answer

    def _silent(self) -> WitnessSilent:
        """One that is away would hold up every checkpoint: it is left be, longer each time."""
        self.rest = min(_LONGEST_REST, max(1.0, 2 * self.rest))
        self.rested_until = asyncio.get_running_loop().time() + self.rest
        return WitnessSilent()


def _size(answer: httpx2.Response) -> int:
    if answer.headers.get("content-type") != SIZE_TYPE:
        raise WitnessSilent
    try:
        return decimal(answer.text.removesuffix("\n"))
    except Malformed as error:
        raise WitnessSilent from error
