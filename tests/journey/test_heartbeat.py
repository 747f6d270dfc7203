"""The heartbeat goes the whole way, exists for nobody, and says which step is late."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx2
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from typer.testing import CliRunner

from escalation.heartbeat import end_old
from escalation.old_rows import OF_CASE
from escalation.old_rows import OLD as ESCALATION_OLD
from handrail.heartbeat import HEARTBEAT_CLIENT, STEPS, Pulse
from handrail.heartbeat_cli import heartbeat_app
from handrail.paths import service_for
from intake.old_rows import HEARTBEATS as INTAKE_BEATS
from notify.old_rows import OLD as NOTIFY_OLD
from shared.housekeeping import KEPT, sweep
from shared.telemetry import REGISTRY
from tests.house import House


def token(house: House, **other: str) -> Callable[[], Awaitable[str]]:
    claims = {"client": HEARTBEAT_CLIENT, "school": "999099"} | other

    async def made() -> str:
        return house.issuer.token("mis", **claims)

    return made


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def late() -> float:
    return sample("handrail_operator_alarms_total", code="heartbeat_late")


async def answered(house: House, path: str, role: Any, **who: str) -> Any:
    answer = await house.client.get(path, headers=house.issuer.headers(role, **who))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_it_arrives_everywhere_and_nobody_sees_it(house: House) -> None:
    made = await Pulse(house.client, token(house), patience=30).once()
    assert made.missing is None
    assert set(made.took) == set(STEPS)
    assert sample("handrail_heartbeat_seconds", step="told") == made.took["told"]
    for route in ("MASH", "EDT", "EARLY_HELP", "EST"):
        assert await house.queue(route, "821") == []
    lead = await answered(house, "/v1/tasks?state=all", "dsl", school="999099")
    assert lead["items"] == []
    figures = await answered(house, "/v1/reports/figures?la=821", "manager", route="MASH", la="821")
    assert figures["cases"] == 0
    mails = [mail for mail in house.mail.mails if "heartbeat@school-999099.example" in mail.to]
    assert len(mails) == 1
    assert "DRILL" in mails[0].subject


async def test_its_task_ends_by_itself_before_any_clock_asks_for_somebody(house: House) -> None:
    await Pulse(house.client, token(house), patience=30).once()
    sessions = house.apps["escalation"].state.runtime.sessions
    assert await end_old(sessions, house.clock) == 0
    house.clock.advance(timedelta(minutes=6))
    assert await end_old(sessions, house.clock) == 1
    assert await end_old(sessions, house.clock) == 0


async def test_a_real_case_of_a_school_is_not_ended_with_it(house: House) -> None:
    body = {"reporter": {"role": "teacher"}, "children": [{"ref": "child-1", "home_la": "821"}]}
    await house.post_concern(body, "real")
    await house.until(lambda: house.queue("MASH", "821"))
    house.clock.advance(timedelta(minutes=6))
    assert await end_old(house.apps["escalation"].state.runtime.sessions, house.clock) == 0


@pytest.mark.parametrize("other", [{"client": "demo-mis"}, {"school": "999002"}])
async def test_only_its_own_client_speaks_for_its_school(
    house: House, other: dict[str, str]
) -> None:
    made = await Pulse(house.client, token(house, **other), patience=1).once()
    assert made.missing == "accepted"


async def test_what_does_not_arrive_is_an_alarm_that_names_the_step(house: House) -> None:
    class NothingIsTold(httpx2.AsyncBaseTransport):
        """The house, in which the notice of a task has not been sent yet."""

        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            answer = await house.client._transport.handle_async_request(request)
            await answer.aread()
            body = answer.content.replace(b'"state":"sent"', b'"state":"queued"')
            return httpx2.Response(answer.status_code, content=body)

    before = late()
    async with httpx2.AsyncClient(transport=NothingIsTold(), base_url="http://house") as client:
        made = await Pulse(client, token(house), patience=1).once()
    assert made.missing == "told"
    assert late() == before + 1


async def test_the_command_beats_once_and_says_how_long_each_step_took(
    house: House, tmp_path: Path
) -> None:
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{port.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(_Whole(house), log_config=None, lifespan="off"))
        serving = asyncio.create_task(server.serve([port]))
        file = tmp_path / "token"
        file.write_text(await token(house)())
        options = ["--url", base, "--token", str(file), "--once", "--patience", "30s"]
        result = await asyncio.to_thread(CliRunner().invoke, heartbeat_app, options)
        server.should_exit = True
        await serving
    assert result.exit_code == 0, result.output
    said = [line.partition(" after ")[0] for line in result.output.splitlines()]
    assert said == list(STEPS)


def test_what_is_missing_on_the_command_line_is_said() -> None:
    for options, says in (([], "--url"), (["--url", "http://127.0.0.1:1"], "--token")):
        result = CliRunner().invoke(heartbeat_app, options)
        assert result.exit_code == 2
        assert says in result.output


async def test_the_heartbeats_ground_is_prepared_twice_without_harm(house: House) -> None:
    secret = (house.keys / "match.secret").read_text()
    for service, option in (("intake", ["--la", "821"]), ("notify", ["--mail", "a@b.example"])):
        env = {"HANDRAIL_DATABASE_URL": house.database.dsn(service)}
        env["HANDRAIL_MATCH_SECRET"] = secret
        for _ in range(2):
            options = ["prepare", service, *option]
            run = partial(CliRunner().invoke, heartbeat_app, options, env=env)
            result = await asyncio.to_thread(run)
            assert result.exit_code == 0, result.output


class _Whole:
    """The house's services behind one port, each by its path."""

    def __init__(self, house: House) -> None:
        self._apps = house.apps

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        service = service_for(scope["path"])
        assert service is not None
        await self._apps[service](scope, receive, send)


