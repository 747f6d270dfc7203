"""`handrail policy`: checks the rules, runs their examples, explains what a concern calls for."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from intake.reading import Submission, TooLarge, Unreadable, read_submission
from shared.policy import Authorities, Policy, PolicyError, load_policy
from shared.policy.checks import problems, remarks
from shared.policy.examples import failures

policy_app = typer.Typer(no_args_is_help=True, help="The rules: check, test and explain them.")
Packs = Annotated[Path | None, typer.Option("--packs", help="A directory of packs.")]
At = Annotated[str | None, typer.Option("--at", help="When it is received, with an offset.")]
La = Annotated[str | None, typer.Option("--la", help="The code of the school's authority.")]


def _policy(packs: Path | None) -> Policy:
    try:
        return load_policy(packs)
    except PolicyError as error:
        _stop(*error.problems)
    except OSError:
        _stop("national.yaml cannot be read in that directory; give the directory of the packs")


def _stop(*lines: str) -> NoReturn:
    for line in lines:
        typer.echo(line, err=True)
    raise typer.Exit(1)


@policy_app.command()
def check(packs: Packs = None) -> None:
    """Schema, citations, contacts, examples, and rules that can never apply."""
    policy = _policy(packs)
    for remark in remarks(policy, date_today()):
        typer.echo(f"note: {remark}")
    found = [*policy.alarms, *problems(policy), *failures(policy)]
    if found:
        _stop(*found)
    rules = len(policy.national.rules) + sum(len(pack.rules) for pack in policy.locals.values())
    typer.echo(f"{rules} rules in {1 + len(policy.locals)} packs: no problem found")


@policy_app.command(name="test")
def run_examples(packs: Packs = None) -> None:
    """Runs the examples that the rules carry."""
    policy = _policy(packs)
    found = list(failures(policy))
    if found:
        _stop(*found)
    all_rules = [r for p in (policy.national, *policy.locals.values()) for r in p.rules]
    count = sum(len(rule.match) + len(rule.no_match) for rule in all_rules)
    typer.echo(f"{count} examples of {len(all_rules)} rules: all as written")


@policy_app.command()
def defaults(packs: Packs = None) -> None:
    """The intervals that no guidance gives, for an authority to sign off."""
    policy = _policy(packs)
    for pack in (policy.national, *policy.locals.values()):
        for setting in pack.settings.values():
            if pack is policy.national or setting != policy.national.settings[setting.name]:
                value = setting.value if isinstance(setting.value, int) else list(setting.value)
                typer.echo(f"{pack.ref.id}: {setting.name} = {value}: {setting.says}"
                           f" ({setting.basis})")  # fmt: skip


@policy_app.command()
def explain(  # noqa: PLR0917 - each is an option of the command line
    body: Annotated[Path, typer.Argument(help="A body as POST /v1/concerns takes it.")],
    at: At = None,
    la: La = None,
    as_json: Annotated[bool, typer.Option("--json", help="The decision as JSON.")] = False,
    why_not: Annotated[str | None, typer.Option("--why-not", help="A route not taken.")] = None,
    packs: Packs = None,
) -> None:
    """What a submission calls for, by which rules, and what would settle the rest."""
    policy = _policy(packs)
    read = _read(body, policy, _instant(at))
    if why_not is not None and why_not not in policy.national.routes:
        _stop(f"there is no route {why_not}; the routes are {', '.join(policy.national.routes)}")
    answers = [_answer(policy, read, index, la, why_not) for index in range(len(read.subjects))]
    if as_json:
        shown = answers[0] if len(answers) == 1 else answers
        typer.echo(json.dumps(shown, ensure_ascii=False, indent=2))
        return
    for answer in answers:
        typer.echo("\n".join(_why_not_text(answer) if why_not else _text(answer)))


def date_today() -> date:
    return datetime.now(UTC).date()


def _instant(at: str | None) -> datetime:
    if at is None:
        return datetime.now(UTC)
    try:
        found = datetime.fromisoformat(at)
    except ValueError:
        _stop("--at is no ISO 8601 instant; write 2026-11-25T10:00:00+00:00")
    if found.tzinfo is None:
        _stop("--at needs an offset, as in 2026-11-25T10:00:00+00:00")
    return found


def _read(body: Path, policy: Policy, received_at: datetime) -> Submission:
    try:
        return read_submission(body.read_bytes(), policy.schema, received_at=received_at)
    except OSError:
        _stop("the file of the body cannot be read; check its name")
    except (Unreadable, TooLarge):
        _stop("the body cannot be read as JSON, or is far too large")


def _answer(
    policy: Policy, read: Submission, index: int, la: str | None, why_not: str | None
) -> dict[str, Any]:
    subject = read.subjects[index]
    facts: dict[str, Any] = dict(subject.facts)
    authorities = Authorities(subject.home_la, read.found_la, la)
    if why_not is not None:
        return policy.why_not(why_not, facts, received_at=read.received_at, authorities=authorities)
    return policy.decide(
        facts,
        received_at=read.received_at,
        discovered_at=read.discovered_at,
        subject=subject.ref,
        authorities=authorities,
    ).to_json()


def _text(decision: dict[str, Any]) -> list[str]:
    hours = "in" if decision["in_hours"] else "out of"
    lines = [f"Priority {decision['priority']}, {hours} hours"]
    for action in decision["actions"]:
        contact = action["contact"].get("phone") or action["contact"].get("portal") or ""
        lines.append(
            f"  {action['priority']} {action['route']} by {action['by']} ({action['certainty']}):"
            f" {action['owner']}, {action['channel']} {contact}".rstrip()
        )
        lines += [f"      {r['rule']}: {r['title']} [{r['cite']}]" for r in action["because"]]
    lines += [f"  Mind: {ban['say']}" for ban in decision["prohibitions"]]
    if decision["gate"]:
        lines.append(f"  To tell others: {decision['gate']['state']}. {decision['gate']['say']}")
    lines += [f"  Ask: {q['ask']} ({', '.join(q['settles'])})" for q in decision["questions"]]
    return lines


def _why_not_text(told: dict[str, Any]) -> list[str]:
    if told["nearest"] is None:
        return [f"{told['route']}: no rule of these packs leads there"]
    nearest = told["nearest"]
    verdict = "taken, by" if told["taken"] else "not taken; the nearest rule is"
    lines = [
        f"{told['route']}: {verdict} {nearest['rule']}, {nearest['title']} [{nearest['cite']}]"
    ]
    return lines + [
        f"  {failed['fact']} is {failed['is']}, and would have to be {failed['needs']}"
        for failed in told["failing"]
    ]
