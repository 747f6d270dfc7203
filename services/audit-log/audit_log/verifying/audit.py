"""The audit of a whole log, of a copy of it, or of one proof: what is checked, in its order."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from audit_log.merkle import verify_consistency
from audit_log.trust.bundles import unbundle
from audit_log.trust.checkpoints import Checkpoint, parse_checkpoint
from audit_log.trust.notes import Note
from audit_log.trust.plain import Malformed
from audit_log.trust.policy import Policy
from audit_log.trust.prooffiles import ProofFile
from audit_log.trust.signatures import BadSignature
from audit_log.trust.tilepaths import ENTRIES, WIDTH, tile_of, tiles_of
from audit_log.trust.treehash import Hashes, consistency_spans, needed
from audit_log.verifying.contents import OVERTAKES, Contents, settled
from audit_log.verifying.findings import Finding, Report
from audit_log.verifying.locating import first_difference
from audit_log.verifying.sources import Source, read_checkpoint, read_tile
from audit_log.verifying.tree import check_tree


@dataclass(frozen=True)
class Wanted:
    """policy: whose word counts. since: an older checkpoint of the auditor's own, which the log
    must extend. kept: the auditor's own older copy, to tell which entries differ from it. entries:
    look at the bundles. completeness: read them too, and take for lost what is missing before an
    entry that is older than the newest by `overtakes`.
    """

    policy: Policy | None = None
    since: Note | None = None
    kept: Source | None = None
    entries: bool = True
    completeness: bool = False
    overtakes: timedelta = OVERTAKES
    processes: int = 1


def audit(source: Source, wanted: Wanted) -> Report:
    """Raises `Unreachable` and `Malformed` where there is nothing that could be audited."""
    report = Report()
    note = read_checkpoint(source)
    checkpoint = parse_checkpoint(note.text)
    report.size = checkpoint.size
    judge(note, wanted.policy, report)
    if wanted.since is not None:
        extends(source, checkpoint, wanted.since, wanted.policy, report)
    report.findings += check_tree(
        source,
        checkpoint.size,
        checkpoint.root,
        entries=wanted.entries,
        processes=wanted.processes,
    )
    what = "every entry and every hash" if wanted.entries else "every hash, and no entry"
    report.entries = checkpoint.size if wanted.entries else 0
    report.checked.append(f"{what} of the tree of {checkpoint.size} entries")
    if wanted.completeness and wanted.entries:
        complete(source, checkpoint.size, report, wanted.overtakes)
    if wanted.kept is not None:
        _as_kept(source, wanted.kept, report)
    return report


def judge(note: Note, policy: Policy | None, report: Report) -> None:
    """Who signed and cosigned the checkpoint, and whether that is enough."""
    if policy is None:
        report.notes.append("no key was given, so nobody vouches for the checkpoint: --policy")
        return
    try:
        judged = policy.judge(note)
    except BadSignature:
        what = "a signature below the checkpoint does not hold: the note was changed or forged"
        report.findings.append(Finding(what))
        return
    if judged.log is None:
        what = "the checkpoint is not signed by the log's key: it is not this log's, or is forged"
        report.findings.append(Finding(what))
        return
    if not judged.checkpoint.sound_if_empty:
        report.findings.append(Finding("an empty log has another root than the one it signed"))
    report.trusted = judged.trusted
    report.checked.append("the log's signature on its checkpoint")
    if policy.quorum is not None:
        names = ", ".join(sorted(judged.cosigned)) or "nobody"
        report.checked.append(f"the cosignatures of {names}")
        if not judged.quorum:
            report.notes.append(
                "too few witnesses have cosigned this checkpoint for the policy: it is not verified"
            )


def extends(
    source: Source, new: Checkpoint, since: Note, policy: Policy | None, report: Report
) -> None:
    """The log may have grown since, and nothing else."""
    before = Report()
    judge(since, policy, before)
    old = parse_checkpoint(since.text)
    if before.findings or old.origin != new.origin:
        report.findings.append(Finding("the older checkpoint is not of this log"))
    elif old.size > new.size:
        what = f"the log ends at {new.size} and had {old.size} entries: its end is gone"
        report.findings.append(Finding(what, new.size, old.size - 1))
    elif old.size and not _consistent(source, old, new):
        what = "the log does not extend the older checkpoint: its history was rewritten"
        report.findings.append(Finding(what, 0, old.size - 1))
    report.checked.append(f"that the log extends the checkpoint of {old.size} entries")


def _consistent(source: Source, old: Checkpoint, new: Checkpoint) -> bool:
    spans = consistency_spans(old.size, new.size)
    found = {}
    for tile in needed(spans, new.size):
        data = read_tile(source, tile)
        if data is None:
            return False
        found[tile] = data
    try:
        proof = Hashes(found).proof(spans)
    except Malformed:
        return False
    return verify_consistency(old.size, new.size, old.root, new.root, proof)


def entries_of(source: Source, size: int) -> Iterator[tuple[int, bytes]]:
    """(seq, entry) in order; what cannot be read was reported with its tile."""
    for tile in tiles_of(size, ENTRIES):
        try:
            entries = unbundle(read_tile(source, tile) or b"")
        except Malformed:
            continue
        yield from enumerate(entries, tile.number * WIDTH)


def complete(source: Source, size: int, report: Report, overtakes: timedelta) -> None:
    contents = Contents()
    last = b""
    for seq, last in entries_of(source, size):
        contents.take(seq, last)
    report.findings += contents.findings
    for gap in contents.gaps():
        after = _entry(source, gap.last or 0, size)
        if not settled(after, last, overtakes):
            report.notes.append(f"{gap}; so close to the end that it may still be on its way")
        else:
            report.findings.append(gap)
    report.notes += contents.remarks()
    count = len(contents.producers)
    report.checked.append(f"that the counts of {count} producers are whole, and no event is twice")


def _entry(source: Source, seq: int, size: int) -> bytes:
    tile = tile_of(ENTRIES, seq // WIDTH, size)
    entries = unbundle((read_tile(source, tile) if tile else None) or b"")
    return entries[seq % WIDTH] if seq % WIDTH < len(entries) else b""


def _as_kept(source: Source, kept: Source, report: Report) -> None:
    kept_size = parse_checkpoint(read_checkpoint(kept).text).size
    seq = first_difference(source, report.size, kept, kept_size)
    size = min(report.size, kept_size)
    report.checked.append(f"its first {size} entries against the copy that was kept")
    if seq is not None:
        what = "it is not the entry that was in the log when the copy was kept"
        report.findings.append(Finding(what, seq, seq))


def audit_proof(proof: ProofFile, entry: bytes, policy: Policy | None) -> Report:
    """One entry by its proof file alone."""
    report = Report(entries=1)
    checkpoint = parse_checkpoint(proof.checkpoint.text)
    report.size = checkpoint.size
    judge(proof.checkpoint, policy, report)
    if not proof.holds(entry):
        what = "the proof does not lead from it to the root that was signed"
        report.findings.append(Finding(what, proof.index, proof.index))
    report.checked.append(f"that entry {proof.index} is in the tree of {checkpoint.size} entries")
    return report
