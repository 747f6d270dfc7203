"""The demo's front page: what runs here, where to look, and as whom."""

from pathlib import Path

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader

from handrail.house import SERVICES
from shared.auth import public

_PAGES = Path(__file__).parent / "pages"
_TEMPLATES = Environment(loader=FileSystemLoader(_PAGES), autoescape=True)
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

PERSONAS = (
    ("A school's system (MIS)", "--role mis --client demo-mis --school 999002", "its own concerns"),
    ("The safeguarding lead (DSL)", "--role dsl --school 999002", "the school's tasks"),
    ("A headteacher", "--role head --school 999002", "tasks about staff, unless accused"),
    ("A worker of Kent's hub", "--role worker --la 886", "what awaits the school's own referral"),
    ("A worker of Luton's hub", "--role worker --la 821", "the hub's queue"),
    ("An out-of-hours worker", "--role worker --route EDT --la 821", "the emergency duty queue"),
    ("An Education Safeguarding Team", "--role worker --route EST --la 886", "requests to tell"),
    ("An auditor", "--role auditor", "the log's entries and proofs"),
)


def home_router(base: str, data: str, generator: bool) -> APIRouter:
    """data: the option that names the demo's directory, where it is not the usual one."""
    personas = [dict(zip(("who", "options", "sees"), row, strict=True)) for row in PERSONAS]
    page = _TEMPLATES.get_template("home.html").render(
        base=base, data=data, generator=generator, personas=personas, services=SERVICES
    )
    style = (_PAGES / "demo.css").read_bytes()
    router = APIRouter(dependencies=[Depends(public())], include_in_schema=False)

    @router.get("/")
    async def home() -> HTMLResponse:
        return HTMLResponse(page, headers=_HEADERS)

    @router.get("/demo.css")
    async def css() -> Response:
        return Response(style, media_type="text/css", headers=_HEADERS)

    @router.get("/favicon.ico")
    async def icon() -> Response:
        return Response(status_code=204)

    return router
