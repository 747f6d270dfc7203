"""The directory: which posts schools and teams have, and where each is reached."""

from collections.abc import Sequence
from typing import Literal, Self
from uuid import UUID, uuid4

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from notify.models import Post

PostName = Literal["dsl", "deputy_dsl", "head", "chair", "queue", "manager"]
_TEAM_POSTS = ("queue", "manager")
_KEY = ("kind", "urn", "route", "la", "post", "email")
_EMAIL = r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})+$"


class DirectoryRow(BaseModel):
    """A post as it is given: of a school (urn) or of a team (route, and la unless for all).

    account_ref: the keyed hash of the account that alone reads the address; None if several do.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["urn", "team"]
    urn: str | None = Field(default=None, pattern=r"^[0-9]{6}$")
    route: str | None = Field(default=None, pattern=r"^[A-Z][A-Z0-9_]{0,39}$")
    la: str | None = Field(default=None, pattern=r"^[0-9]{3}$")
    post: PostName
    email: str = Field(max_length=254, pattern=_EMAIL)
    account_ref: str | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        of_team = self.kind == "team"
        named = (self.urn is None, self.route is not None) == (of_team, of_team)
        if not named or (self.post in _TEAM_POSTS) != of_team or (self.la and not of_team):
            raise ValueError("a school's post has a urn; a team's has a route and may have an la")
        return self


async def import_directory(
    session: AsyncSession, rows: Sequence[DirectoryRow], *, synthetic: bool
) -> int:
    """Adds the posts that are not there yet; the caller commits. Repeating it changes nothing."""
    if not rows:
        return 0
    values = [{"id": uuid4(), "synthetic": synthetic, **row.model_dump()} for row in rows]
    statement = insert(Post).values(values)
    added = await session.execute(
        statement.on_conflict_do_update(
            index_elements=_KEY, set_={"account_ref": statement.excluded.account_ref}
        ).returning(col(Post.id))
    )
    return len(added.scalars().all())


async def posts(
    session: AsyncSession, urns: Sequence[str] | None, after: UUID | None, limit: int
) -> list[Post]:
    """The posts in the order of their ids; `urns` narrows to the posts of these schools."""
    statement = select(Post).order_by(col(Post.id)).limit(limit)
    if urns is not None:
        statement = statement.where(col(Post.urn).in_(urns))
    if after is not None:
        statement = statement.where(col(Post.id) > after)
    return list((await session.execute(statement)).scalars())


async def remove_post(session: AsyncSession, post_id: UUID) -> Post | None:
    """The post that was there; None where there was none."""
    statement = delete(Post).where(col(Post.id) == post_id).returning(Post)
    removed: Post | None = (await session.execute(statement)).scalar_one_or_none()
    return removed


async def same_post(session: AsyncSession, row: DirectoryRow) -> Post:
    """The stored post of a row that was just imported."""
    same = [getattr(Post, name).is_not_distinct_from(getattr(row, name)) for name in _KEY]
    post: Post = (await session.execute(select(Post).where(*same))).scalar_one()
    return post
