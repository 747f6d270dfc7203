"""The page for senders and the code list the same issues."""

import re
from pathlib import Path

from shared.events.data_issues import SENTENCES

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "lenient-intake.md"


def test_every_issue_is_on_the_page_with_its_sentence() -> None:
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| (.+) \|$", PAGE.read_text(), re.MULTILINE))
    assert rows == SENTENCES
