"""Alembic's one environment for every service; `handrail.migrations` gives the connection."""

from alembic import context
from sqlmodel import SQLModel

connection = context.config.attributes["connection"]
tables = context.config.attributes["tables"]


def _mine(name: str | None, kind: str, _: object) -> bool:
    return kind != "table" or name in tables


def _mine_too(_: object, name: str | None, kind: str, *__: object) -> bool:
    return kind != "table" or name in tables


context.configure(
    connection=connection,
    target_metadata=SQLModel.metadata,
    include_name=_mine,
    include_object=_mine_too,
    compare_server_default=False,
)
with context.begin_transaction():
    context.run_migrations()
