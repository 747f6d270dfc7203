"""The house as real processes on either bus, with all that they write within reach."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from typer.testing import CliRunner, Result

from handrail import migrations
from handrail.cli import build
from handrail.kafka_broker import Broker, KafkaCluster, KafkaUnavailable
from handrail.keys import make
from handrail.mailsink import Mail
from handrail.postgres import EmbeddedPostgres
from handrail.seed import seed
from shared.bus.kafka import TopicPlan, create_topics
from shared.clock import SetClock
from shared.events.catalogue import TOPICS
from shared.sealing import Opener
from tests.conftest import required
from tests.faults.harness import SERVICES, House, Surroundings, free_port
from tests.faults.issuer import Issuer
from tests.faults.mail import Mailbox
from tests.journey.privacy.marks import LA

DATABASE = "handrail"
# PostgreSQL compresses what is long: then a string could be there and not be found.
# The log refuses that its tables are changed, of a superuser too until this is said.
_UNCOMPRESSED = """
SET event_triggers = off;
DO $$
DECLARE one record;
BEGIN
    FOR one IN
        SELECT format('ALTER TABLE %I.%I ALTER COLUMN %I SET STORAGE EXTERNAL',
                      table_schema, table_name, column_name) AS said
        FROM information_schema.columns JOIN information_schema.tables
             USING (table_schema, table_name)
        WHERE table_schema IN ('intake', 'escalation', 'notify', 'audit_log', 'bus')
          AND table_type = 'BASE TABLE'
          AND data_type IN ('text', 'character varying', 'json', 'jsonb', 'bytea', 'ARRAY')
    LOOP
        EXECUTE one.said;
    END LOOP;
END
$$
"""


class QuickToForget(Broker):
    """Looks for what is past its retention all the time, not every five minutes."""

    def _settings(self, voters: str, brokers: int) -> str:
        return super()._settings(voters, brokers) + (
            "log.initial.task.delay.ms=200\n"
            "log.retention.check.interval.ms=500\n"
            "log.segment.delete.delay.ms=0\n"
        )


class OpenMailbox(Mailbox):
    @property
    def mails(self) -> list[Mail]:
        return list(self._sink.mails)


@dataclass(frozen=True)
class MeasuredSurroundings(Surroundings):
    metrics: dict[str, int]

    def environment(self, service: str) -> dict[str, str]:
        told = super().environment(service)
        return told | {"HANDRAIL_METRICS_PORT": str(self.metrics[service])}


@dataclass(frozen=True)
class Installation:
    """cluster: None on the embedded bus. place: every file of the house but PostgreSQL's."""

    house: House
    server: EmbeddedPostgres
    cluster: KafkaCluster | None
    mailbox: OpenMailbox
    place: Path

    @property
    def issuer(self) -> Issuer:
        return self.house.around.issuer

    @property
    def keys(self) -> Path:
        return self.house.around.keys

    @property
    def opener(self) -> Opener:
        """With every key there is."""
        return Opener.from_files(self.keys / "private")

    @property
    def superuser(self) -> str:
        return self.house.around.superuser

    @property
    def disks(self) -> list[Path]:
        """PostgreSQL's files and log, the broker's files and log, the services' logs."""
        return [self.server.data, self.server.data.parent / "log", self.place]

    def metrics(self) -> str:
        around = self.house.around
        assert isinstance(around, MeasuredSurroundings)
        ports = around.metrics.values()
        return "".join(httpx2.get(f"http://127.0.0.1:{port}/metrics").text for port in ports)

    async def elsewhere(self, statement: str) -> None:
        """From outside the database of the services."""
        await _execute(self.server.dsn(), statement)

    async def sql(self, statement: str, *values: Any) -> list[Any]:
        connection = await asyncpg.connect(self.superuser)
        try:
            return list(await connection.fetch(statement, *values))
        finally:
            await connection.close()

    async def ask(
        self, service: str, method: str, path: str, headers: dict[str, str], **how: Any
    ) -> httpx2.Response:
        async with httpx2.AsyncClient(timeout=20) as client:
            url = self.house.url(service) + path
            return await client.request(method, url, headers=headers, **how)

    def worker(self) -> dict[str, str]:
        return self.issuer.person("worker-7", role="worker", route="MASH", la=LA)

    async def privacy(self, *arguments: str, given: str | None = None) -> Result:
        """`handrail privacy …` as on a server, told of the databases by its environment."""
        around = self.house.around
        told = {
            "HANDRAIL_DATABASE_URL": around.dsn("intake"),
            "HANDRAIL_ESCALATION_DATABASE_URL": around.dsn("escalation"),
            "HANDRAIL_NOTIFY_DATABASE_URL": around.dsn("notify"),
            "HANDRAIL_AUDIT_LOG_DATABASE_URL": around.dsn("audit-log"),
        }
        mine = around.environment("intake") | told
        command = ["privacy", *arguments]

        def run() -> Result:
            return CliRunner().invoke(build("privacy"), command, env=mine, input=given)

        return await asyncio.to_thread(run)

    @asynccontextmanager
    async def topics_that_forget(self) -> Any:
        """Every record on Kafka is past its retention; at the end it is as before."""
        assert self.cluster is not None
        await _configure(self.cluster.servers, {"retention.ms": "1000", "segment.ms": "500"})
        try:
            yield
        finally:
            await _configure(self.cluster.servers, _plans()[0].config)


