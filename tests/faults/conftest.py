"""Two houses of real processes: one on a Kafka broker of its own, one on the embedded bus."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from typer.testing import CliRunner

from handrail import migrations
from handrail.kafka_broker import KafkaCluster, KafkaUnavailable
from handrail.topics import topics_app
from tests.conftest import required
from tests.faults.harness import House, Server, Surroundings
from tests.faults.issuer import Issuer
from tests.faults.load import CLIENT, URN
from tests.faults.mail import Mailbox

_GIVEN = f"""
INSERT INTO intake.school (urn, la, name, phase, synthetic)
VALUES ('{URN}', '886', 'Drill School', 'secondary', true);
INSERT INTO intake.grant_row
    (id, client, role, urn, valid_from, given_by_ref, given_at, sandbox, synthetic)
VALUES (gen_random_uuid(), '{CLIENT}', 'mis', '{URN}', now() - interval '1 day', 'drill', now(),
        false, true);
INSERT INTO notify.post (id, kind, urn, route, la, post, email, synthetic)
VALUES (gen_random_uuid(), 'urn', '{URN}', NULL, NULL, 'dsl', 'dsl@school.example', true),
       (gen_random_uuid(), 'team', NULL, 'MASH', NULL, 'queue', 'mash@hub.example', true);
"""


@dataclass(frozen=True)
class Ground:
    """What both houses stand on."""

    server: Server
    keys: Path
    issuer: Issuer
    mailbox: Mailbox

    def surroundings(self, database: str, bus: str | None) -> Surroundings:
        def dsn(service: str) -> str:
            return self.server.dsn(database, migrations.SCHEMAS[service].role)

        return Surroundings(
            dsn=dsn,
            reader=self.server.dsn(database, migrations.SCHEMAS["audit-log"].more["reader"]),
            superuser=self.server.dsn(database),
            bus=bus or dsn("intake"),
            keys=self.keys,
            issuer=self.issuer,
            smtp_url=self.mailbox.url,
        )


@pytest.fixture(scope="package")
def place() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="handrail-faults-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="package")
def server(place: Path) -> Iterator[Server]:
    made = Server(place)
    made.start()
    yield made
    made.postgres.destroy()


@pytest.fixture(scope="package")
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as made:
        yield made


@pytest.fixture(scope="package")
def ground(server: Server, sealing_keys: Path, mailbox: Mailbox) -> Iterator[Ground]:
    issuer = Issuer()
    issuer.start()
    yield Ground(server, sealing_keys, issuer, mailbox)
    issuer.stop()


@pytest.fixture(scope="package")
def broker(place: Path) -> Iterator[KafkaCluster]:
    cluster = KafkaCluster(place / "kafka")
    try:
        cluster.start()
    except KafkaUnavailable as reason:
        if required("kafka"):
            pytest.fail(str(reason))
        pytest.skip(f"Kafka: {reason}")
    environment = {
        "HANDRAIL_BUS": cluster.url,
        "HANDRAIL_KAFKA_REPLICATION": "1",
        "HANDRAIL_KAFKA_MIN_INSYNC": "1",
    }
    made = CliRunner().invoke(topics_app, ["create"], env=environment)
    assert made.exit_code == 0, made.output
    yield cluster
    cluster.stop()


@contextmanager
def _house(place: Path, name: str, ground: Ground, bus: str | None) -> Iterator[House]:
    directory = place / name
    directory.mkdir()
    asyncio.run(migrations.prepare(ground.server.dsn(), name))
    around = ground.surroundings(name, bus)
    for service, schema in migrations.SCHEMAS.items():
        migrations.upgrade(service, ground.server.dsn(name, schema.migrator))
    asyncio.run(_execute(around.superuser, _GIVEN))
    house = House(around, directory)
    try:
        house.make_whole()
        yield house
    finally:
        house.stop()


async def _execute(dsn: str, statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statements)
    finally:
        await connection.close()


@pytest.fixture(scope="package")
def house_on_kafka(place: Path, ground: Ground, broker: KafkaCluster) -> Iterator[House]:
    with _house(place, "on_kafka", ground, broker.url) as made:
        yield made


@pytest.fixture(scope="package")
def house_on_postgres(place: Path, ground: Ground) -> Iterator[House]:
    with _house(place, "on_postgres", ground, None) as made:
        yield made


@pytest.fixture
def house(house_on_kafka: House) -> House:
    """The house on Kafka, with every service running whatever the test before did to it."""
    house_on_kafka.make_whole()
    return house_on_kafka
