"""The page for operators names every metric and alarm that the code has, and no other."""

import re
from pathlib import Path

from shared.telemetry import REGISTRY

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "when-something-is-stuck.md").read_text()
# How often events were acknowledged is never a reason to act.
NO_TROUBLE = {"handrail_events_published"}


def test_the_page_names_every_metric_and_no_other() -> None:
    there = {metric.name for metric in REGISTRY.collect()} - NO_TROUBLE
    named = {name.removesuffix("_total") for name in re.findall(r"`(handrail_\w+)", PAGE)}
    assert named == there


def test_the_page_names_every_operator_alarm() -> None:
    files = [path for top in ("services", "shared") for path in (ROOT / top).rglob("*.py")]
    code = "".join(path.read_text() for path in files)
    raised = set(re.findall(r'operator_alarm\(f?"([a-z_]+)', code))
    raised |= set(re.findall(r'alarm = f?"([a-z_]+)', code)) | {"bank_holidays_unknown"}
    assert raised >= {"unaccounted", "directory_missing"}
    assert {code for code in raised if f"| `{code}` |" not in PAGE} == set()
