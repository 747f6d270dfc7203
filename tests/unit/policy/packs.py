"""Small local packs for tests, beside the real national one."""

import shutil
from pathlib import Path

from shared.policy import Policy, load_policy
from shared.policy.load import PACKS

HEAD = """\
pack: testshire
extends: national
version: "1"
in_force: {from: 2026-09-01}
authority: "341"
name: Testshire
platform: yes
"""
RULE = """\
rules:
- id: TST-NEG-01
  rule: R-GEN-04
  title: Neglect of a child under two
  when: {concern_types: neglect, age_years: under 2}
  require:
  - {route: MASH, priority: P1, by: HOURS(1)}
  - {route: HEALTH, priority: P2, by: WD(1)}
  cite:
  - {source: project, para: "", tag: D}
  because: The youngest cannot wait.
  examples:
    match:
    - {concern_types: [neglect], age_years: 1}
    no_match:
    - {concern_types: [neglect], age_years: 2}
"""


def policy_with(directory: Path, local: str) -> Policy:
    shutil.copy(PACKS / "national.yaml", directory)
    (directory / "testshire.yaml").write_text(local)
    return load_policy(directory)
