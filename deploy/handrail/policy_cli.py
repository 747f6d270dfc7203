"""`handrail policy`: checks the rules, runs their examples, explains what a concern calls for."""

from datetime import UTC, datetime

import typer

from handrail.policy_control_cli import add_to, release_problems
from handrail.policy_defaults_cli import defaults
from handrail.policy_explain import explain
from handrail.policy_packs import Packs, policy_of, stop
from handrail.policy_prove_cli import add_to as add_proofs_to
from handrail.policy_render import render
from handrail.policy_vocabulary_cli import vocabulary
from shared.policy.checks import problems, remarks
from shared.policy.examples import failures

policy_app = typer.Typer(no_args_is_help=True, help="The rules: check, test and explain them.")
policy_app.command()(explain)
policy_app.command()(render)
policy_app.command()(defaults)
policy_app.command()(vocabulary)
add_to(policy_app)
add_proofs_to(policy_app)


@policy_app.command()
def check(packs: Packs = None) -> None:
    """Schema, citations, contacts, examples, and rules that can never apply."""
    policy = policy_of(packs)
    for remark in remarks(policy, datetime.now(UTC).date()):
        typer.echo(f"note: {remark}")
    found = [*policy.alarms, *problems(policy), *failures(policy), *release_problems(packs)]
    if found:
        stop(*found)
    rules = len(policy.national.rules) + sum(len(pack.rules) for pack in policy.locals.values())
    typer.echo(f"{rules} rules in {1 + len(policy.locals)} packs: no problem found")


@policy_app.command(name="test")
def run_examples(packs: Packs = None) -> None:
    """Runs the examples that the rules carry."""
    policy = policy_of(packs)
    found = list(failures(policy))
    if found:
        stop(*found)
    all_rules = [r for p in (policy.national, *policy.locals.values()) for r in p.rules]
    count = sum(len(rule.match) + len(rule.no_match) for rule in all_rules)
    typer.echo(f"{count} examples of {len(all_rules)} rules: all as written")
