"""Turns a template and its typed model into the answer to a request."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, PackageLoader, PrefixLoader

from shared.web.assets import static_prefix
from shared.web.headers import new_nonce, page_headers
from shared.web.navigation import Link, navigation
from shared.web.state import session_of, web_of
from shared.web.view import View

_HERE: Final = Path(__file__).parent / "templates"
_FOLDERS: Final[dict[str, Any]] = {"web": FileSystemLoader(_HERE)}


def use_templates(service: str, folder: Path) -> None:
    """Makes a service's templates known as `<service>/<name>.html`."""
    _FOLDERS[service] = FileSystemLoader(folder)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    """One for the process, so that the demo's four services compile each component once.

    Undefined is the default kind: the strict one breaks the GOV.UK macros. What a page is given is
    held by its model instead.
    """
    govuk = PackageLoader("govuk_frontend_jinja")
    _FOLDERS["govuk_frontend_jinja"] = govuk
    return Environment(
        loader=PrefixLoader(_FOLDERS), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )


@dataclass(frozen=True, slots=True)
class House:
    """What the layout and the form macros are given; templates see it as `house`."""

    service: str
    nonce: str
    static: str
    csrf: str
    who: str
    navigation: tuple[Link, ...]
    home: str
    sign_in: str
    sign_out: str
    drill: bool


def page(
    request: Request,
    template: str,
    view: View,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> HTMLResponse:
    """The page as an answer with its headers. template: `escalation/queues.html`."""
    web, session, nonce = web_of(request), session_of(request), new_nonce()
    links = navigation(session.principal if session else None, request.url.path)
    house = House(
        service=web.service,
        nonce=nonce,
        static=static_prefix(web.service),
        csrf=session.csrf if session else "",
        who=session.name if session else "",
        navigation=links,
        home=_home(web.home, links),
        sign_in=web.sign_in,
        sign_out=web.sign_out,
        drill=web.settings.synthetic,
    )
    html = _environment().get_template(template).render(view=view, house=house)
    return HTMLResponse(html, status, {**(headers or {}), **page_headers(nonce)})


def _home(home: str, links: Sequence[Link]) -> str:
    """The service's start, where its reader may go there; else the first area that is theirs."""
    paths = [link.href for link in links]
    return home if home in paths or not paths else paths[0]


def fragment(request: Request, template: str, view: View, *, nonce: str = "") -> str:
    """A piece of a page, for a live stream or inside an htmx answer.

    htmx takes an hx- attribute only with the nonce of the page that it arrives in; a stream's rows
    need none where they carry only links and text.
    """
    web = web_of(request)
    return _environment().get_template(template).render(view=view, nonce=nonce, home=web.home)
