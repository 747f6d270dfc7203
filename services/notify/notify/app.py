"""Puts notify together."""

from fastapi import FastAPI

from notify.handlers import Handlers, is_erased
from notify.old_rows import OLD
from notify.outgoing import SERVICE
from notify.routes import router
from notify.sender import run_senders
from notify.settings import NotifySettings
from shared.app import Runtime, Service, build_app
from shared.auth import Keys
from shared.clock import Clock, SystemClock
from shared.events.catalogue import TOPICS, topics_for
from shared.housekeeping import sweeping
from shared.inbox import Subscription

SETTINGS = NotifySettings


def subscription(runtime: Runtime) -> Subscription:
    handlers = Handlers(runtime.clock).by_type()
    heard = topics_for(SERVICE)
    types = {event.name for topic in TOPICS if topic.name in heard for event in topic.events}
    return Subscription(
        service=SERVICE,
        handlers=handlers,
        ignored=frozenset(types - handlers.keys()),
        seal=lambda raw, context: runtime.sealer.seal("dead_letter", raw, context=context),
        clock=runtime.clock,
        # Whoever has to act is told, whatever else of the concern could not be applied; and what
        # could not be applied must itself be erased, or held.
        raising=frozenset(
            {"case.opened", "task.opened", "task.link_made", "task.reminded"}
            | {"concern.held", "concern.erased"}
        ),
        erased=is_erased,
    )


def create_app(
    settings: NotifySettings, clock: Clock | None = None, token_keys: Keys | None = None
) -> FastAPI:
    service = Service(
        name=SERVICE,
        title="Handrail notify",
        routers=[router],
        subscription=subscription,
        background=[run_senders, sweeping(*OLD)],
    )
    return build_app(service, settings, clock or SystemClock(), token_keys)
