"""What an insider could do to the log, with the database, the backups and even the log's key."""

import json
from pathlib import Path
from typing import Final

from audit_log.merkle import leaf_hash
from audit_log.trust.bundles import bundle, unbundle
from audit_log.trust.notes import Note, Signature, parse_note
from audit_log.trust.plain import HASH_BYTES
from audit_log.trust.signers import signer
from audit_log.trust.tilepaths import ENTRIES, WIDTH, Tile, tile_of
from audit_log.trust.vkeys import ED25519
from audit_log.verifying.drill import ORIGIN, Attack, Scene
from audit_log.verifying.laying import lay_out, put, put_tile


def _tile(scene: Scene, level: int, seq: int) -> Tile:
    tile = tile_of(level, seq // WIDTH, len(scene.entries))
    assert tile is not None  # noqa: S101 - the victim is in the log
    return tile


def _change_bundle(scene: Scene, copy: Path, seq: int, entries: list[bytes]) -> None:
    put_tile(copy, _tile(scene, ENTRIES, seq), bundle(entries))


def _bundle(scene: Scene, copy: Path, seq: int) -> list[bytes]:
    return unbundle((copy / "tile" / _tile(scene, ENTRIES, seq).path()).read_bytes())


def _flipped(entry: bytes) -> bytes:
    """One bit of the byte in its middle is another."""
    at = len(entry) // 2
    return entry[:at] + bytes([entry[at] ^ 1]) + entry[at + 1 :]


def flip_a_byte(scene: Scene, copy: Path) -> int:
    seq, entries = scene.victim, _bundle(scene, copy, scene.victim)
    entries[seq % WIDTH] = _flipped(entries[seq % WIDTH])
    _change_bundle(scene, copy, seq, entries)
    return seq


def flip_and_fix_its_hash(scene: Scene, copy: Path) -> int:
    seq = flip_a_byte(scene, copy)
    tile, at = _tile(scene, 0, seq), seq % WIDTH * HASH_BYTES
    hashes = (copy / "tile" / tile.path()).read_bytes()
    entry = _bundle(scene, copy, seq)[seq % WIDTH]
    put_tile(copy, tile, hashes[:at] + leaf_hash(entry) + hashes[at + HASH_BYTES :])
    return seq


def flip_and_fix_every_hash(scene: Scene, copy: Path) -> int:
    lay_out(copy, _rewritten(scene))
    return scene.victim


def _rewritten(scene: Scene) -> list[bytes]:
    entries = list(scene.entries)
    entries[scene.victim] = _flipped(entries[scene.victim])
    return entries


def delete_in_the_middle(scene: Scene, copy: Path) -> int:
    entries = _bundle(scene, copy, scene.victim)
    del entries[scene.victim % WIDTH]
    _change_bundle(scene, copy, scene.victim, entries)
    return scene.victim


def delete_the_tail(scene: Scene, copy: Path) -> int:
    last = len(scene.entries) - 1
    _change_bundle(scene, copy, last, _bundle(scene, copy, last)[:-1])
    return last


def delete_and_renumber(scene: Scene, copy: Path) -> int:
    entries = [entry for at, entry in enumerate(scene.entries) if at != scene.victim]
    scene.lay(copy, entries, scene.log)
    return scene.victim


def swap_two(scene: Scene, copy: Path) -> int:
    entries, at = _bundle(scene, copy, scene.victim), scene.victim % WIDTH
    other = at + 1 if at + 1 < len(entries) else at - 1
    entries[at], entries[other] = entries[other], entries[at]
    _change_bundle(scene, copy, scene.victim, entries)
    return scene.victim


def rewrite_and_sign_with_the_stolen_key(scene: Scene, copy: Path) -> int:
    scene.lay(copy, _rewritten(scene), scene.log)
    return scene.victim


def fork(scene: Scene, copy: Path) -> int:
    """Shows this auditor another log than the others see, of the same size and well signed."""
    entries = list(scene.entries)
    entries[scene.victim] = _flipped(entries[scene.victim])
    # One dishonest witness plays along; the policy asks for two.
    scene.lay(copy, entries, scene.log, scene.witnesses[0])
    return scene.victim


def restore_an_old_backup(scene: Scene, copy: Path) -> int:
    """All of it was true once, signatures and all."""
    size = scene.kept_size // 2
    scene.lay(copy, scene.entries[:size], scene.log, *scene.witnesses)
    return size


def drop_an_event_before_it_is_logged(scene: Scene, copy: Path) -> None:
    """The log itself is sound and everyone has signed it: only the producer's count tells."""
    at = _followed(scene)
    entries = [entry for seq, entry in enumerate(scene.entries) if seq != at]
    scene.lay(copy, entries, scene.log, *scene.witnesses)


def _followed(scene: Scene) -> int:
    """An event since the auditor's copy whose producer has counted on after it."""
    counted = set()
    for seq in range(len(scene.entries) - 1, -1, -1):
        members = json.loads(scene.entries[seq])
        producer, number = members.get("producer"), members.get("sequence")
        if (producer, number and number + 1) in counted and seq <= (
            len(scene.entries) + scene.kept_size
        ) // 2:
            return seq
        counted.add((producer, number))
    return scene.victim


def log_an_event_twice(scene: Scene, copy: Path) -> int:
    entries = [*scene.entries, scene.entries[scene.victim]]
    scene.lay(copy, entries, scene.log, *scene.witnesses)
    return len(scene.entries)


def forge_a_checkpoint(scene: Scene, copy: Path) -> None:
    """Under the log's name, with another key."""
    scene.lay(copy, _rewritten(scene), signer(ORIGIN, ED25519), *scene.witnesses)


def forge_the_signature(scene: Scene, copy: Path) -> None:
    """Another root above the log's own signature lines."""
    root = lay_out(copy, _rewritten(scene))
    real = parse_note((copy / "checkpoint").read_bytes())
    forged = scene.note(len(scene.entries), root)
    put(copy, "checkpoint", bytes(Note(forged.text, real.signatures)))


def leave_the_witnesses_out(_: Scene, copy: Path) -> None:
    """Nothing is wrong with it, but nobody outside has seen it: it must not count as verified."""
    real = parse_note((copy / "checkpoint").read_bytes())
    own: tuple[Signature, ...] = real.signatures[:1]
    put(copy, "checkpoint", bytes(Note(real.text, own)))


def cut_a_bundle_short(scene: Scene, copy: Path) -> None:
    tile = _tile(scene, ENTRIES, scene.victim)
    data = (copy / "tile" / tile.path()).read_bytes()
    put_tile(copy, tile, data[:-3])


ATTACKS: Final[dict[str, Attack]] = {
    "flip a byte of an entry": flip_a_byte,
    "flip a byte and fix its hash": flip_and_fix_its_hash,
    "flip a byte and fix every hash above it": flip_and_fix_every_hash,
    "delete an entry in the middle": delete_in_the_middle,
    "delete the last entry": delete_the_tail,
    "delete an entry and renumber the rest": delete_and_renumber,
    "swap two entries": swap_two,
    "rewrite history, sign it with the stolen key": rewrite_and_sign_with_the_stolen_key,
    "fork: show one auditor another log": fork,
    "restore an old backup": restore_an_old_backup,
    "drop a producer's event": drop_an_event_before_it_is_logged,
    "log an event twice": log_an_event_twice,
    "forge a checkpoint with another key": forge_a_checkpoint,
    "forge a checkpoint below old signatures": forge_the_signature,
    "leave the witnesses out": leave_the_witnesses_out,
    "cut a bundle short": cut_a_bundle_short,
}
