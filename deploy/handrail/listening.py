"""Takes the port before anything is started, so that nothing is started in vain."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import typer


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A bound socket; a port that cannot be had is one sentence and the end of the command."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family)
    except (OSError, OverflowError):
        typer.echo(
            f"The address {host} is none of this machine: name another with --host.", err=True
        )
        raise typer.Exit(1) from None
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except (OSError, OverflowError):
            typer.echo(f"Port {port} is taken or not allowed: name another with --port.", err=True)
            raise typer.Exit(1) from None
        yield listener
