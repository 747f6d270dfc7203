"""Whose signatures make a checkpoint one to rely on (C2SP tlog-policy): logs, witnesses, quorum."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from audit_log.trust.checkpoints import Checkpoint, parse_checkpoint
from audit_log.trust.notes import Note
from audit_log.trust.plain import Malformed, decimal
from audit_log.trust.signatures import Vouched, vouchers
from audit_log.trust.vkeys import LOG_ALGORITHMS, WITNESS_ALGORITHMS, VerifierKey, parse_vkey

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_NONE = "none"
_LOG_WORDS, _WITNESS_WORDS = (2, 3), (3, 4)
_GROUP_WORDS, _QUORUM_WORDS = 4, 2


class PolicyError(ValueError):
    """What is wrong with the policy file, where, and what to do."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(f"line {line}: {what}")


@dataclass(frozen=True)
class Known:
    """A log or a witness: its key, and where it is asked (None: it need not be)."""

    key: VerifierKey
    url: str | None = None


@dataclass(frozen=True)
class Group:
    needed: int
    members: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """quorum: the name of a witness or group, or None where the log's own word is enough."""

    logs: tuple[Known, ...]
    witnesses: dict[str, Known]
    groups: dict[str, Group]
    quorum: str | None

    def satisfied(self, cosigned: Collection[str]) -> bool:
        """Whether these witnesses, by their names here, make the quorum."""
        return self.quorum is None or self._stands(self.quorum, cosigned)

    def _stands(self, name: str, cosigned: Collection[str]) -> bool:
        if name in self.witnesses:
            return name in cosigned
        group = self.groups[name]
        return sum(self._stands(one, cosigned) for one in group.members) >= group.needed

    def judge(self, note: Note) -> "Judged":
        """Who signed this checkpoint. Raises `Malformed` and `BadSignature`; decides no trust."""
        checkpoint = parse_checkpoint(note.text)
        logs = [known.key for known in self.logs]
        names = {known.key: name for name, known in self.witnesses.items()}
        found = vouchers(note, [*logs, *names])
        # A key speaks only for the log of its name, as the policy's format says.
        log = next((v for v in found if v.key in logs and v.key.name == checkpoint.origin), None)
        cosigned = {names[v.key]: v.at or 0 for v in found if v.key in names}
        return Judged(checkpoint, log, cosigned, self.satisfied(cosigned))


@dataclass(frozen=True)
class Judged:
    """log: the log's own signature, if there is one. cosigned: by witness, when it says it did."""

    checkpoint: Checkpoint
    log: Vouched | None
    cosigned: dict[str, int]
    quorum: bool

    @property
    def trusted(self) -> bool:
        return self.log is not None and self.quorum and self.checkpoint.sound_if_empty


@dataclass
class _Reading:
    logs: list[Known] = field(default_factory=list)
    witnesses: dict[str, Known] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    keys: set[bytes] = field(default_factory=set)
    members: set[str] = field(default_factory=set)
    quorum: list[str | None] = field(default_factory=list)

    def line(self, words: list[str]) -> None:
        readers = {
            "log": self._log, "witness": self._witness, "group": self._group,
            "quorum": self._quorum,
        }  # fmt: skip
        reader = readers.get(words[0])
        if reader is None:
            raise Malformed("a line begins with log, witness, group or quorum")
        reader(words)

    def _key(self, text: str, algorithms: frozenset[int], whose: str) -> VerifierKey:
        key = parse_vkey(text)
        if key.algorithm not in algorithms:
            raise Malformed(f"the key is not of a kind that a {whose} signs with")
        if key.public in self.keys:
            raise Malformed("the same public key stands here already; each may stand once")
        self.keys.add(key.public)
        return key

    def _log(self, words: list[str]) -> None:
        if len(words) not in _LOG_WORDS:
            raise Malformed("write: log KEY [URL]")
        self.logs.append(Known(self._key(words[1], LOG_ALGORITHMS, "log"), *words[2:]))

    def _new_name(self, name: str) -> str:
        if name == _NONE or name in self.witnesses or name in self.groups:
            raise Malformed("that name is taken; give each witness and group a name of its own")
        return name

    def _witness(self, words: list[str]) -> None:
        if len(words) not in _WITNESS_WORDS:
            raise Malformed("write: witness NAME KEY [URL]")
        name, key = self._new_name(words[1]), self._key(words[2], WITNESS_ALGORITHMS, "witness")
        self.witnesses[name] = Known(key, *words[3:])

    def _group(self, words: list[str]) -> None:
        if len(words) < _GROUP_WORDS:
            raise Malformed("write: group NAME all|any|NUMBER MEMBER...")
        name, members = self._new_name(words[1]), tuple(words[3:])
        for member in members:
            self._known_name(member)
            if member in self.members:
                raise Malformed("a witness or group may be a member only once")
            self.members.add(member)
        needed = {"any": 1, "all": len(members)}.get(words[2]) or decimal(words[2])
        if not 1 <= needed <= len(members):
            raise Malformed("a group needs at least 1 and at most all of its members")
        self.groups[name] = Group(needed, members)

    def _known_name(self, name: str) -> str:
        if name not in self.witnesses and name not in self.groups:
            raise Malformed("that name is of no witness or group on a line above")
        return name

    def _quorum(self, words: list[str]) -> None:
        if len(words) != _QUORUM_WORDS or self.quorum:
            raise Malformed("write once: quorum NAME, or quorum none")
        self.quorum.append(None if words[1] == _NONE else self._known_name(words[1]))


def parse_policy(data: bytes) -> Policy:
    """Bytes above 0x7f are opaque in this format, so they are carried along one by one."""
    text = data.decode("utf-8", "surrogateescape")
    reading, number = _Reading(), 0
    for number, line in enumerate(text.split("\n"), 1):
        words = line.replace("\t", " ").split(" ")
        words = [word for word in words if word]
        if _CONTROL.search(line):
            raise PolicyError(number, "it holds a control character; only tabs are allowed")
        if not words or words[0].startswith("#"):
            continue
        try:
            reading.line(words)
        except Malformed as error:
            raise PolicyError(number, f"{error}.") from error
    if not reading.logs:
        raise PolicyError(number, "the policy names no log; add a line: log KEY")
    if not reading.quorum:
        raise PolicyError(number, "the policy has no quorum; add a line: quorum NAME, or none")
    return Policy(tuple(reading.logs), reading.witnesses, reading.groups, reading.quorum[0])
