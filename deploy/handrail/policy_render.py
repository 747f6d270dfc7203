"""`handrail policy render`: the rules as tables, in files for people and for spreadsheets."""

from pathlib import Path
from typing import Annotated, Final

import typer

from handrail.policy_packs import Packs, policy_of, stop
from shared.policy.readers.html import table_pages
from shared.policy.readers.markdown import documents, drift, ours

RULES: Final = Path("docs/rules")


def render(
    directory: Annotated[Path, typer.Argument(help="Where the files are.")] = RULES,
    check: Annotated[bool, typer.Option("--check", help="Only say what has drifted.")] = False,
    html: Annotated[bool, typer.Option("--html", help="Web pages instead of Markdown.")] = False,
    packs: Packs = None,
) -> None:
    """One decision table for each kind of concern, as Markdown and CSV, or as web pages."""
    policy = policy_of(packs)
    if check:
        found = drift(policy, _present(directory))
        if found:
            stop(*(f"{directory}/{each}" for each in found),
                 f"run `handrail policy render {directory}` and look at what changed")  # fmt: skip
        typer.echo(f"{directory} says what the packs say")
        return
    files = table_pages(policy) if html else documents(policy)
    directory.mkdir(parents=True, exist_ok=True)
    before = _present(directory)
    if strange := [name for name in files if name in before and not ours(before[name])]:
        stop(f"{directory}/{strange[0]} was not written by this command; give another directory")
    for name in before.keys() - files.keys():
        if ours(before[name]):
            (directory / name).unlink()
    for name, text in files.items():
        (directory / name).write_text(text, encoding="utf-8")
    typer.echo(f"{len(files)} files in {directory}")


def _present(directory: Path) -> dict[str, str]:
    """The directory's own Markdown and CSV, nothing below it."""
    if not directory.is_dir():
        return {}
    found = (path for path in sorted(directory.iterdir()) if path.suffix in {".md", ".csv"})
    return {path.name: path.read_text(encoding="utf-8") for path in found}
