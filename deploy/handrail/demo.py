"""`handrail demo`: the whole house in one process behind one port, on invented data alone."""

import asyncio
import fcntl
import signal
import socket
import sys
import webbrowser
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from threading import Thread
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.types import Receive, Scope, Send

from handrail import keys, migrations
from handrail.files import USUAL_DATA
from handrail.generator import keep_posting
from handrail.heartbeat import demo_beat
from handrail.home import home_router
from handrail.house import CHECKPOINTER, SERVICES, part
from handrail.issuer import (
    DEMO_ALGORITHM,
    DEMO_AUDIENCE,
    client_secret,
    demo_jwks,
    issue,
    issuer_app,
)
from handrail.issuer_people import PEOPLE_CLIENT, PEOPLE_PATH, People, people_router
from handrail.listening import listening
from handrail.log_keys import make_log_keys, policy_file, signing_file
from handrail.mailsink import MailSink, mail_router
from handrail.paths import service_for
from handrail.postgres import EmbeddedPostgres, PostgresUnavailable
from handrail.seed import CLIENTS, seed
from shared.auth import DEMO_ISSUER, FixedKeys
from shared.clock import Clock, SystemClock
from shared.errors import install_problem_handlers
from shared.log import configure_logging

HOST = "127.0.0.1"
DATABASE = "handrail"
# A demo shares its machine with what its user does: no helper processes that it has no use for.
SMALL = (
    "shared_buffers=16MB",
    "max_connections=120",
    "io_method=sync",
    "jit=off",
    "max_logical_replication_workers=0",
    "autovacuum_max_workers=1",
)

PortOption = Annotated[int, typer.Option(help="Port on this machine.")]
DataOption = Annotated[Path, typer.Option(help="Directory for all of the demo's data.")]


def demo(
    port: PortOption = 8000,
    data: DataOption = USUAL_DATA,
    generator: Annotated[bool, typer.Option(help="Keep posting invented concerns.")] = True,
    browser: Annotated[bool, typer.Option(help="Open the front page in a browser.")] = True,
) -> None:
    """Run everything on this machine: invented schools, a token issuer, a mail sink."""
    configure_logging("demo")
    # A plain SIGTERM would skip the clean-up below and leave PostgreSQL running.
    signal.signal(signal.SIGTERM, _leave)
    try:
        with _only_user_of(data), listening(HOST, port) as listener:
            _run(data, listener, generator=generator, browser=browser)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    except PostgresUnavailable as error:
        _give_up(str(error))


def _leave(_: int, __: FrameType | None) -> NoReturn:
    raise SystemExit(0)


