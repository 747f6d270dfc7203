"""Whose signatures are enough: read as the specification says, and judged by a small model."""

from itertools import chain, combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit_log.merkle import EMPTY_ROOT
from audit_log.trust.checkpoints import Checkpoint, parse_checkpoint
from audit_log.trust.notes import Note
from audit_log.trust.plain import Malformed
from audit_log.trust.policy import Group, Known, Policy, PolicyError, parse_policy
from audit_log.trust.signatures import BadSignature
from audit_log.trust.signers import Signer, sign_note, signer
from audit_log.trust.vkeys import COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44, ED25519

ORIGIN = "log.example/handrail"
LOG = signer(ORIGIN, ED25519)
WITNESSES = {
    name: signer(f"{name}.example", kind)
    for name, kind in {
        "X1": COSIGNATURE_ED25519, "X2": COSIGNATURE_ML_DSA_44, "X3": COSIGNATURE_ED25519,
        "Y1": COSIGNATURE_ED25519, "Y2": COSIGNATURE_ED25519,
    }.items()
}  # fmt: skip
LINES = [f"log {LOG.key} https://log.example", "", "# the board's own", "\t"]
LINES += [f"witness {name} {one.key}" for name, one in WITNESSES.items()]
LINES += [
    "group X-witnesses 2 X1 X2 X3",
    "group\tY-witnesses  any Y1 Y2 ",
    "group X-and-Y all X-witnesses Y-witnesses",
    "quorum X-and-Y",
]
CHECKPOINT = Checkpoint(ORIGIN, 3, bytes(range(32)))


def policy(*lines: str) -> Policy:
    return parse_policy("\n".join(lines or LINES).encode())


def signed(*signers: Signer, checkpoint: Checkpoint = CHECKPOINT) -> Note:
    return sign_note(str(checkpoint), signers, 1_700_000_000)


subsets = chain.from_iterable(combinations(WITNESSES, count) for count in range(6))


@pytest.mark.parametrize("names", list(subsets), ids=lambda names: "+".join(names) or "nobody")
def test_two_of_three_and_one_of_two_make_the_quorum(names: tuple[str, ...]) -> None:
    of_x = len([name for name in names if name.startswith("X")])
    expected = of_x >= 2 and len(names) > of_x
    judged = policy().judge(signed(LOG, *(WITNESSES[name] for name in names)))
    assert judged.trusted == judged.quorum == expected
    assert judged.cosigned == dict.fromkeys(names, 1_700_000_000)


def test_a_quorum_without_the_log_is_not_enough() -> None:
    judged = policy().judge(signed(*WITNESSES.values()))
    assert judged.quorum
    assert not judged.trusted


def test_a_key_speaks_only_for_the_log_of_its_name() -> None:
    other = Checkpoint("log.example/another", 3, bytes(32))
    assert not policy().judge(signed(LOG, *WITNESSES.values(), checkpoint=other)).trusted


def test_a_forged_cosignature_is_refused_whatever_else_is_there() -> None:
    note = signed(LOG, *WITNESSES.values())
    forged = [type(one)(one.name, one.key_id, bytes(len(one.signature))) for one in note.signatures]
    with pytest.raises(BadSignature):
        policy().judge(Note(note.text, (*note.signatures[:-1], forged[-1])))


def test_an_empty_tree_has_only_its_own_root() -> None:
    alone = policy(LINES[0], "quorum none")
    assert alone.judge(signed(LOG, checkpoint=Checkpoint(ORIGIN, 0, EMPTY_ROOT))).trusted
    assert not alone.judge(signed(LOG, checkpoint=Checkpoint(ORIGIN, 0, bytes(32)))).trusted


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("log", "write: log KEY"),
        (f"log {WITNESSES['X1'].key}", "not of a kind that a log"),
        (f"log {LOG.key}", "may stand once"),
        (f"witness Z {LOG.key}", "not of a kind that a witness"),
        (f"witness Z {WITNESSES['X1'].key}", "may stand once"),
        (f"witness X1 {signer('z', COSIGNATURE_ED25519).key}", "taken"),
        (f"witness none {signer('z', COSIGNATURE_ED25519).key}", "taken"),
        ("witness Z", "write: witness"),
        ("witness Z not-a-key", "three parts"),
        ("group G any", "write: group"),
        ("group G 0 X-and-Y", "at least 1"),
        ("group G 2 X-and-Y", "at most all"),
        ("group G 01 X-and-Y", "decimal"),
        ("group G any none", "no witness or group"),
        ("group G any later", "no witness or group"),
        ("group G any G", "no witness or group"),
        ("group G any X1", "only once"),
        ("quorum", "write once"),
        ("quorum X1", "write once"),
        ("quorums none", "begins with"),
        ("log\rkey", "control character"),
    ],
    # The keys are new in every process, and the names of tests are not.
    ids=lambda value: "a line with a key" if "+" in value else value,
)
def test_what_is_wrong_is_told_with_its_line(line: str, said: str) -> None:
    with pytest.raises(PolicyError, match=f"line {len(LINES) + 1}: .*{said}"):
        policy(*LINES, line)


def test_a_policy_names_a_log_and_a_quorum() -> None:
    with pytest.raises(PolicyError, match="names no log"):
        policy("quorum none")
    with pytest.raises(PolicyError, match="no quorum"):
        policy(LINES[0])


def test_names_and_remarks_are_any_bytes() -> None:
    lines = [
        LINES[0].encode(),
        b"# caf\xe9",
        f"witness K\u212a {WITNESSES['X1'].key}".encode(),
        "quorum K\u212a".encode(),
    ]
    assert parse_policy(b"\n".join(lines)).quorum == "K\u212a"


@given(st.data())
def test_more_cosignatures_never_break_a_quorum(data: st.DataObject) -> None:
    names = [f"w{number}" for number in range(data.draw(st.integers(1, 6)))]
    groups: dict[str, Group] = {}
    free = list(names)
    while len(free) > 1:
        members = data.draw(st.lists(st.sampled_from(free), min_size=1, unique=True))
        name = f"g{len(groups)}"
        groups[name] = Group(data.draw(st.integers(1, len(members))), tuple(members))
        free = [one for one in free if one not in members] + [name]
        if len(members) == 1 and len(groups) > 6:
            break
    made = Policy((), {name: Known(LOG.key) for name in names}, groups, free[-1])
    some = data.draw(st.sets(st.sampled_from(names)))
    more = some | data.draw(st.sets(st.sampled_from(names)))
    assert made.satisfied(more) or not made.satisfied(some)
    assert made.satisfied(names)


checkpoints = st.builds(
    Checkpoint,
    st.text(st.characters(min_codepoint=0x20, exclude_categories=["Cs"]), min_size=1),
    st.integers(0, 2**63 - 1),
    st.binary(min_size=32, max_size=32),
    st.lists(st.just("extension"), max_size=2).map(tuple),
)


@given(checkpoints)
def test_a_checkpoint_is_read_as_it_was_written(checkpoint: Checkpoint) -> None:
    assert parse_checkpoint(str(checkpoint)) == checkpoint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\n1\n",
        str(CHECKPOINT)[:-1],
        str(CHECKPOINT) + "\n",
        str(CHECKPOINT).replace("\n3\n", "\n03\n"),
        str(CHECKPOINT).replace("\n3\n", "\n-3\n"),
        str(CHECKPOINT).replace(ORIGIN, ""),
        f"{ORIGIN}\n3\nAAAA\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        parse_checkpoint(text)
