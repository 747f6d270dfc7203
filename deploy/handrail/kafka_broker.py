"""A local Apache Kafka for tests and trials: one broker or three, KRaft mode, Maven's jars."""

import asyncio
import base64
import os
import shutil
import signal
import socket
import subprocess
import time
import uuid
from pathlib import Path

from shared.bus.kafka import LOST, count_brokers

HOME = Path(__file__).parents[1] / "kafka"
JARS = HOME / "target" / "jars"
START_SECONDS = 120.0
# The place of the dash in the alphabet of base64 for addresses.
_DASH = 62
_JVM = ("-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto")


class KafkaUnavailable(Exception):
    """Says in one sentence what is missing or in the way."""


def fetch_jars() -> None:
    """Resolves Apache Kafka by `deploy/kafka/pom.xml`, once."""
    if shutil.which("java") is None:
        raise KafkaUnavailable("Kafka needs Java 17 or later: install it, then try again.")
    if any(JARS.glob("kafka_2.13-*.jar")):
        return
    if shutil.which("mvn") is None:
        raise KafkaUnavailable("Kafka's jars are got with Maven: install mvn, then try again.")
    command = ["mvn", "-q", "-B", "-f", str(HOME / "pom.xml"), "dependency:copy-dependencies"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        shutil.rmtree(JARS, ignore_errors=True)
        first = next(iter(done.stdout.strip().splitlines()), "no message")
        raise KafkaUnavailable(f"Maven could not get Kafka's jars: {first}")


class Broker:
    """One node, broker and controller in one, and what a fault test does to it."""

    def __init__(self, number: int, directory: Path, ports: tuple[int, int]) -> None:
        self.number = number
        self.port, self.controller_port = ports
        self.directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def prepare(self, cluster: str, voters: str, brokers: int) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self._properties.write_text(self._settings(voters, brokers), encoding="utf-8")
        if not (self.directory / "data" / "meta.properties").exists():
            self._format(cluster)

    def start(self) -> None:
        # A session of its own: Ctrl-C is for us, and we stop it when its clients are done.
        self._process = self._java("kafka.Kafka", str(self._properties))

    def stop(self) -> None:
        """A clean shutdown, bounded: a broker that lost its quorum would wait for it."""
        if self._process is None:
            return
        self.resume()
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """As a power cut."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()

    def pause(self) -> None:
        """It keeps its connections and answers nobody."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        if self._process is not None and self._process.poll() is None:
            os.kill(self._process.pid, number)

    @property
    def _properties(self) -> Path:
        return self.directory / "server.properties"

    def _java(self, *command: str) -> "subprocess.Popen[bytes]":
        logging = f"-Dlog4j2.configurationFile={HOME / 'log4j2.properties'}"
        line = ["java", *_JVM, logging, "-cp", f"{JARS}/*", *command]
        with (self.directory / "log").open("ab") as log:
            return subprocess.Popen(  # noqa: S603
                line, stdout=log, stderr=log, cwd=self.directory, start_new_session=True
            )

    def _format(self, cluster: str) -> None:
        properties = str(self._properties)
        format_ = self._java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", properties)
        if format_.wait(START_SECONDS):
            said = (self.directory / "log").read_text(errors="replace").strip().splitlines()
            raise KafkaUnavailable(
                f"Kafka could not make its files in {self.directory}: "
                f"{said[-1] if said else f'it ended with {format_.returncode}'}"
            )

    def _settings(self, voters: str, brokers: int) -> str:
        replicas = min(brokers, 3)
        settings = {
            "process.roles": "broker,controller",
            "node.id": self.number,
            "controller.quorum.voters": voters,
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},"
            f"CONTROLLER://127.0.0.1:{self.controller_port}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": self.directory / "data",
            "auto.create.topics.enable": "false",
            "default.replication.factor": replicas,
            "min.insync.replicas": max(1, replicas - 1),
            "unclean.leader.election.enable": "false",
            "offsets.topic.replication.factor": replicas,
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.min.isr": max(1, replicas - 1),
            # Quick to form a group and to notice a lost broker; a test waits for both.
            "group.initial.rebalance.delay.ms": 0,
            "group.min.session.timeout.ms": 1000,
            "broker.session.timeout.ms": 3000,
            "broker.heartbeat.interval.ms": 500,
            "controller.quorum.election.timeout.ms": 500,
            "controller.quorum.fetch.timeout.ms": 1000,
            "replica.lag.time.max.ms": 3000,
            "num.network.threads": 2,
            "num.io.threads": 2,
            "log.cleaner.dedupe.buffer.size": 4_000_000,
        }
        return "".join(f"{name}={value}\n" for name, value in settings.items())


class KafkaCluster:
    """Brokers on free ports of this machine, with their data and logs under `directory`."""

    def __init__(self, directory: Path, brokers: int = 1) -> None:
        ports = _free_ports(2 * brokers)
        self.brokers = [
            Broker(n + 1, directory / f"broker-{n + 1}", (ports[2 * n], ports[2 * n + 1]))
            for n in range(brokers)
        ]

    @property
    def servers(self) -> str:
        return ",".join(f"127.0.0.1:{broker.port}" for broker in self.brokers)

    @property
    def url(self) -> str:
        return f"kafka://{self.servers}"

    def start(self) -> None:
        """Returns once the cluster answers and knows all its brokers."""
        fetch_jars()
        cluster = _cluster_id(uuid.uuid4())
        voters = ",".join(f"{b.number}@127.0.0.1:{b.controller_port}" for b in self.brokers)
        for broker in self.brokers:
            broker.prepare(cluster, voters, len(self.brokers))
            broker.start()
        try:
            self.wait_until_ready()
        except BaseException:
            self.kill()
            raise

    def wait_until_ready(self) -> None:
        """By a real metadata request that names every broker that runs. Not for an event loop."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            running = [broker for broker in self.brokers if broker.running]
            if not running:
                break
            try:
                if asyncio.run(count_brokers(self.servers)) >= len(running):
                    return
            except LOST:
                pass
            time.sleep(0.1)
        log = self.brokers[0].directory / "log"
        raise KafkaUnavailable(f"Kafka did not start; its reason is at the end of {log}.")

    def stop(self) -> None:
        for broker in self.brokers:
            broker.stop()

    def kill(self) -> None:
        """When nobody wants the data any more."""
        for broker in self.brokers:
            broker.kill()


def _cluster_id(random: uuid.UUID) -> str:
    """In Kafka's own form. One that begins with a dash would be read as an option."""
    bytes_ = random.bytes if random.bytes[0] >> 2 != _DASH else b"\0" + random.bytes[1:]
    return base64.urlsafe_b64encode(bytes_).decode().rstrip("=")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
