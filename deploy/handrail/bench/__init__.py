"""`handrail bench`: what it costs, beside plain code doing the same in the same minutes."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import typer

bench_app = typer.Typer(
    no_args_is_help=True,
    help="Measure on this machine, against references in the same run. Nothing is kept.",
)

SecondsOption = Annotated[float, typer.Option(min=0.2, help="Length of one window.")]
RoundsOption = Annotated[int, typer.Option(min=1, help="How often each side has its turn.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")]


@bench_app.command("intake")
def _intake(
    seconds: SecondsOption = 3.0,
    rounds: RoundsOption = 5,
    clients: Annotated[str, typer.Option(help="Numbers of connections.")] = "1,4,32",
    as_json: JsonOption = False,
) -> None:
    """A durable POST by the full path, beside hand-written endpoints that only insert rows."""
    from handrail.bench.intake import bench_intake  # noqa: PLC0415 - other commands need not wait

    numbers = tuple(int(number) for number in clients.split(","))
    _show(lambda: bench_intake(seconds, rounds, numbers), as_json=as_json)


@bench_app.command("way")
def _way(
    seconds: SecondsOption = 3.0,
    rounds: RoundsOption = 5,
    kafka: Annotated[bool, typer.Option(help="Also over a Kafka broker started here.")] = True,
    as_json: JsonOption = False,
) -> None:
    """From the POST until the task stands in escalation, over the embedded bus and over Kafka."""
    from handrail.bench.way import bench_way  # noqa: PLC0415 - other commands need not wait

    _show(lambda: bench_way(seconds, rounds, kafka=kafka), as_json=as_json)


@bench_app.command("backlog")
def _backlog(
    events: Annotated[int, typer.Option(min=100, help="How many events wait.")] = 100_000,
    seconds: SecondsOption = 3.0,
    rounds: RoundsOption = 3,
    as_json: JsonOption = False,
) -> None:
    """Accepting while many events wait for the bus, and bringing them to it afterwards."""
    from handrail.bench.backlog import bench_backlog  # noqa: PLC0415 - other commands need not wait

    _show(lambda: bench_backlog(events, seconds, rounds), as_json=as_json)


@bench_app.command("timers")
def _timers(
    due: Annotated[int, typer.Option(min=1, help="How many are due at once.")] = 20_000,
    pending: Annotated[int, typer.Option(min=0, help="How many more are not due.")] = 1_000_000,
    rounds: RoundsOption = 3,
    as_json: JsonOption = False,
) -> None:
    """Thousands of clocks due at once, fired by two instances, with many others pending."""
    from handrail.bench.timers import bench_timers  # noqa: PLC0415 - other commands need not wait

    _show(lambda: bench_timers(due, pending, rounds), as_json=as_json)


@bench_app.command("policy")
def _policy(
    seconds: SecondsOption = 1.0,
    rounds: RoundsOption = 7,
    as_json: JsonOption = False,
) -> None:
    """Deciding, with and without reasons, beside other rule engines on the same rules."""
    from handrail.bench.policy import bench_policy  # noqa: PLC0415 - other commands need not wait

    _show(lambda: bench_policy(seconds, rounds), as_json=as_json)


@bench_app.command("audit")
def _audit(
    batch: Annotated[int, typer.Option(min=1, help="Events to a batch.")] = 1000,
    batches: Annotated[int, typer.Option(min=1, help="Batches to a window.")] = 10,
    rounds: RoundsOption = 9,
    proofs: Annotated[int, typer.Option(min=0, help="Proofs to a side and round.")] = 200,
    as_json: JsonOption = False,
) -> None:
    """Appending to the log beside plain COPY and INSERT, and proofs of 10^9 entries and of 10^5."""
    from handrail.bench.audit import bench_audit  # noqa: PLC0415 - other commands need not wait

    _show(lambda: bench_audit(batch, batches, rounds, proofs), as_json=as_json)


@bench_app.command("verify")
def _verify(
    entries: Annotated[int, typer.Option(min=1000, help="How long the log is.")] = 300_000,
    rounds: RoundsOption = 9,
    as_json: JsonOption = False,
) -> None:
    """Verifying a whole log from files, beside hashing the same entries and nothing else."""
    from handrail.bench.verifying import bench_verify  # noqa: PLC0415 - other commands need not wait

    _show(lambda: bench_verify(entries, rounds), as_json=as_json)


@bench_app.command("desk")
def _desk(
    tasks: Annotated[int, typer.Option(min=1000, help="How many are open.")] = 1_000_000,
    desks: Annotated[int, typer.Option(min=1, help="How many pages are open.")] = 200,
    seconds: SecondsOption = 3.0,
    rounds: RoundsOption = 5,
    as_json: JsonOption = False,
) -> None:
    """The queue's page with many tasks and with few, a case's page, and a live row's way."""
    from handrail.bench.desk import bench_desk  # noqa: PLC0415 - other commands need not wait

    _show(lambda: bench_desk(tasks, desks, seconds, rounds), as_json=as_json)


def _show(bench: Callable[[], Awaitable[Any]], *, as_json: bool) -> None:
    from handrail.bench.show import show  # noqa: PLC0415 - other commands need not wait

    show(bench, as_json=as_json)
