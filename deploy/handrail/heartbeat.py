"""The heartbeat from outside: posts an invented concern, and watches it arrive at every service."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal
from uuid import uuid4

import httpx2
import structlog

from escalation.heartbeat import HEARTBEAT_URN
from handrail.issuer import issue
from shared.clock import SystemClock
from shared.telemetry import HEARTBEAT_AGE, HEARTBEAT_SECONDS, operator_alarm

log = structlog.get_logger(__name__)
HEARTBEAT_CLIENT: Final = "handrail-heartbeat"
Step = Literal["accepted", "queued", "told", "logged"]
STEPS: Final[tuple[Step, ...]] = ("accepted", "queued", "told", "logged")
Token = Callable[[], Awaitable[str]]
_LOOK_SECONDS: Final = 0.25
# Of no kind, not urgent, for the school's lead alone: nobody is rung for it whatever the hour.
_FACTS: Final = {
    "concern_types": ["other"],
    "immediate_danger": "no",
    "harm_level": "emerging_need",
    "knowledge_basis": "suspicion_or_risk",
}


@dataclass(slots=True)
class Beat:
    """One heartbeat. took: seconds from the post to each step that it has reached."""

    took: dict[Step, float] = field(default_factory=dict)

    @property
    def missing(self) -> Step | None:
        return next((step for step in STEPS if step not in self.took), None)


async def beat(client: httpx2.AsyncClient, token: Token, patience: float) -> Beat:
    """Posts one and looks until it has arrived everywhere, or until patience (seconds) ends.

    queued: its task is open. told: the notice of it has been sent. Both are read as a school reads
    them, so they have come all the way back. logged: the audit log has grown since.
    """
    began, made = time.monotonic(), Beat()
    try:
        headers = {"Authorization": f"Bearer {await token()}"}
        before = await _log_size(client)
        concern = await _post(client, headers)
        made.took["accepted"] = time.monotonic() - began
        while made.missing and time.monotonic() - began < patience:
            await _look(client, headers, concern, before, made, began)
            if made.missing:
                await asyncio.sleep(_LOOK_SECONDS)
    except (httpx2.HTTPError, KeyError, ValueError, OSError) as error:
        # What it is does not matter here: the step that is missing says who does not answer.
        log.warning("heartbeat failed", error=type(error).__name__)
    return made


async def _post(client: httpx2.AsyncClient, headers: dict[str, str]) -> str:
    body = {
        "school": {"urn": HEARTBEAT_URN},
        "reporter": {"role": "teacher"},
        "children": [{"ref": "child-1"}],
        "facts": _FACTS,
        "narrative": "Heartbeat: nothing has happened.",
    }
    key = {"Idempotency-Key": uuid4().hex}
    answer = await client.post("/v1/concerns", json=body, headers=headers | key)
    answer.raise_for_status()
    return str(answer.json()["concerns"][0]["concern_id"])


async def _look(  # noqa: PLR0917 - what one look needs
    client: httpx2.AsyncClient,
    headers: dict[str, str],
    concern: str,
    before: int,
    made: Beat,
    began: float,
) -> None:
    answer = await client.get(f"/v1/concerns/{concern}", headers=headers)
    answer.raise_for_status()
    tasks: list[dict[str, Any]] = answer.json()["tasks"]
    sent = [notice for task in tasks for notice in task["notices"] if notice["state"] == "sent"]
    reached: dict[Step, bool] = {"queued": bool(tasks), "told": bool(sent)}
    if "queued" in made.took:
        reached["logged"] = await _log_size(client) > before
    for step, there in reached.items():
        if there:
            made.took.setdefault(step, time.monotonic() - began)


async def _log_size(client: httpx2.AsyncClient) -> int:
    answer = await client.get("/v1/log/root")
    answer.raise_for_status()
    return int(answer.json()["size"])


class Pulse:
    """Keeps beating, and keeps the metrics and the alarm."""

    def __init__(self, client: httpx2.AsyncClient, token: Token, patience: float) -> None:
        self._client, self._token, self._patience = client, token, patience
        self._arrived = time.monotonic()
        HEARTBEAT_AGE.set_function(lambda: time.monotonic() - self._arrived)

    async def once(self) -> Beat:
        began = time.monotonic()
        made = await beat(self._client, self._token, self._patience)
        for step, seconds in made.took.items():
            HEARTBEAT_SECONDS.labels(step).set(seconds)
        if made.missing is None:
            self._arrived = began
        else:
            operator_alarm(f"heartbeat_late:{made.missing}")
        return made

    async def keep_beating(self, every: float) -> None:
        """Until it is cancelled; `every` is in seconds, from one post to the next."""
        while True:
            began = time.monotonic()
            await self.once()
            await asyncio.sleep(max(1.0, every - (time.monotonic() - began)))


async def demo_beat(base: str, data: Path) -> None:
    """Inside the demo: from a minute after its start, every five."""

    async def token() -> str:
        school, clock = HEARTBEAT_URN, SystemClock()
        return issue(data, role="mis", client=HEARTBEAT_CLIENT, school=school, clock=clock)

    await asyncio.sleep(60)
    async with httpx2.AsyncClient(base_url=base, timeout=20, trust_env=False) as client:
        await Pulse(client, token, patience=60).keep_beating(300)
