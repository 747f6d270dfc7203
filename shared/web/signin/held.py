"""Keeps, for an hour, the form that somebody had sent when their sign-in had run out."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, func, select
from sqlmodel import col

from shared.web.signin import box
from shared.web.signin.models import WebHeld
from shared.web.signin.sessions import Sessions

FORM: Final = timedelta(minutes=60)
# One browser may have some tabs open; a machine that asks for ever fills no table.
_MOST: Final = 20


@dataclass(frozen=True, slots=True)
class Form:
    """A form as it was sent: where to, and its fields in order (the token left out)."""

    path: str
    fields: tuple[tuple[str, str], ...]
    owner: str

    def written(self) -> dict[str, Any]:
        return {"path": self.path, "fields": list(self.fields), "owner": self.owner}


def read_form(content: dict[str, Any]) -> Form:
    fields = tuple((name, value) for name, value in content["fields"])
    return Form(content["path"], fields, content["owner"])


async def hold(
    sessions: Sessions, browser: str, handle: str, content: dict[str, Any], until: datetime
) -> None:
    """Sealed under the browser's cookie; `handle` is what an address names it by."""
    row = WebHeld(
        id=box.hashed(handle),
        browser=box.hashed(browser),
        sealed=box.seal(browser, handle, content),
        ends_at=until,
    )
    async with sessions() as session:
        mine = select(func.count()).where(col(WebHeld.browser) == row.browser)
        if (await session.execute(mine)).scalar_one() >= _MOST:
            await session.execute(delete(WebHeld).where(col(WebHeld.browser) == row.browser))
        session.add(row)
        # COMMIT POINT: a crash just after it leaves a row that runs out by itself.
        await session.commit()


async def look_up(
    sessions: Sessions, browser: str, handle: str, now: datetime
) -> dict[str, Any] | None:
    return await _opened(sessions, browser, handle, now, take=False)


async def take(
    sessions: Sessions, browser: str, handle: str, now: datetime
) -> dict[str, Any] | None:
    """Once and never again: who comes second with the same handle finds nothing."""
    return await _opened(sessions, browser, handle, now, take=True)


async def _opened(
    sessions: Sessions, browser: str, handle: str, now: datetime, *, take: bool
) -> dict[str, Any] | None:
    if not (box.is_secret(browser) and box.is_secret(handle)):
        return None
    mine = (col(WebHeld.id) == box.hashed(handle), col(WebHeld.browser) == box.hashed(browser))
    async with sessions() as session:
        if take:
            found = await session.execute(
                delete(WebHeld).where(*mine).returning(col(WebHeld.sealed), col(WebHeld.ends_at))
            )
        else:
            found = await session.execute(
                select(col(WebHeld.sealed), col(WebHeld.ends_at)).where(*mine)
            )
        row = found.one_or_none()
        # COMMIT POINT: a crash just after it asks the person to sign in once more.
        await session.commit()
    if row is None or row[1] <= now:
        return None
    return box.unseal(browser, handle, row[0])
