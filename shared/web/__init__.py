"""The pages of all services: one layout, one sign-in, one way to add a page.

To add a page to a service that has pages already (escalation, audit-log):

1. A route in `<service>/web/<area>.py`:

       router = page_router()

       class CasePage(View):            # what the template may use, typed; sees it as `view`
           reference: str
           by: Deadline

       @router.get("/triage/cases/{case_id}")
       async def case_page(request: Request, session: Session, case_id: UUID,
                           who: Annotated[Principal, Depends(signed_in("worker"))]) -> Response:
           ...
           return page(request, "escalation/case.html", CasePage(title="Case", …))

   `signed_in()` gives the same Principal as a bearer token does, so the use cases are shared with
   the API. Raise `Problem` as there: on a page it becomes a readable page. Declare nothing public.

2. A template in `<service>/web/templates/`, beginning `{% extends "web/layout.html" %}`, with a
   `body` block. The heading is `view.title`. GOV.UK macros: `{% from
   "govuk_frontend_jinja/components/button/macro.html" import govukButton %}`. From
   `web/macros.html`: `csrf(house)`, `scroll(label)` round a wide table, `deadline(by)`,
   `more(next, label)` (pass `house`: imported macros do not see it).

3. A form: `<form method="post">` with `{{ csrf(house) }}` in it; its route reads
   `form = await posted(request)` and `form.text("reason")` (never FastAPI's `Form`). Token and
   origin are checked by `signed_in`. On a fault, answer the same page with `faults=(Fault(field=
   "reason", says="Enter a reason"),)`, what was typed, and status 422; give the input
   `errorMessage: {"text": view.wrong.reason} if view.wrong.reason`. When all is well,
   `RedirectResponse(…, 303)` to a page of ours. What is typed outlives a sign-in that runs out.

4. The router goes into `routers=` of `install_pages` in the service's `app.py`; the path into
   `deploy/handrail/paths.py` and the proxy's table; a new area into `shared/web/navigation.py`.

Live updates: put the stream on a plain `APIRouter`, with `Depends(signed_in(…))`: it answers 401
and never redirects. Ask `still_signed_in(request)`, or `signed_out(requests)` for many streams at
once, and end the stream if its sign-in is over. Each
htmx element carries `hx-nonce="{{ house.nonce }}"`; no inline style, script or handler runs (strict
CSP). An element with the class `handrail-live-stopped` and `hidden` is shown while the stream is
broken. Say times with `times.deadline` and `times.said`.

To give a service its first page: make its settings a `WebSettings`, call `install_pages`, add
`sweep_sign_ins` to its background work, both tables of `signin/models.py` to its migration, and its
name to `WITH_PAGES` in `deploy/handrail/migrations.py`.
"""

from shared.web.forms import Form, posted
from shared.web.install import install_pages, sweep_sign_ins
from shared.web.page_route import page_router
from shared.web.rendering import fragment, page
from shared.web.settings import WebSettings
from shared.web.signed_in import signed_in, signed_out, still_signed_in
from shared.web.view import Fault, View

__all__ = [
    "Fault",
    "Form",
    "View",
    "WebSettings",
    "fragment",
    "install_pages",
    "page",
    "page_router",
    "posted",
    "signed_in",
    "signed_out",
    "still_signed_in",
    "sweep_sign_ins",
]