async def _configure(servers: str, config: dict[str, str]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        kind = ConfigResourceType.TOPIC
        await admin.alter_configs([ConfigResource(kind, t.name, configs=config) for t in TOPICS])
    finally:
        await admin.close()


@pytest.fixture(scope="package")
def place() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="handrail-privacy-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


def _cluster(place: Path) -> KafkaCluster:
    cluster = KafkaCluster(place)
    cluster.brokers = [
        QuickToForget(b.number, b.directory, (b.port, b.controller_port)) for b in cluster.brokers
    ]
    try:
        cluster.start()
    except KafkaUnavailable as reason:
        if required("kafka"):
            pytest.fail(str(reason))
        pytest.skip(f"Kafka: {reason}")
    asyncio.run(create_topics(cluster.servers, _plans()))
    return cluster


def _plans() -> list[TopicPlan]:
    return [TopicPlan(t.name, t.partitions, 1, 1, t.retention) for t in TOPICS]


async def _execute(dsn: str, statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statements)
    finally:
        await connection.close()


def _prepared(server: EmbeddedPostgres, keys: Path) -> None:
    server.start()
    asyncio.run(migrations.prepare(server.dsn(), DATABASE))
    for schema in migrations.SCHEMAS.values():
        migrations.upgrade(schema.name, server.dsn(DATABASE, schema.migrator))
    asyncio.run(_execute(server.dsn(DATABASE), _UNCOMPRESSED))
    make(keys)
    long_ago = SetClock(datetime(2026, 1, 1, tzinfo=UTC))
    asyncio.run(seed(server.dsn, DATABASE, keys, long_ago))


@pytest.fixture(scope="package", params=["postgres", "kafka"])
def installation(request: pytest.FixtureRequest, place: Path) -> Iterator[Installation]:
    # Side by side with others, the same parameter can have its turn twice.
    mine = Path(tempfile.mkdtemp(prefix=f"{request.param}-", dir=place))
    # As docs/how-to/privacy-requests.md asks of whoever runs the database.
    server = EmbeddedPostgres(mine / "database", ("wal_recycle=off", "min_wal_size=32MB"))
    issuer, cluster = Issuer(), None
    keys = mine / "keys"
    issuer.start()
    try:
        cluster = _cluster(mine / "kafka") if request.param == "kafka" else None
        _prepared(server, keys)
        with OpenMailbox() as mailbox:

            def dsn(service: str) -> str:
                return server.dsn(DATABASE, migrations.SCHEMAS[service].role)

            around = MeasuredSurroundings(
                dsn=dsn,
                reader=server.dsn(DATABASE, migrations.SCHEMAS["audit-log"].more["reader"]),
                superuser=server.dsn(DATABASE),
                bus=cluster.url if cluster else dsn("intake"),
                keys=keys,
                issuer=issuer,
                smtp_url=mailbox.url,
                metrics={service: free_port() for service in SERVICES},
            )
            house = House(around, mine)
            try:
                house.make_whole()
                yield Installation(house, server, cluster, mailbox, mine)
            finally:
                house.stop()
    finally:
        if cluster:
            cluster.kill()
        server.destroy()
        issuer.stop()
