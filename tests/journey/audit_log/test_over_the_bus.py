"""The running services: a task becomes a mail, and the log has both within seconds."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

import httpx2
from fastapi import FastAPI
from pydantic import SecretStr

from audit_log.app import create_app as create_audit_log
from audit_log.settings import AuditSettings
from handrail.mailsink import MailSink, mail_router
from notify.app import create_app as create_notify
from notify.directory import DirectoryRow, import_directory
from notify.settings import NotifySettings
from shared.app import Runtime
from shared.clock import SystemClock
from shared.events.cases import TaskOpened
from shared.outbox import commit, emit
from shared.settings import Settings
from tests.conftest import TestIssuer
from tests.journey.audit_log.conftest import example

DUTY = "duty@mash.example"


async def test_a_task_on_the_bus_is_mailed_and_logged(
    settings_for: Callable[..., Settings], wall_issuer: TestIssuer
) -> None:
    sink = MailSink()
    await sink.start()
    settings = settings_for(
        "notify",
        NotifySettings,
        smtp_url=SecretStr(sink.url),
        mail_from="notices@handrail.example",
        public_url="https://handrail.example",
    )
    notify = create_notify(settings, SystemClock(), wall_issuer.keys)  # type: ignore[arg-type]
    audit = create_audit_log(
        settings_for("audit-log", AuditSettings),  # type: ignore[arg-type]
        SystemClock(),
        wall_issuer.keys,
    )
    notify.include_router(mail_router(sink))
    async with AsyncExitStack() as running:
        running.push_async_callback(sink.stop)
        for app in (notify, audit):
            await running.enter_async_context(app.router.lifespan_context(app))
        task = TaskOpened.model_validate(example("task.opened"))
        await opened(notify.state.runtime, task)
        types = await logged(audit, wall_issuer, 2)
        assert types == ["task.opened", "notice.sent"]
        transport = httpx2.ASGITransport(app=notify)
        async with httpx2.AsyncClient(transport=transport, base_url="http://demo") as http:
            page = (await http.get("/mail")).text
            (mail,) = (await http.get("/mail.json")).json()["mails"]
    assert mail["to"] == [DUTY]
    assert mail["subject"].startswith("DRILL: do not call")
    assert DUTY in page


async def opened(runtime: Runtime, task: TaskOpened) -> None:
    """Puts the task on the bus through an outbox, with someone in the directory to be told."""
    async with runtime.sessions() as session:
        row = DirectoryRow(kind="team", route=task.route, la=task.la, post="queue", email=DUTY)
        await import_directory(session, [row], synthetic=True)
        at, case = task.opened_at, task.case_id
        emit(session, "task.opened", case, task, producer="escalation", at=at)
        await commit(session)
    runtime.doorbell.ring()


async def logged(audit: FastAPI, issuer: TestIssuer, count: int) -> list[str]:
    transport = httpx2.ASGITransport(app=audit)
    async with httpx2.AsyncClient(transport=transport, base_url="http://audit") as http:
        async with asyncio.timeout(20):
            while True:
                answer = await http.get("/v1/log/entries", headers=issuer.headers("auditor"))
                entries = answer.json()["entries"]
                types = [entry["type"] for entry in entries if entry["type"] != "log.searched"]
                if len(types) >= count:
                    return types
                await asyncio.sleep(0.1)