async def tables_with(house: House, service: str, ids: list[UUID]) -> set[str]:
    """Of a service's tables those with a row of one of these concerns or incidents."""
    named = (
        "SELECT table_name AS t, column_name AS c FROM information_schema.columns "
        "WHERE table_schema = current_schema() AND udt_name = 'uuid'"
    )
    connection = await asyncpg.connect(house.database.dsn(service))
    columns = await connection.fetch(named)
    asked = 'SELECT EXISTS (SELECT FROM "{t}" WHERE "{c}" = ANY($1))'
    found = {row["t"] for row in columns if await connection.fetchval(asked.format(**row), ids)} - {
        "outbox"
    }
    await connection.close()
    return found


async def test_an_old_one_is_forgotten_everywhere_and_a_schools_concern_is_not(
    house: House,
) -> None:
    body = {"reporter": {"role": "teacher"}, "children": [{"ref": "child-1", "home_la": "821"}]}
    answer = (await house.post_concern(body, "real")).json()
    real = [UUID(answer["incident_id"]), UUID(answer["concerns"][0]["concern_id"])]
    await Pulse(house.client, token(house), patience=30).once()
    house.clock.advance(timedelta(minutes=6))
    await house.until(lambda: house.queue("MASH", "821"))
    await end_old(house.apps["escalation"].state.runtime.sessions, house.clock)
    intake = await asyncpg.connect(house.database.dsn("intake"))
    own = "SELECT c.id, c.incident_id FROM concern c JOIN submission s ON s.id = c.incident_id "
    [(concern_id, incident_id)] = await intake.fetch(own + "WHERE s.urn = '999099'")
    await intake.close()
    swept = {"intake": (INTAKE_BEATS,), "escalation": ESCALATION_OLD, "notify": NOTIFY_OLD}
    for service, old in swept.items():
        beat, sessions = [concern_id, incident_id], house.apps[service].state.runtime.sessions
        held, kept = [await tables_with(house, service, ids) for ids in (beat, real)]
        assert held
        young = house.clock.now() + KEPT - timedelta(days=1)
        assert await sweep(service, sessions, young, *old) == 0
        assert await sweep(service, sessions, young + timedelta(days=2), *old) > 0
        assert await tables_with(house, service, beat) == set()
        assert await tables_with(house, service, real) >= kept


async def test_what_refers_to_a_case_is_deleted_with_a_heartbeats(house: House) -> None:
    """A table that is added later must be named there, or no sweep goes through any more."""
    connection = await asyncpg.connect(house.database.dsn("escalation"))
    refers = await connection.fetch(
        "SELECT conrelid::regclass::text AS t FROM pg_constraint WHERE contype = 'f' "
        "AND confrelid IN ('case_file'::regclass, 'task'::regclass)"
    )
    await connection.close()
    # Only a worker links two cases, and none sees a heartbeat.
    assert {row["t"] for row in refers} - {"link_decision"} <= set(OF_CASE)
