"""Plays a drill's morning against a demo over REST, and reads back what was done in time."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final, Literal
from uuid import uuid4

import httpx2

from handrail.drill_scenario import Expected, Scenario, Step

Json = dict[str, Any]
TokenFor = Callable[..., str]
Say = Callable[[str], None]
Wait = Callable[[timedelta], Awaitable[None]]
_LOOKS: Final = 60
_LOOK_SECONDS: Final = 0.25
_GIVEN: Final = ("Amber", "Bryn", "Coral", "Dale", "Ember", "Flint", "Hazel", "Jasper", "Opal")
# What of a case's history is that deed.
_DEEDS: Final = {
    "claim": {"claimed", "decided"},
    "rate": {"rated"},
    "decide": {"decided"},
    "answer": {"disagreement_answered"},
}
_DOING: Final = {
    "claim": "take it",
    "rate": "rate it",
    "decide": "decide it",
    "answer": "answer the school",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """after: minutes from the step to the deed; None where it was not done."""

    case: str
    expected: Expected
    after: float | None

    @property
    def how(self) -> Literal["in time", "late", "not done"]:
        if self.after is None:
            return "not done"
        return "in time" if self.after <= self.expected.within else "late"


@dataclass(slots=True)
class Drill:
    """token: `token(role, **how)` of the demo. wait: for as long as the script pauses."""

    scenario: Scenario
    client: httpx2.AsyncClient
    token: TokenFor
    wait: Wait
    say: Say
    cases: dict[str, str] = field(default_factory=dict)
    _open: list[tuple[str, datetime, Expected]] = field(default_factory=list)

    async def play(self) -> None:
        """Every step at its minute; raises httpx2.HTTPError where the demo does not answer."""
        self.say(f"{self.scenario.title}: {len(self.scenario.steps)} steps. All of it is invented.")
        gone = 0
        for step in self.scenario.steps:
            await self.wait(timedelta(minutes=step.at - gone))
            gone = step.at
            at = await self._do(step)
            self.say(f"\n{step.at:>3} min  {self._short(step.case)}  {step.says}")
            for expected in step.expect:
                self._open.append((step.case, at, expected))
                self.say(
                    f"         {expected.route}: {_DOING[expected.do]} within "
                    f"{expected.within} minutes. {expected.tip}"
                )

    async def outcomes(self) -> list[Outcome]:
        """As the cases stand now, read as a manager of each team reads them."""
        found = []
        for name, at, expected in self._open:
            case = await self._case(name, expected.route)
            done = _done(case, expected, at) if case else None
            after = (done - at) / timedelta(minutes=1) if done else None
            found.append(Outcome(name, expected, after))
        return found

    def left(self, outcomes: list[Outcome]) -> bool:
        """Whether something is still to be done."""
        return any(one.after is None for one in outcomes)

    def tell(self, outcomes: list[Outcome]) -> None:
        self.say("\nWhat was done:")
        for one in outcomes:
            minutes = "" if one.after is None else f", after {one.after:.0f} minutes"
            self.say(
                f"  {one.how:<9} {self._short(one.case)} {one.case}: {one.expected.route} "
                f"{_DOING[one.expected.do]} (within {one.expected.within}){minutes}"
            )
        good = sum(one.how == "in time" for one in outcomes)
        self.say(f"{good} of {len(outcomes)} in time.")

    def _short(self, name: str) -> str:
        return self.cases[name][-8:].upper()

    async def _do(self, step: Step) -> datetime:
        """Does what the school does, and returns when that was, by the demo's clock."""
        if step.post is not None:
            return await self._post(step)
        if step.amend is not None:
            return await self._amend(step)
        if step.disagree is not None:
            return await self._disagree(step)
        return await self._now(step.case)

    async def _post(self, step: Step) -> datetime:
        name = _GIVEN[len(self.cases) % len(_GIVEN)]
        body = {
            "school": {"urn": self.scenario.school},
            "source_record_id": f"DRILL-{uuid4().hex[:8]}",
            "reporter": {"role": "teacher", "does_teaching_work": True, "name": "Drill Teacher"},
            "children": [
                {
                    "ref": "child-1",
                    "given_name": name,
                    "family_name": f"Test-Drill-{uuid4().hex[:6]}",
                    "dob": "2014-05-01",
                    "sex": "F",
                    "home_la": self.scenario.la,
                }
            ],
            "facts": step.facts,
            "narrative": f"DRILL: {step.says}",
            "parents_informed": "no",
        }
        path = "/v1/concerns"
        if step.audience is not None:  # about no child: with a narrative it would be a concern
            path, kept = "/v1/disclosure-requests", ("school", "facts")
            body = {name: body[name] for name in kept}
            body |= {"audience": step.audience, "reporter": {"role": "head"}}
        told = await self._ask("POST", path, self._mis(), body)
        self.cases[step.case] = str(told["concerns"][0]["concern_id"])
        return datetime.fromisoformat(told["received_at"])

    async def _amend(self, step: Step) -> datetime:
        path = f"/v1/concerns/{self.cases[step.case]}/amendments"
        body = {"facts": step.facts, "narrative": f"DRILL: {step.says}"}
        told = await self._ask("POST", path, self._mis(), body)
        return datetime.fromisoformat(told["received_at"])

    async def _disagree(self, step: Step) -> datetime:
        path, lead = f"/v1/cases/{self.cases[step.case]}", self._bearer("dsl", self.scenario.school)
        seen = await self._arrived(path, lead)
        match = {"If-Match": f'"{seen["version"]}"'}
        body = {"reason": f"DRILL: {step.says}", "at_risk_now": False}
        told = await self._ask("POST", f"{path}/disagreement", lead | match, body)
        return datetime.fromisoformat(told["opened_at"])

    async def _arrived(self, path: str, headers: dict[str, str]) -> Json:
        """The case, which may still be on its way from intake."""
        for _ in range(_LOOKS):
            answer = await self.client.get(path, headers=headers)
            if answer.status_code != 404:  # noqa: PLR2004 - not there yet
                break
            await asyncio.sleep(_LOOK_SECONDS)
        answer.raise_for_status()
        found: Json = answer.json()
        return found

    async def _now(self, name: str) -> datetime:
        """By the demo's own clock: the moment at which a brief was read."""
        path = f"/v1/concerns/{self.cases[name]}"
        answer = await self.client.get(path, headers=self._mis())
        answer.raise_for_status()
        stamp = answer.headers.get("date")
        return parsedate_to_datetime(stamp) if stamp else self._last()

    def _last(self) -> datetime:
        return max(at for _, at, _ in self._open)

    async def _case(self, name: str, route: str) -> Json | None:
        headers = {
            "Authorization": "Bearer "
            + self.token("manager", route=route, la=self.scenario.la, account="drill-manager")
        }
        answer = await self.client.get(f"/v1/cases/{self.cases[name]}", headers=headers)
        if answer.status_code == 404:  # noqa: PLR2004 - no task of that team, yet
            return None
        answer.raise_for_status()
        found: Json = answer.json()
        return found

    def _mis(self) -> dict[str, str]:
        return self._bearer("mis", self.scenario.school) | {"Idempotency-Key": uuid4().hex}

    def _bearer(self, role: str, school: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(role, school=school)}"}

    async def _ask(
        self, method: str, path: str, headers: dict[str, str], body: Json | None = None
    ) -> Json:
        answer = await self.client.request(method, path, headers=headers, json=body)
        answer.raise_for_status()
        found: Json = answer.json()
        return found


def _done(case: Json, expected: Expected, since: datetime) -> datetime | None:
    """When the first deed of that kind was done after the step, by whoever did it."""
    kinds = _DEEDS[expected.do]
    at = [event["at"] for event in case["history"] if event["kind"] in kinds]
    after = [one for one in map(datetime.fromisoformat, at) if one >= since]
    return min(after, default=None)
