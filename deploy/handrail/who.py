"""Who gives a command: an option, or a question where it should not stand in a process list."""

from typing import Annotated

import typer

ByOption = Annotated[
    str,
    typer.Option(
        "--by",
        prompt="Your account, as in your sign-in",
        help=(
            "Your account, as in your sign-in. Kept as a keyed reference. Better left out: it is "
            "asked for then, and stands in no process list and no shell's history."
        ),
    ),
]
