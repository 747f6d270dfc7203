"""One concern through the stack of docker-compose.yml, in by the proxy; then an orderly end."""

import shutil
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from intake.emergency import NATIONAL
from tests.conftest import required
from tests.journey.compose.conftest import World
from tests.journey.compose.proxy import Proxy
from tests.journey.compose.stack import SERVICES

URN = "100001"
KENT = "886"
STOP_SECONDS = 15.0


@pytest.fixture(scope="module")
def proxy(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    if shutil.which("nginx") is None:
        (pytest.fail if required("proxy") else pytest.skip)("Proxy: install nginx, then try again.")
    with Proxy(world.stack, tmp_path_factory.mktemp("compose-proxy")).running() as proxy:
        yield proxy


def ask(world: World, method: str, service: str, path: str, token: str, **body: Any) -> Any:
    """The service itself, without the proxy."""
    headers = {"Authorization": f"Bearer {token}"}
    url = world.stack.url(service) + path
    answer = httpx2.request(method, url, headers=headers, timeout=10, trust_env=False, **body)
    assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
    return answer.json()


def ask_proxy(world: World, proxy: Proxy, method: str, path: str, **more: Any) -> httpx2.Response:
    trust = ssl.create_default_context(cafile=str(world.stack.secret("tls_certificate")))
    with httpx2.Client(verify=trust, base_url=proxy.url, timeout=20, trust_env=False) as client:
        return client.request(method, path, **more)


def soon(what: Callable[[], Any], seconds: float = 30) -> Any:
    """The first answer that is something."""
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "nothing came"
        time.sleep(0.2)
    return found


def sending(world: World, key: str) -> dict[str, Any]:
    """A concern as a school's system sends it."""
    token = world.issuer.token("sims", "client", "concerns:write", role="mis", urn=URN)
    child = {"ref": "child-1", "given_name": "Wren", "family_name": "Sparrow", "dob": "2014-05-01"}
    body = {
        "school": {"urn": URN},
        "source_record_id": key,
        "reporter": {"role": "teacher", "account": "t-1", "name": "Robin Finch"},
        "children": [child | {"home_la": KENT}],
        "facts": {"concern_types": ["physical"], "immediate_danger": "no"},
        "narrative": "Invented: a mark on the arm, shown to a teacher after the lesson.",
    }
    return {"headers": {"Authorization": f"Bearer {token}", "Idempotency-Key": key}, "json": body}


@pytest.fixture(scope="module")
def set_up(world: World) -> World:
    """What comes before the first concern: a grant for the client, an address to tell."""
    head = world.issuer.token("head-1", "person", role="head", urn=URN)
    grant = {"role": "mis", "client": "sims", "urn": URN}
    ask(world, "POST", "intake", "/v1/grants", head, json=grant)
    admin = world.issuer.token("admin-1", "person", role="admin")
    post = {"kind": "urn", "urn": URN, "post": "dsl", "email": "dsl@school.example.org"}
    ask(world, "POST", "notify", "/v1/directory", admin, json={"post": post})
    return world


def test_a_concern_becomes_a_task_a_mail_and_an_entry_of_the_log(
    set_up: World, proxy: Proxy
) -> None:
    world = set_up
    answer = ask_proxy(world, proxy, "POST", "/v1/concerns", **sending(world, "compose-1"))
    assert answer.status_code == 201, answer.text
    assert answer.json()["actions"]
    (concern,) = answer.json()["concerns"]

    worker = world.issuer.token("w-1", "person", role="worker", route="MASH", la=KENT)
    queue = f"/v1/queues/MASH?la={KENT}"
    task = soon(lambda: queued(ask(world, "GET", "escalation", queue, worker), concern))
    to, text = soon(lambda: mailed(world, task))
    # Kent's hub takes referrals on its own portal: that is for the school's lead to do.
    assert (task["awaiting_school_call"], to) == (True, ["dsl@school.example.org"])
    assert not any(name in text for name in ("Wren", "Sparrow", "Robin", "Finch"))

    auditor = world.issuer.token("a-1", "person", role="auditor")
    steps = {"concern.raised", "case.opened", "task.opened", "notice.sent"}
    soon(lambda: steps <= logged(ask(world, "GET", "audit-log", LOG, auditor), concern))
    note = soon(lambda: checkpoint(ask_proxy(world, proxy, "GET", "/checkpoint")))
    assert note.startswith("log.example.org\n")


def checkpoint(answer: httpx2.Response) -> str:
    """The checkpointer signs within a second of the first entry."""
    return answer.text if answer.status_code == httpx2.codes.OK else ""


LOG = "/v1/log/entries?limit=1000"


def queued(page: Any, concern: Any) -> Any:
    return next((t for t in page["items"] if t["case_id"] == concern["concern_id"]), None)


def mailed(world: World, task: Any) -> Any:
    return next((mail for mail in world.mail.messages if task["task_id"] in mail[1]), None)


def logged(page: Any, concern: Any) -> set[str]:
    return {e["type"] for e in page["entries"] if e["subject"] == concern["concern_id"]}


@pytest.mark.parametrize("service", SERVICES)
def test_the_proxy_reaches_every_service(world: World, proxy: Proxy, service: str) -> None:
    described = ask_proxy(world, proxy, "GET", f"/{service}/openapi.json").json()
    assert described["info"]["title"].lower().replace(" ", "-") == f"handrail-{service}"


def test_a_body_above_25_mib_is_refused_with_the_numbers_to_ring(
    world: World, proxy: Proxy
) -> None:
    too_much = b"x" * (25 * 1024 * 1024 + 1)
    answer = ask_proxy(world, proxy, "POST", "/v1/concerns", content=too_much)
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["emergency"] == NATIONAL


def test_what_passes_the_proxy_leaves_no_file(set_up: World, proxy: Proxy) -> None:
    """A picture in a concern, sent in pieces, is on its way and never on a disk."""
    sent = sending(set_up, "compose-2")
    picture = "data:image/png;base64," + "iVBORw0K" * 400_000
    sent["json"]["children"][0]["photo"] = picture
    answer = ask_proxy(set_up, proxy, "POST", "/v1/concerns", **sent)
    assert answer.status_code == 201, answer.text
    assert answer.json()["dropped_media"] == 1
    assert proxy.written() == []


def test_told_to_stop_every_service_ends_well_and_in_time(world: World) -> None:
    world.stack.terminate(*SERVICES)
    for name in SERVICES:
        assert world.stack.ended(name, STOP_SECONDS) == 0, world.stack.log(name)
    for name in SERVICES:
        log = world.stack.log(name)
        assert "Traceback" not in log, log
        assert not any(word in log for word in ("Wren", "Sparrow", "Robin", "Finch", "mark on"))


def test_while_services_are_away_the_proxy_says_whom_to_ring(world: World, proxy: Proxy) -> None:
    world.stack.kill()
    answer = ask_proxy(world, proxy, "POST", "/v1/concerns", **sending(world, "compose-3"))
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert answer.json()["emergency"] == NATIONAL
    assert proxy.stop() == 0
