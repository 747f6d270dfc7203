"""The way in by a one-time link: to one task, for one person, without an account.

Opening the address changes nothing, since mail scanners open every link: a person presses a button.
"""

from datetime import timedelta
from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Request, Response
from fastapi.responses import RedirectResponse

from escalation.access import Session, not_found, rules_of
from escalation.acknowledge import Acknowledgement, acknowledge
from escalation.models import Task
from escalation.one_time import usable, use
from escalation.tasks import known_to, owed_task
from escalation.viewer import Viewer
from escalation.web.tasks import REFERENCE, TaskPage
from escalation.web.tasks_form import NotFilledIn, as_typed, faults_of, maybe, seen
from escalation.web.tasks_view import card
from shared.app import runtime_of
from shared.auth import Principal, public
from shared.errors import Problem
from shared.outbox import commit
from shared.web import Fault, View, page, page_router, posted
from shared.web.forms import forged, same_origin
from shared.web.signed_in import SignedIn, SignInNeeded
from shared.web.signin import sessions
from shared.web.signin.cookies import set_cookie
from shared.web.state import web_of

router = page_router()
# Long enough to open it, wait for 101 to answer, and come back with the reference.
LONGEST: Final = timedelta(hours=4)
CLIENT: Final = "one-time-link"
_ENDED: Final = (
    "Your link was opened, and its time is over or it was closed. What you typed was not kept. "
    "Note the reference that you were given, and ask the designated safeguarding lead of your "
    "school for a new link, or tell the lead that you reported."
)


class Holder(SignedIn):
    """Whoever came by a one-time link, for that task alone; they hold no role anywhere."""

    def __init__(self) -> None:
        super().__init__(())

    async def __call__(self, request: Request) -> Principal:
        try:
            who = await super().__call__(request)
        except SignInNeeded:
            raise Problem(403, "link-over", _ENDED) from None
        if who.client != CLIENT:
            detail = "This page is for one-time links. Yours are all under Tasks."
            raise Problem(403, "not-your-page", detail)
        return who


Held = Annotated[Principal, Depends(Holder())]


class OpenPage(View):
    """at: where the button leads."""

    at: str


@router.get("/tasks/once")
async def task(request: Request, session: Session, who: Held, said: str = "") -> Response:
    says = "It is on record that this is done. You may close this page." if said == "done" else ""
    viewer, task_id = await _viewer(session, who)
    return page(
        request, "escalation/task.html", await _view(request, session, viewer, task_id, says=says)
    )


@router.post("/tasks/once/acknowledge")
async def say_done(request: Request, session: Session, who: Held) -> Response:
    viewer, task_id = await _viewer(session, who)
    form = await posted(request)
    try:
        body = Acknowledgement(reference=maybe(form, "reference", REFERENCE))
        await acknowledge(request, session, viewer, task_id, body, seen(form))
    except (Problem, NotFilledIn) as error:
        faults, status = faults_of(error, "reference")
        typed = as_typed(form)
        view = await _view(request, session, viewer, task_id, typed=typed, faults=faults)
        return page(request, "escalation/task.html", view, status=status)
    return RedirectResponse("/tasks/once?said=done", 303)


@router.get("/tasks/once/{token}", dependencies=[Depends(public())])
async def look(request: Request, session: Session, token: str) -> Response:
    """Says whether the link still opens, and uses nothing up."""
    link = await usable(session, token, runtime_of(request).clock.now())
    await _not_somebody_else(request, link.task_id)
    view = OpenPage(title="Open what is yours to do", at=f"/tasks/once/{token}")
    return page(request, "escalation/tasks-once.html", view)


@router.post("/tasks/once/{token}", dependencies=[Depends(public())])
async def open_link(request: Request, session: Session, token: str) -> Response:
    """The token itself is what no other page could send along; the origin is checked besides."""
    runtime, web = runtime_of(request), web_of(request)
    if not same_origin(request):
        raise forged()
    now = runtime.clock.now()
    if await _is_open_here(request, session, token):
        return RedirectResponse("/tasks/once", 303)  # pressed twice
    link = await usable(session, token, now)
    await _not_somebody_else(request, link.task_id)
    found = await use(session, runtime.secret, link, now)
    who = Principal(f"one-time:{found.id}", CLIENT, "person", frozenset())
    begun = await sessions.begin(runtime.sessions, who, "by a one-time link", now, LONGEST)
    # COMMIT POINT: the link is used. A crash just before it leaves a session that nobody holds.
    await commit(session)
    answer = RedirectResponse("/tasks/once", 303, headers={"Cache-Control": "no-store"})
    set_cookie(answer, web, "", begun.secret)
    return answer


async def _present(request: Request) -> Principal | None:
    """Who is signed in in this browser at the moment."""
    web, runtime = web_of(request), runtime_of(request)
    secret = request.cookies.get(web.cookie(), "")
    session = await sessions.find(runtime.sessions, secret, runtime.clock.now(), used=False)
    return session.principal if session is not None and session.live else None


async def _is_open_here(request: Request, session: Session, token: str) -> bool:
    """Whether this browser has come in by this very link."""
    who = await _present(request)
    if who is None or who.client != CLIENT:
        return False
    try:
        await usable(session, token, runtime_of(request).clock.now())
    except Problem as problem:
        return problem.extra.get("task_id") == _task_of(who)
    return False


async def _not_somebody_else(request: Request, task_id: UUID) -> None:
    """On a computer that several people use nobody's sign-in is taken away, and nobody acts as
    the one who sat there before."""
    who = await _present(request)
    if who is not None and not (who.client == CLIENT and _task_of(who) == task_id):
        detail = (
            "Somebody else is signed in in this browser. Sign out first, or open the link in a "
            "private window. The link has not been used up."
        )
        raise Problem(409, "somebody-else", detail)


def _task_of(who: Principal) -> UUID:
    return UUID(who.subject.removeprefix("one-time:"))


async def _viewer(session: Session, who: Principal) -> tuple[Viewer, UUID]:
    """As whom the link's holder acts: the person whose duty the task is."""
    task_id = _task_of(who)
    found = await session.get(Task, task_id)
    if found is None or found.owner_ref is None:
        raise not_found()
    return Viewer(who, found.owner_ref), task_id


async def _view(
    request: Request,
    session: Session,
    viewer: Viewer,
    task_id: UUID,
    *,
    says: str = "",
    typed: dict[str, str] | None = None,
    faults: tuple[Fault, ...] = (),
) -> TaskPage:
    now = runtime_of(request).clock.now()
    found = await owed_task(session, viewer, task_id)
    [known] = await known_to(session, viewer, rules_of(request), [found])
    shown = card(known, viewer, now)
    return TaskPage(
        title=shown.title,
        task=shown,
        says=says,
        typed=typed or {},
        leads=False,
        once=True,
        faults=faults,
    )
