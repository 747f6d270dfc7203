"""Where an auditor begins."""

from typing import Annotated

from fastapi import Depends, Request, Response

from shared.auth import Principal
from shared.web import View, page, page_router, signed_in

router = page_router()
Auditor = Annotated[Principal, Depends(signed_in("auditor"))]


class FrontPage(View):
    """authorities: whose entries the reader may see; none named is all of them."""

    authorities: tuple[str, ...]


@router.get("/audit")
async def front(request: Request, who: Auditor) -> Response:
    grants = who.grants("auditor")
    all_of_them = any(grant.la is None for grant in grants)
    authorities = () if all_of_them else tuple(sorted(grant.la or "" for grant in grants))
    view = FrontPage(title="Audit log", authorities=authorities)
    return page(request, "audit-log/front.html", view)
