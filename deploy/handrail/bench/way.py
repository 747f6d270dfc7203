"""From the POST to the task in escalation, beside the least that could be done in its place."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from itertools import count
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import orjson

from handrail.bench import reference
from handrail.bench.figures import Figures, Goal, Machine, medians, ratio, spread
from handrail.bench.ground import NO_BUS, Ground, Missing, ground, load
from handrail.bench.load import Caller, connected, request
from handrail.bench.reference import Row
from handrail.bench.sample import bodies
from handrail.kafka_broker import KafkaCluster
from handrail.topics import TopicSettings, plans
from shared.bus.kafka import TopicPlan, create_topics, new_consumer, new_producer, stop_quietly
from shared.events.catalogue import TOPICS

_WHAT: Final = (
    "One concern at a time, from sending POST /v1/concerns to its task visible in escalation, as a "
    "trigger tells at its commit; intake and escalation are two processes. commit: one statement "
    "inserting rows as large as ours, by the bare driver. produce_consume_insert: bare aiokafka, "
    "acks=all, and one INSERT."
)
_TOPIC: Final = "bench.reference"
_PAUSE_SECONDS: Final = 0.02
_LOOK_SECONDS: Final = 0.05
_BOUND_SECONDS: Final = 20.0
_VISIBLE: Final = "SELECT EXISTS (SELECT FROM escalation.task WHERE case_id = $1)"
# To ask again and again would take half a processor from the very processes that are measured.
_TELL: Final = """
CREATE FUNCTION escalation.bench_told() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_notify('bench_told', ''); RETURN NULL; END $$;
CREATE TRIGGER bench_told AFTER INSERT ON escalation.task EXECUTE FUNCTION escalation.bench_told();
"""

Act = Callable[[], Awaitable[None]]


async def bench_way(seconds: float, rounds: int, *, kafka: bool) -> Figures:
    machine = Machine()
    runs: dict[str, list[Figures]] = {}
    async with ground() as on, AsyncExitStack() as stack:
        row = await _row(on)
        sides = {"embedded": await stack.enter_async_context(_embedded(on, row))}
        if kafka:
            cluster = KafkaCluster(on.place / "kafka")
            stack.callback(cluster.kill)
            await asyncio.to_thread(cluster.start)
            sides["kafka"] = await stack.enter_async_context(_over_kafka(on, row, cluster))
        for pair in sides.values():
            await _window(pair, 1.0)  # what a first time makes and later ones find
        for _ in range(rounds):
            for name, pair in sides.items():
                runs.setdefault(name, []).append(await _window(pair, seconds))
                machine.look()
    found = {name: medians(windows) for name, windows in runs.items()}
    ratios = {
        f"{name} way/reference {which}": ratio(one[f"{which}_ms"], one[f"reference_{which}_ms"])
        for name, one in found.items()
        for which in ("p50", "p99")
    }
    return {
        "what": _WHAT,
        "machine": machine.to_json() | {"seconds": seconds, "rounds": rounds},
        "sides": found,
        "ratios": ratios,
        "goals": [goal.to_json() for goal in _goals(found, ratios)],
    }


def _goals(found: Figures, ratios: Figures) -> list[Goal]:
    goals = [
        Goal("embedded p50 / a commit", ratios["embedded way/reference p50"], at_most=4.0),
        Goal("embedded p99, ms", found["embedded"]["p99_ms"], at_most=15.0),
    ]
    if "kafka" in found:
        for which, most in (("p50", 2.0), ("p99", 3.0)):
            reached = ratios[f"kafka way/reference {which}"]
            goals.append(Goal(f"Kafka {which} / bare aiokafka", reached, at_most=most))
    return goals


async def _row(on: Ground) -> Row:
    """A concern of ours as it is stored, from a database where nothing brings its event away."""
    await on.database("sample")
    worker = await on.service("intake", "sample", NO_BUS)
    async with load() as by:
        await by.run(
            port=worker.port,
            path="/v1/concerns",
            token=on.token(),
            clients=2,
            seconds=0.5,
            expect=201,
        )
    row = await on.reference_tables("sample")
    await on.end(worker)
    return row


async def _window(pair: tuple["_Way", Act], seconds: float) -> Figures:
    """In turn one of ours and one of the reference, so that both meet the same neighbours."""
    way, other = pair
    ours: list[float] = []
    answered: list[float] = []
    theirs: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        at = time.perf_counter()
        answered.append((await way.post() - at) * 1000)
        await way.visible()
        ours.append((time.perf_counter() - at) * 1000)
        await asyncio.sleep(_PAUSE_SECONDS)
        at = time.perf_counter()
        await other()
        theirs.append((time.perf_counter() - at) * 1000)
        await asyncio.sleep(_PAUSE_SECONDS)
    way_, answer, reference_ = spread(ours), spread(answered), spread(theirs)
    return {
        "count": way_["count"],
        "p50_ms": way_["p50"],
        "p99_ms": way_["p99"],
        "answered_p50_ms": answer["p50"],
        "reference_p50_ms": reference_["p50"],
        "reference_p99_ms": reference_["p99"],
    }


class _Way:
    """One connection to intake, and one to the database that the tasks appear in."""

    def __init__(self, caller: Caller, connection: Any, token: str, some: Sequence[bytes]) -> None:
        self._caller, self._connection, self._token = caller, connection, token
        self._bodies, self._number = some, count()
        self._concern = UUID(int=0)
        self._told = asyncio.Event()

    async def watch(self) -> None:
        await self._connection.execute(_TELL)
        await self._connection.add_listener("bench_told", lambda *_: self._told.set())

    async def post(self) -> float:
        """When it was answered."""
        self._told.clear()
        body = self._bodies[next(self._number) % len(self._bodies)]
        sent = request("/v1/concerns", self._token, body, uuid4().hex)
        status = await self._caller.ask(sent)
        at = time.perf_counter()
        if status != 201:  # noqa: PLR2004 - Created
            raise Missing(f"intake answered {status}")
        self._concern = UUID(orjson.loads(self._caller.body)["concerns"][0]["concern_id"])
        return at

    async def visible(self) -> None:
        try:
            async with asyncio.timeout(_BOUND_SECONDS):
                while True:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._told.wait(), _LOOK_SECONDS)
                    self._told.clear()
                    if await self._connection.fetchval(_VISIBLE, self._concern):
                        return
        except TimeoutError:
            raise Missing("a concern got no task in escalation") from None


@asynccontextmanager
async def _way(on: Ground, database: str, bus: str | None) -> AsyncIterator[_Way]:
    await on.database(database)
    intake = await on.service("intake", database, bus)
    await on.service("escalation", database, bus)
    caller = await connected(intake.port)
    connection = await asyncpg.connect(on.postgres.dsn(database))
    try:
        way = _Way(caller, connection, on.token(), bodies(200))
        await way.watch()
        yield way
    finally:
        caller.close()
        await connection.close()


@asynccontextmanager
async def _embedded(on: Ground, row: Row) -> AsyncIterator[tuple[_Way, Act]]:
    async with _way(on, "embedded", None) as way, _inserting(on, "embedded", row) as insert:
        yield way, insert


@asynccontextmanager
async def _inserting(on: Ground, database: str, row: Row) -> AsyncIterator[Act]:
    await on.reference_tables(database, row)
    connection = await asyncpg.connect(on.postgres.dsn(database))

    async def insert() -> None:
        await connection.execute(reference.INSERT, *row.arguments(uuid4().hex))

    try:
        yield insert
    finally:
        await connection.close()


@asynccontextmanager
async def _over_kafka(
    on: Ground, row: Row, cluster: KafkaCluster
) -> AsyncIterator[tuple[_Way, Act]]:
    settings = TopicSettings(bus=cluster.url, kafka_replication=1, kafka_min_insync=1)
    ours = plans(settings)
    theirs = TopicPlan(_TOPIC, TOPICS[0].partitions, 1, 1, TOPICS[0].retention)
    await create_topics(cluster.servers, [*ours, theirs])
    async with AsyncExitStack() as stack:
        way = await stack.enter_async_context(_way(on, "kafka", cluster.url))
        insert = await stack.enter_async_context(_inserting(on, "kafka", row))
        yield way, await stack.enter_async_context(_bare(cluster.servers, row, insert))


@asynccontextmanager
async def _bare(servers: str, row: Row, insert: Act) -> AsyncIterator[Act]:
    """Produce, consume, insert: what any service on Kafka does at the least."""
    producer = new_producer(servers, "bench")
    consumer = new_consumer(servers, "bench", "bench")
    inserted = asyncio.Event()
    value = row.data.encode()

    async def consume() -> None:
        async for _ in consumer:
            await insert()
            inserted.set()

    async def act() -> None:
        inserted.clear()
        await producer.send_and_wait(_TOPIC, value, key=uuid4().hex.encode())
        await asyncio.wait_for(inserted.wait(), _BOUND_SECONDS)

    await producer.start()
    consumer.subscribe([_TOPIC])
    await consumer.start()
    task = asyncio.create_task(consume())
    try:
        yield act
    finally:
        task.cancel()
        await asyncio.wait({task})
        await stop_quietly(consumer)
        await stop_quietly(producer)
