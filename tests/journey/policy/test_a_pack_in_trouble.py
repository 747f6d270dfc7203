"""A service starts whatever became of the packs, decides safely, and says which one is wrong."""

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from structlog.testing import capture_logs

from handrail.house import part
from shared.clock import SetClock
from shared.policy.control.ledger import LOCK
from shared.settings import Settings
from shared.telemetry import REGISTRY
from tests.conftest import TestIssuer
from tests.unit.policy.control.desk import LATER, LOCAL, Desk, new_desk

Start = Callable[[str, Path], AbstractAsyncContextManager[httpx2.AsyncClient]]
BOTH = pytest.mark.parametrize("service", ["intake", "escalation"])
pytestmark = pytest.mark.usefixtures("durable")  # a service is ready on no other database


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    desk = new_desk(tmp_path_factory.mktemp("control") / "packs")
    desk.release(LOCAL)
    return desk


@pytest.fixture
def desk(released: Desk, tmp_path: Path) -> Desk:
    shutil.copytree(released.packs, tmp_path / "packs")
    return Desk(tmp_path / "packs", released.keys)


@pytest.fixture
def start(settings_for: Callable[..., Settings], clock: SetClock, issuer: TestIssuer) -> Start:
    @asynccontextmanager
    async def run(service: str, packs: Path) -> AsyncIterator[httpx2.AsyncClient]:
        made = part(service)
        app = made.create_app(settings_for(service, made.settings, packs=packs), clock, issuer.keys)
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(
                transport=httpx2.ASGITransport(app=app), base_url="http://house"
            ) as client,
        ):
            yield client

    return run


def troubles(service: str, pack: str) -> float | None:
    return REGISTRY.get_sample_value("handrail_pack_troubles", {"service": service, "pack": pack})


def alarms(code: str) -> float:
    return REGISTRY.get_sample_value("handrail_operator_alarms_total", {"code": code}) or 0


@BOTH
async def test_it_starts_with_the_last_signed_version_of_a_broken_pack(
    service: str, desk: Desk, start: Start
) -> None:
    desk.write(LATER.replace("under 2", "under two"))
    before = alarms("pack_not_as_written")
    with capture_logs() as logs:
        async with start(service, desk.packs) as client:
            answer = await client.get("/readyz")
    assert answer.status_code == 200
    policy = answer.json()["policy"]
    assert {"testshire", "national"} == {entry["pack"] for entry in policy["packs"]}
    (trouble,) = policy["troubles"]
    assert trouble["pack"] == "testshire"
    assert trouble["why"].startswith("testshire.yaml:9: rule TST-NEG-01: `age_years` cannot be")
    assert trouble["instead"] == "testshire 1 decides, as it was signed"
    assert alarms("pack_not_as_written") == before + 1
    assert troubles(service, "testshire") == 1
    assert any("testshire.yaml:9" in str(line.get("where")) for line in logs)


@BOTH
async def test_it_starts_with_the_national_rules_where_nothing_was_signed(
    service: str, desk: Desk, start: Start
) -> None:
    desk.write(LOCAL.replace("testshire", "newshire"), "newshire")
    before = alarms("pack_left_out")
    async with start(service, desk.packs) as client:
        policy = (await client.get("/readyz")).json()["policy"]
    assert [trouble["instead"] for trouble in policy["troubles"]] == [
        "the national rules alone decide there"
    ]
    assert alarms("pack_left_out") == before + 1


@BOTH
async def test_it_starts_with_the_packs_that_came_with_it_where_the_lock_is_lost(
    service: str, desk: Desk, start: Start
) -> None:
    (desk.packs / LOCK).write_text("not a lock")
    async with start(service, desk.packs) as client:
        policy = (await client.get("/readyz")).json()["policy"]
    assert {"national", "kent"} <= {entry["pack"] for entry in policy["packs"]}
    assert policy["troubles"][0]["why"].startswith("released.lock:")


@BOTH
async def test_all_is_well_where_everything_is_as_it_was_signed(
    service: str, desk: Desk, start: Start
) -> None:
    async with start(service, desk.packs) as client:
        policy = (await client.get("/readyz")).json()["policy"]
    assert (policy["signed"], policy["troubles"]) == (True, [])
    assert troubles(service, "testshire") == 0
