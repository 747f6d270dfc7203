"""Where an auditor begins, and what an operator may see: the state of the log, and no entry."""

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import Depends, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict

from audit_log.auditors.verified import Signatures, signatures
from audit_log.published import checkpoint
from audit_log.readers import Reading
from audit_log.reading import newest_head
from audit_log.search.finding import catch_up
from audit_log.search.readers import authorities_of, reader_of
from audit_log.search.routes import Session
from audit_log.search.unheard import without_unheard
from audit_log.settings import policy_of, waits_for
from audit_log.unaccounted import unaccounted
from audit_log.web.words import age, instant
from shared.app import runtime_of
from shared.auth import Principal
from shared.web import View, page, page_router, signed_in

router = page_router()
Watcher = Annotated[Principal, Depends(signed_in("auditor", "operator"))]

_KINDS: Final = {
    "concerns_without_case": "Concerns without a case",
    "tasks_without_notice": "Tasks that nobody was told of",
    "notices_failed": "Notices that failed",
    "p0_unacknowledged": "P0 tasks that nobody acknowledged",
    "missing_sequences": "Events missing from a producer’s count",
    "repeated_sequences": "Two events with one number of a producer’s count",
}


class FrontPage(View):
    """authorities: whose entries the reader may see; none named is all of them."""

    authorities: tuple[str, ...]


class Item(BaseModel):
    """One thing unaccounted for. href: its entry's page, for who may read entries."""

    model_config = ConfigDict(frozen=True)

    what: str
    href: str | None
    since: str
    age: str
    owner: str


class Kind(BaseModel):
    model_config = ConfigDict(frozen=True)

    title: str
    count: int
    items: tuple[Item, ...]


class StatePage(View):
    """behind: how many of the newest entries the list of what is unaccounted does not hold yet."""

    size: int
    root: str | None
    grown: str | None
    signed: Signatures | None
    kinds: tuple[Kind, ...]
    count: int
    behind: int
    auditor: bool


@router.get("/audit")
async def front(request: Request, who: Watcher) -> Response:
    if not who.holds("auditor"):
        return RedirectResponse("/audit/state", 303)
    view = FrontPage(title="Audit log", authorities=tuple(sorted(authorities_of(who) or ())))
    return page(request, "audit-log/front.html", view)


@router.get("/audit/state")
async def state(request: Request, own: Session, reading: Reading, who: Watcher) -> Response:
    runtime = runtime_of(request)
    auditor = who.holds("auditor")
    await catch_up(own)
    found = await unaccounted(own, runtime.clock.now(), waits_for(runtime))
    if auditor:
        reader = await reader_of(request, own, who)
        found = await without_unheard(reading, reader, found)
    head, note = await newest_head(reading), await checkpoint(reading)
    view = StatePage(
        title="State of the log",
        size=head.size if head else 0,
        root=head.root.hex() if head else None,
        grown=instant(head.at) if head else None,
        signed=signatures(note, policy_of(runtime)) if note else None,
        kinds=tuple(_kind(title, found[name], auditor) for name, title in _KINDS.items()),
        count=found["count"],
        behind=found["not_looked_at"],
        auditor=auditor,
    )
    return page(request, "audit-log/state.html", view)


def _kind(title: str, found: dict[str, Any], auditor: bool) -> Kind:
    items = tuple(_item(each, auditor=auditor) for each in found["listed"])
    return Kind(title=title, count=found["count"], items=items)


def _item(each: dict[str, Any], *, auditor: bool) -> Item:
    if "producer" in each:
        what = f"{each['producer']}: {each['from']} to {each['to']}"
    else:
        what = " ".join(filter(None, (each.get("route"), each["id"])))
    seq = each.get("seq")
    return Item(
        what=what,
        href=f"/audit/entries/{seq}" if auditor and seq is not None else None,
        since=instant(datetime.fromisoformat(each["since"])),
        age=age(each["age_seconds"]),
        owner=each["owner"] or "not known",
    )
