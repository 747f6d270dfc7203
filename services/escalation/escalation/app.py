"""Wires the escalation service: what it hears, what it serves, what it does by itself."""

from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import FastAPI
from sqlmodel.ext.asyncio.session import AsyncSession

from escalation import (
    acknowledge,
    case_view,
    claim,
    decide_case,
    details,
    disagreement,
    hand_over,
    information,
    links,
    milestones,
    pausing,
    question,
    queue,
    take_next,
    tasks,
)
from escalation.concerns import on_amended, on_raised
from escalation.deciding import Rules
from escalation.disclosure import routes as disclosure
from escalation.erasing import is_erased, on_entered_in_error, on_erased, on_held
from escalation.figures import routes as figures
from escalation.hand_read import on_poison
from escalation.heartbeat import end_heartbeats
from escalation.live import prune_often
from escalation.notices import on_notice_failed, on_notice_sent
from escalation.old_rows import OLD
from escalation.one_time import Links
from escalation.settings import EscalationSettings
from escalation.shift import routes as shift
from escalation.shift.late import watch_handovers
from escalation.timers import run_timers
from escalation.understood import on_driven_again
from escalation.web import (
    TEMPLATES,
    case,
    live,
    policy,
    policy_what_if,
    queues,
    tasks_case,
    tasks_once,
    triage,
)
from escalation.web import disclosure as disclosure_page
from escalation.web import figures as figures_page
from escalation.web import shift as shift_page
from escalation.web import tasks as tasks_pages
from escalation.web.live import live_in
from shared.app import Runtime, Service, build_app
from shared.auth import Keys
from shared.bus import Record
from shared.clock import Clock, SystemClock
from shared.events.catalogue import TOPICS
from shared.events.envelope import Event
from shared.housekeeping import sweeping
from shared.inbox import Handler, Subscription
from shared.policy.control.serving import serving_packs
from shared.web import install_pages, sweep_sign_ins

NAME: Final = "escalation"
SETTINGS: Final = EscalationSettings
ROUTERS: Final = tuple(
    module.router
    for module in (
        queue,
        tasks,
        case_view,
        claim,
        decide_case,
        disagreement,
        links,
        milestones,
        take_next,
        hand_over,
        information,
        question,
        pausing,
        disclosure,
        figures,
        shift,
        acknowledge,
        details,
    )
)

PAGES: Final = (
    figures_page.router,
    shift_page.router,
    queues.router,
    case.router,  # its addresses look like a queue's
    triage.router,
    policy.router,
    policy_what_if.router,
    disclosure_page.router,
    tasks_once.router,
    tasks_case.router,
    tasks_pages.router,
)

# An amendment can only raise, a hold only stops, and that nobody could be told, or was after all,
# must be seen on the very case that is read by hand: none of them waits behind a dead letter.
_NEVER_HELD: Final = frozenset(
    {"concern.amended", "concern.held", "concern.erased", "notice.failed", "notice.sent"}
)


def create_app(
    settings: EscalationSettings, clock: Clock | None = None, token_keys: Keys | None = None
) -> FastAPI:
    clock = clock or SystemClock()
    packs = serving_packs(NAME, settings.packs, settings.pack_approvers, clock)

    def subscription(runtime: Runtime) -> Subscription:
        return subscribe(runtime, rules)

    async def timers(runtime: Runtime) -> None:
        await run_timers(runtime, rules)

    async def feed(_: Runtime) -> None:
        await app.state.live.feed.run()

    async def ends(_: Runtime) -> None:
        await app.state.live.ends.run()

    service = Service(
        name=NAME,
        title="Handrail escalation",
        routers=ROUTERS,
        subscription=subscription,
        background=(
            timers,
            feed,
            ends,
            prune_often,
            sweep_sign_ins,
            watch_handovers,
            end_heartbeats,
            sweeping(*OLD),
        ),
        ready_members=packs.ready_members,
    )
    app = build_app(service, settings, clock, token_keys)
    links = Links(app.state.runtime.sealer, settings.one_time_link_hours)
    rules = Rules(packs.policies, clock, links)
    app.state.rules, app.state.live = rules, live_in(app)
    app.include_router(live.router)
    install_pages(app, NAME, settings, clock, routers=PAGES, templates=TEMPLATES, home="/triage")
    return app


def subscribe(runtime: Runtime, rules: Rules) -> Subscription:
    def deciding(
        handler: Callable[[AsyncSession, Event, Rules], Awaitable[None]],
    ) -> Handler:
        async def handle(session: AsyncSession, event: Event) -> None:
            await handler(session, event, rules)

        return understanding(handle)

    def understanding(handler: Handler) -> Handler:
        async def handle(session: AsyncSession, event: Event) -> None:
            await handler(session, event)
            await on_driven_again(session, event, rules)

        return handle

    async def poison(
        session: AsyncSession, record: Record, event: Event | None, reason: str
    ) -> None:
        await on_poison(session, record, event, reason, rules)

    return Subscription(
        service=NAME,
        handlers={
            "concern.raised": deciding(on_raised),
            "concern.amended": deciding(on_amended),
            "concern.erased": understanding(on_erased),
            "concern.held": understanding(on_held),
            "concern.entered_in_error": understanding(on_entered_in_error),
            "notice.failed": on_notice_failed,
            "notice.sent": on_notice_sent,
        },
        ignored=frozenset(
            event.name for topic in TOPICS for event in topic.events if NAME not in event.consumers
        ),
        seal=lambda raw, context: runtime.sealer.seal("dead_letter", raw, context=context),
        clock=rules.clock,
        raising=_NEVER_HELD,
        on_poison=poison,
        erased=is_erased,
    )
