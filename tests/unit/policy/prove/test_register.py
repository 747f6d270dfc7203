"""What is wrong with the duty register is told with its line, in words."""

from pathlib import Path

import pytest

from shared.policy import PolicyError
from shared.policy.prove.duties import REGISTER, load_register
from tests.unit.policy.prove.planted import POLICY

HEAD = """\
register: duties
version: "1"
sources: {act: An Act}
recipients: [DSL]
owners: [dsl]
any_hour: [DSL]
never: []
promises:
- id: D-01
  say: Somebody hears.
"""
WHEN = "  when: {concern_types: fgm}\n"
THEN = "  then:\n  - {route: DSL, priority: P1, no_later_than: now}\n"
CITE = "  cite: [{source: act, para: s.1, tag: Q}]\n"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (HEAD + "  when: {concern_type: fgm}\n" + THEN + CITE, "there is no fact `concern_type`"),
        (HEAD + WHEN + "  then:\n  - {route: DLS}\n" + CITE, "there is no route `DLS`"),
        (HEAD + WHEN + "  then:\n  - {forbid: [nope]}\n" + CITE, "there is no prohibition `nope`"),
        (HEAD + WHEN + "  then:\n  - {often: yes}\n" + CITE, "`then` cannot hold often"),
        (HEAD + WHEN + "  then: [{route: DSL, no_later_than: soon}]\n" + CITE, "no clock `soon`"),
        (HEAD + WHEN + THEN, "`cite` is missing; every promise has one"),
        (HEAD + WHEN + THEN + "  cite: [{source: acts, tag: Q}]\n", "unknown source `acts`"),
        (HEAD + WHEN + THEN + CITE + "  else: no\n", "a promise cannot hold else"),
        (HEAD + WHEN + "  free: [weather]\n" + THEN + CITE, "there is no fact weather"),
    ],
)  # fmt: skip
def test_a_mistake_names_its_file_line_and_promise(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "promises.yaml"
    path.write_text(text)
    with pytest.raises(PolicyError) as caught:
        load_register(POLICY.schema, POLICY.national, path)
    (problem,) = caught.value.problems
    assert problem.startswith("promises.yaml:9: promise D-01: ")
    assert says in problem


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    path = tmp_path / "promises.yaml"
    path.write_text(REGISTER.read_text().replace("\nowners: [with_child", "\nholders: [with_child"))
    with pytest.raises(PolicyError, match="`holders` is not a part") as caught:
        load_register(POLICY.schema, POLICY.national, path)
    assert any("`owners` is missing" in problem for problem in caught.value.problems)
