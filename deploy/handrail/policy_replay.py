"""`handrail policy replay` and `facts export`: what escalation has stored of its decisions."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col

from escalation.models import CaseFile
from handrail.policy_packs import Packs, stop
from handrail.serve import database_dsn
from shared.db import make_engine, make_sessions
from shared.policy.control.basis import basis_of
from shared.policy.control.replaying import Shelf, Stored, mismatches
from shared.policy.decision import show_value
from shared.policy.load import PACKS
from shared.policy.schema import Schema, load_schema

facts_app = typer.Typer(no_args_is_help=True, help="The facts of stored decisions.")
BATCH: Final = 500
# Hours of a hub are told apart at it, and two concerns that came close together are not.
GRAIN: Final = timedelta(minutes=5)


@typer.Typer().command()
def replay(packs: Packs = None) -> None:
    """Decide every stored case again by the packs it was decided by, and compare bit for bit.

    HANDRAIL_DATABASE_URL is escalation's. Ends with 1 where anything differs.
    """
    directories = [PACKS] if packs is None else [packs, PACKS]
    shelf = Shelf(directories)
    cases, decisions, wrong = _run(lambda dsn: _replay(dsn, shelf))
    typer.echo(f"{decisions} decisions of {cases} cases: {cases - wrong} cases exactly as decided")
    if wrong:
        stop(f"{wrong} cases are not as they were decided")


async def _replay(dsn: str, shelf: Shelf) -> tuple[int, int, int]:
    cases = decisions = wrong = 0
    async with _stored(dsn) as rows:
        async for stored in rows:
            cases, decisions = cases + 1, decisions + len(stored.basis)
            found = [*mismatches(stored, shelf)]
            wrong += bool(found)
            for problem in found:
                typer.echo(f"case {stored.id}: {problem}", err=True)
    return cases, decisions, wrong


@facts_app.command()
def export(out: Annotated[Path, typer.Argument(help="Where the lines are written.")]) -> None:
    """One line of JSON for each stored decision: coded facts, the time and the authorities.

    No ids, no texts, and the lines in no order; it is personal data all the same.
    HANDRAIL_DATABASE_URL is escalation's.
    """
    lines = _run(_facts)
    random.shuffle(lines)
    try:
        out.write_bytes(b"".join(lines))
    except OSError:
        stop(f"{out} cannot be written")
    typer.echo(f"{len(lines)} decisions written to {out}")


async def _facts(dsn: str) -> list[bytes]:
    schema, lines = load_schema(), []
    async with _stored(dsn) as rows:
        async for stored in rows:
            for entry in stored.basis[-1:]:
                lines.append(orjson.dumps(_line(entry, schema)) + b"\n")
    return lines


def _line(entry: dict[str, Any], schema: Schema) -> dict[str, Any]:
    """Only values that the list of facts declares; whatever else stood there is left out."""
    basis = basis_of(entry)
    values, given = schema.read(basis.facts), schema.given(basis.facts)
    at = basis.received_at
    at -= (at - datetime.min.replace(tzinfo=at.tzinfo)) % GRAIN
    return {
        "facts": {name: show_value(values[name]) for name in sorted(given)},
        "received_at": at.isoformat(),
        "authorities": entry["authorities"],
    }


@asynccontextmanager
async def _stored(dsn: str) -> AsyncIterator[AsyncIterator[Stored]]:
    """Every case that has not been erased, a few at a time."""
    engine = make_engine(dsn, "handrail-replay", pool_size=1)
    try:
        async with make_sessions(engine)() as session:
            rows = await session.stream_scalars(
                select(CaseFile)
                .where(col(CaseFile.erased_at).is_(None))
                .order_by(col(CaseFile.id))
                .execution_options(yield_per=BATCH)
            )
            yield (_as_stored(case) async for case in rows)
    finally:
        await engine.dispose()


def _as_stored(case: CaseFile) -> Stored:
    return Stored(
        id=str(case.id),
        subject_role=case.subject_role,
        priority=case.priority,
        facts=case.facts,
        decision=case.decision,
        basis=case.basis,
    )


def _run(work: Callable[[str], Coroutine[Any, Any, Any]]) -> Any:
    try:
        return asyncio.run(work(database_dsn()))
    except (OSError, SQLAlchemyError) as error:
        stop(f"The database did not do as asked: {type(error).__name__}.")
