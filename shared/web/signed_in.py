"""Says on a page's route who may open it: `Depends(signed_in("worker", "manager"))`."""

from collections.abc import Collection

from fastapi import Request

from shared.app import runtime_of
from shared.auth import Authority, Principal, Role
from shared.errors import Problem
from shared.web.forms import SAFE_METHODS, forged, is_ours, posted
from shared.web.signin import sessions
from shared.web.signin.held import Form as HeldForm
from shared.web.state import web_of


class SignInNeeded(Problem):
    """Nobody is signed in. A page sends its reader to sign in; anything else answers 401.

    form: what a person had typed when their sign-in ran out.
    """

    def __init__(self, form: HeldForm | None = None) -> None:
        super().__init__(401, "sign-in-needed", "Sign in to go on.")
        self.form = form


class SignedIn(Authority):
    """Like `requires`, with a person's session in place of a token; forms must be our own."""

    def __init__(self, roles: tuple[Role, ...]) -> None:
        super().__init__(roles, None)

    async def __call__(self, request: Request) -> Principal:
        web, runtime = web_of(request), runtime_of(request)
        secret = request.cookies.get(web.cookie(), "")
        session = await sessions.find(runtime.sessions, secret, runtime.clock.now())
        safe = request.method in SAFE_METHODS
        if session is None:
            raise SignInNeeded
        ours = safe or is_ours(request, await posted(request), session)
        if not session.live:
            # Only what the person's own page sent is given back to them after they sign in.
            raise SignInNeeded(await _typed(request, session) if ours else None)
        request.state.session = session
        if not ours:
            raise forged()
        principal = session.principal
        if self.roles and not any(principal.holds(role) for role in self.roles):
            raise Problem(403, "not-your-page", "Your role does not cover this page.")
        return principal


async def _typed(request: Request, session: sessions.Session) -> HeldForm | None:
    if request.method in SAFE_METHODS:
        return None
    form = await posted(request)
    query = f"?{request.url.query}" if request.url.query else ""
    return HeldForm(request.url.path + query, form.fields, session.principal.subject)


async def still_signed_in(request: Request) -> bool:
    """For a stream that outlives the check at its start: ask again every minute, and end if not.

    Asking does not count as use, so that an open page alone keeps nobody signed in.
    """
    web, runtime = web_of(request), runtime_of(request)
    secret, now = request.cookies.get(web.cookie(), ""), runtime.clock.now()
    session = await sessions.find(runtime.sessions, secret, now, used=False)
    return session is not None and session.live


async def signed_out(requests: Collection[Request]) -> list[Request]:
    """Of open streams those whose sign-in is over; one question for all of them together.

    As with `still_signed_in`, asking is no use.
    """
    if not requests:
        return []
    some = next(iter(requests))
    runtime, cookie = runtime_of(some), web_of(some).cookie()
    secrets = {request.cookies.get(cookie, "") for request in requests}
    live = await sessions.live_among(runtime.sessions, secrets, runtime.clock.now())
    return [request for request in requests if request.cookies.get(cookie, "") not in live]


def signed_in(*roles: Role) -> SignedIn:
    """Gives the Principal of the person signed in; without roles, of anyone who is.

    A request that changes something must carry the session's token (`form_token` in a template)
    and come from our own origin. On a plain APIRouter (a live stream) the refusal is a 401.
    """
    return SignedIn(roles)
