"""Puts intake together."""

from fastapi import FastAPI

from intake import amendment_routes, emergency, grant_routes, receipt_routes, routes
from intake.authority import Authority
from intake.desk import Desk, IntakeSettings
from intake.lanes import Lanes
from intake.limits import Limiter
from intake.old_rows import HEARTBEATS
from intake.privacy import is_erased
from intake.receipts import HANDLERS, IGNORED, RAISING
from intake.schools import Register
from intake.straight import Straight
from shared.app import Runtime, Service, build_app
from shared.auth import Keys
from shared.clock import Clock, SystemClock
from shared.housekeeping import sweeping
from shared.inbox import Subscription
from shared.policy.control.dated import DatedPolicies
from shared.policy.control.serving import serving_packs

SETTINGS = IntakeSettings
PROBLEM_MEMBERS = {"emergency": emergency.NATIONAL}


def create_app(
    settings: IntakeSettings, clock: Clock | None = None, token_keys: Keys | None = None
) -> FastAPI:
    clock = clock or SystemClock()
    # Read once, before the first request: advice waits for nothing that can be away.
    packs = serving_packs("intake", settings.packs, settings.pack_approvers, clock)
    lanes = Lanes(settings.database_url.get_secret_value(), settings.lanes)

    async def run_lanes(runtime: Runtime) -> None:
        await lanes.run(runtime.doorbell.ring)

    app = build_app(
        Service(
            name="intake",
            title="Handrail intake",
            routers=[
                routes.router,
                amendment_routes.router,
                receipt_routes.router,
                grant_routes.router,
            ],
            subscription=subscription,
            background=[run_lanes, sweeping(HEARTBEATS)],
            problem_members=PROBLEM_MEMBERS,
            ready_members=packs.ready_members,
        ),
        settings,
        clock,
        token_keys,
    )
    app.add_middleware(Straight, problem_members=PROBLEM_MEMBERS)
    app.state.problem_members = PROBLEM_MEMBERS
    app.state.desk = _desk(app.state.runtime, settings, lanes, packs.policies)
    return app


def _desk(
    runtime: Runtime, settings: IntakeSettings, lanes: Lanes, policies: DatedPolicies
) -> Desk:
    register = Register(runtime.sessions)
    authority = Authority(
        runtime.sessions,
        register,
        runtime.clock,
        secret=runtime.secret,
        synthetic=settings.synthetic,
    )
    return Desk(
        runtime=runtime,
        policies=policies,
        lanes=lanes,
        authority=authority,
        limiter=Limiter(settings.client_rate),
        synthetic=settings.synthetic,
    )


def subscription(runtime: Runtime) -> Subscription:
    return Subscription(
        service="intake",
        handlers=HANDLERS,
        ignored=IGNORED,
        seal=lambda raw, context: runtime.sealer.seal("dead_letter", raw, context=context),
        clock=runtime.clock,
        raising=RAISING,
        erased=is_erased,
    )
