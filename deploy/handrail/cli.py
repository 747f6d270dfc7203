"""The command line `handrail`: one sub-command for each thing a person runs."""

import typer

from handrail.demo import demo
from handrail.event_contracts import events_app
from handrail.keys import keys_app
from handrail.serve import migrate, serve
from handrail.token import token
from handrail.topics import topics_app

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    # A traceback with local variables could print what someone submitted.
    pretty_exceptions_enable=False,
    help="Brings every safeguarding concern a school raises to the people who must act on it.",
)
app.add_typer(events_app, name="events")
app.add_typer(keys_app, name="keys")
app.add_typer(topics_app, name="topics")
app.command()(demo)
app.command()(token)
app.command()(serve)
app.command()(migrate)


def main() -> None:
    app()
