"""The guide for vendors says what is so."""

import json
import re
from pathlib import Path

from tests.journey.intake.harness import Intake

GUIDE = Path(__file__).parents[3] / "docs" / "reference" / "intake-api.md"


async def test_the_examples_of_the_guide_are_accepted(intake: Intake) -> None:
    guide = GUIDE.read_text()
    body = re.search(r"<<'JSON'\n(.*?)\nJSON", guide, re.DOTALL)
    assert body is not None
    raised = await intake.post(json.loads(body[1]))
    assert raised.status_code == 201
    assert raised.json()["data_issues"] == []
    members = set(re.findall(r"`(\w+)`", guide))
    assert not raised.json().keys() - members
    grant = re.search(r"-d '(.*?)'", guide)
    assert grant is not None
    given = await intake.post(json.loads(grant[1]), path="/v1/grants", who=intake.person("head"))
    assert given.status_code == 201


async def test_every_address_is_in_the_guide(intake: Intake) -> None:
    guide = GUIDE.read_text()
    paths = (await intake.http.get("/intake/openapi.json")).json()["paths"]
    assert paths
    assert [path for path in paths if path not in guide] == []