def _give_up(sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(1)


@contextmanager
def _only_user_of(data: Path) -> Iterator[None]:
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (data / "lock").open("w")
    except OSError as error:
        _give_up(
            f"The directory {data} cannot be used ({error.strerror}): name another with --data."
        )
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _give_up(f"Another demo is using {data}: stop it, or name another with --data.")
        yield


def _run(data: Path, listener: socket.socket, *, generator: bool, browser: bool) -> None:
    postgres = EmbeddedPostgres(data / "postgres", SMALL)
    # PostgreSQL takes its time in processes of its own; the services can be read meanwhile.
    reading = Thread(target=lambda: [part(name) for name in (*SERVICES, CHECKPOINTER)])
    reading.start()
    try:
        postgres.start()
        reading.join()
        asyncio.run(migrations.prepare(postgres.dsn(), DATABASE))
        for schema in migrations.SCHEMAS.values():
            migrations.upgrade(schema.name, postgres.dsn(DATABASE, schema.migrator))
        keys.make(data / "keys")
        make_log_keys(data / "keys", "localhost/handrail-demo")
        asyncio.run(seed(postgres.dsn, DATABASE, data / "keys", SystemClock()))
        base = f"http://{HOST}:{listener.getsockname()[1]}"
        house = _house(postgres, data, base, generator=generator)
        server = _Server(house, base, browser=browser)
        server.run([listener])
        if not server.started:
            _give_up("The demo could not start; the reason stands above.")
    finally:
        reading.join()  # or it would go on importing while the interpreter ends
        postgres.stop()


class _Server(uvicorn.Server):
    """Says that the demo is ready once it listens, and not before."""

    def __init__(self, house: FastAPI, base: str, *, browser: bool) -> None:
        config = uvicorn.Config(
            house,
            access_log=False,
            log_config=None,  # its own would print tracebacks, with what was submitted
            server_header=False,
            # With a browser connected a stream never ends by itself.
            timeout_graceful_shutdown=1,
        )
        super().__init__(config)
        self._house, self._base, self._browser = house, base, browser

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._house.state.listening.set()
            sys.stdout.write(f"ready {self._base}\n")
            sys.stdout.flush()
            if self._browser:
                await asyncio.to_thread(webbrowser.open, self._base)


def service_settings(
    service: str, postgres: EmbeddedPostgres, data: Path, base: str, smtp_port: int
) -> Any:
    """What each service is told inside the demo; nothing of it holds outside."""
    dsn = SecretStr(postgres.dsn(DATABASE, migrations.SCHEMAS[service].role))
    opens = {"escalation": "details", "notify": "contacts"}.get(service)
    common: dict[str, Any] = {
        "database_url": dsn,
        "database_pool": 2,
        "bus": dsn,
        "issuer": DEMO_ISSUER,
        "audience": DEMO_AUDIENCE,
        "algorithm": DEMO_ALGORITHM,
        "jwks_url": f"{base}/issuer/jwks",
        "keys_public": keys.public_file(data / "keys"),
        "keys_private": data / "keys" / "private" / f"{opens}.json" if opens else None,
        "match_secret": SecretStr(keys.secret_file(data / "keys").read_text()),
        "synthetic": True,
    }
    if service in migrations.WITH_PAGES:
        common |= {
            "origin": base,
            "oidc_issuer": base + PEOPLE_PATH,
            "oidc_client_id": PEOPLE_CLIENT,
            "oidc_client_secret": SecretStr(client_secret(data, PEOPLE_CLIENT)),
            "oidc_algorithm": DEMO_ALGORITHM,
        }
    if service == "intake":
        common["lanes"] = 1
    if service == "audit-log":
        reader = migrations.SCHEMAS[service].more["reader"]
        common["reader_database_url"] = SecretStr(postgres.dsn(DATABASE, reader))
        common["log_policy"] = policy_file(data / "keys")
    if service == "notify":
        common |= {
            "smtp_url": SecretStr(f"smtp://{HOST}:{smtp_port}"),
            "mail_from": "handrail@demo.example",
            "public_url": base,
        }
    return part(service).settings(**common)


def _checkpointer(postgres: EmbeddedPostgres, data: Path, clock: Clock) -> FastAPI:
    """Signs the log every second; auditors find its key in `keys/log.vkeys`."""
    made = part(CHECKPOINTER)
    role = migrations.SCHEMAS["audit-log"].more["checkpointer"]
    settings: Any = made.settings(
        database_url=SecretStr(postgres.dsn(DATABASE, role)),
        log_keys=signing_file(data / "keys"),
        log_memory=data / "log.signed",
        log_policy=policy_file(data / "keys"),
    )
    return made.create_app(settings, clock, None)


def _house(postgres: EmbeddedPostgres, data: Path, base: str, *, generator: bool) -> FastAPI:
    """One ASGI app: the four services by path, and what only the demo has."""
    clock = SystemClock()
    sink = MailSink()
    services: dict[str, FastAPI] = {}

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await sink.start()
            stack.push_async_callback(sink.stop)
            token_keys = FixedKeys(demo_jwks(data), DEMO_ALGORITHM)
            for service in SERVICES:
                told = service_settings(service, postgres, data, base, sink.port)
                services[service] = part(service).create_app(told, clock, token_keys)
            running = [*services.values(), _checkpointer(postgres, data, clock)]
            await stack.enter_async_context(_all_running(running))
            background = [asyncio.create_task(demo_beat(base, data))]
            if generator:
                background.append(asyncio.create_task(_generate(app, base, data)))
            yield
            for task in background:
                task.cancel()

    app = FastAPI(lifespan=lifespan, openapi_url=None)
    app.state.listening = asyncio.Event()
    install_problem_handlers(app)
    option = "" if data == USUAL_DATA else f" --data {data}"
    app.include_router(home_router(base, option, generator))
    app.include_router(mail_router(sink))
    for extra in issuer_app(data, clock, CLIENTS).routes:
        app.router.routes.append(extra)
    app.include_router(people_router(People(data, base, SERVICES, clock)))
    app.add_middleware(_ByPath, services=services)
    return app


async def _generate(app: FastAPI, base: str, data: Path) -> None:
    def token(urn: str) -> str:
        return issue(data, role="mis", client="demo-mis", school=urn, clock=SystemClock())

    await app.state.listening.wait()
    await keep_posting(base, token)


class _ByPath:
    """Hands a request to the service whose path it is, as the proxy does elsewhere."""

    def __init__(self, app: Any, services: dict[str, FastAPI]) -> None:
        self._demo, self._services = app, services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        service = service_for(scope["path"]) if scope["type"] == "http" else None
        app = self._demo if service is None else self._services[service]
        await app(scope, receive, send)


@asynccontextmanager
async def _all_running(apps: list[FastAPI]) -> AsyncIterator[None]:
    """Starts and stops them side by side: one after the other the stop would take too long."""
    stop = asyncio.Event()

    async def run(app: FastAPI, ready: asyncio.Event) -> None:
        async with app.router.lifespan_context(app):
            ready.set()
            await stop.wait()

    readies = [asyncio.Event() for _ in apps]
    tasks = [asyncio.create_task(run(app, ready)) for app, ready in zip(apps, readies, strict=True)]
    try:
        for ready, task in zip(readies, tasks, strict=True):
            waiting = asyncio.create_task(ready.wait())
            await asyncio.wait((waiting, task), return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                task.result()  # it ended before it was ready: this raises why
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks)
