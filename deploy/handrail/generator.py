"""Invented concerns from the demo's schools, posted over REST as a school's system would."""

import asyncio
import random
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx2
import structlog

log = structlog.get_logger(__name__)

SCHOOLS = {"999001": "886", "999002": "821", "999003": "926"}
_GIVEN = ("Amber", "Bryn", "Coral", "Dale", "Ember", "Flint", "Hazel", "Jasper", "Opal", "Rowan")
_FAMILY = ("Test-Ash", "Test-Birch", "Test-Cedar", "Test-Elm", "Test-Larch", "Test-Yew")

# What happened, in the words of a school's system. Nobody in them lives anywhere.
_STORIES: tuple[tuple[dict[str, Any], str], ...] = (
    (
        {
            "concern_types": ["online_contact_grooming"],
            "source_of_harm": ["adult_online"],
            "immediate_danger": "no",
            "harm_level": "suspected_significant",
        },
        "A stranger in a game asks the pupil for photographs and for the name of the school.",
    ),
    (
        {
            "concern_types": ["neglect"],
            "immediate_danger": "no",
            "harm_level": "emerging_need",
            "consent": "given",
        },
        "Hungry on most mornings this half term; the parent asks for help.",
    ),
    (
        {
            "concern_types": ["physical"],
            "knowledge_basis": "told_by_the_child",
            "source_of_harm": ["parent_carer"],
            "immediate_danger": "no",
            "harm_level": "suspected_significant",
            "consent_unsafe": "yes",
        },
        "Marks on the arm; says that a grown-up at home did it.",
    ),
    (
        {
            "concern_types": ["fgm"],
            "knowledge_basis": "told_by_the_child",
            "immediate_danger": "no",
        },
        "Tells her teacher what was done to her when she was six.",
    ),
    (
        {
            "concern_types": ["radicalisation"],
            "immediate_danger": "no",
            "harm_level": "in_need",
            "weapon": "no",
        },
        "Repeats slogans of an extremist channel; no threat to anyone.",
    ),
    (
        {"concern_types": ["cyberbullying"], "immediate_danger": "no", "harm_level": "in_need"},
        "A group chat about the pupil went on for weeks.",
    ),
    ({}, "Something is not right at home, the pupil will not say what."),
)


def invented_concern(choice: random.Random, urn: str) -> dict[str, Any]:
    """One submission as in the API's documentation; every name and date is made up."""
    facts, narrative = choice.choice(_STORIES)
    fgm = facts.get("concern_types") == ["fgm"]
    return {
        "school": {"urn": urn},
        "source_record_id": f"DEMO-{uuid4().hex[:8]}",
        "reporter": {
            "role": "teacher",
            "does_teaching_work": True,
            "account": f"demo-teacher-{urn}",
            "name": "Demo Teacher",
            "contact": f"teacher@school-{urn}.example",
        },
        "children": [
            {
                "ref": "child-1",
                "given_name": choice.choice(_GIVEN),
                "family_name": choice.choice(_FAMILY),
                "dob": f"{choice.randint(2010, 2020)}-0{choice.randint(1, 9)}-11",
                "sex": "F" if fgm else choice.choice("FM"),
                "home_la": SCHOOLS[urn],
            }
        ],
        "facts": facts,
        "narrative": narrative,
        "parents_informed": "no",
        "disclosure_request": "none",
    }


async def keep_posting(
    base_url: str, token: Callable[[str], str], every: tuple[float, float] = (2.0, 8.0)
) -> None:
    """Posts until it is cancelled; `token` gives a school's access token. Trouble is logged only:
    the demo goes on without its generator, and says so."""
    choice = random.Random()  # noqa: S311 - invents stories, guards nothing
    async with httpx2.AsyncClient(base_url=base_url, timeout=10, trust_env=False) as client:
        while True:
            urn = choice.choice(sorted(SCHOOLS))
            headers = {
                "Authorization": f"Bearer {token(urn)}",
                "Idempotency-Key": uuid4().hex,
            }
            try:
                answer = await client.post(
                    "/v1/concerns", json=invented_concern(choice, urn), headers=headers
                )
                if answer.is_error:
                    log.warning("generator refused", status=answer.status_code)
            except httpx2.HTTPError as error:
                log.warning("generator failed", error=type(error).__name__)
            await asyncio.sleep(choice.uniform(*every))
