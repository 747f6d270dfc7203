"""`handrail policy prove` and `mutate`: do the rules keep their promises, and who would notice."""

import json
import random
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from handrail.policy_packs import Packs, policy_of, stop
from shared.clock import SystemClock
from shared.policy import Policy, PolicyError
from shared.policy.clocks import LONDON
from shared.policy.prove import Engine, Failure, Prover, Register, SolverMissing
from shared.policy.prove.duties import REGISTER, load_register
from shared.policy.prove.mutation import Mutation, Outcome
from shared.policy.prove.space import TYPES
from shared.policy.prove.words import example_words, nearest_words, region_words

SHOWN = 12
Promises = Annotated[Path | None, typer.Option("--promises", help="Another duty register.")]
AsOf = Annotated[str | None, typer.Option("--as-of", help="The day (YYYY-MM-DD) of the law.")]
AsJson = Annotated[bool, typer.Option("--json", help="The answer as JSON.")]


def add_to(app: typer.Typer) -> None:
    app.command()(prove)
    app.command()(mutate)


def prove(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    exhaustive: Annotated[bool, typer.Option("--exhaustive", help="Counting alone.")] = False,
    smt: Annotated[bool, typer.Option("--smt", help="The solver z3 alone.")] = False,
    both: Annotated[bool, typer.Option("--both", help="Both, which must agree.")] = False,
    fast: Annotated[bool, typer.Option("--fast", help="For every commit: no counts.")] = False,
    kind: Annotated[str | None, typer.Option("--type", help="One kind of concern alone.")] = None,
    as_json: AsJson = False,
    packs: Packs = None,
    promises: Promises = None,
    as_of: AsOf = None,
) -> None:
    """Every promise of the duty register, for every combination of facts and every pack."""
    policy = policy_of(packs)
    engine = _engine(exhaustive=exhaustive, smt=smt, both=both, fast=fast)
    if kind is not None and kind not in {*policy.schema[TYPES].values, "unknown"}:
        stop(f"there is no kind of concern `{kind}`; see concern_types in facts.yaml")
    register = _register(policy, promises)
    start = time.perf_counter()
    try:
        prover = Prover(policy, register, engine, _day(as_of), kind)
        proof = prover.run()
    except SolverMissing as error:
        stop(str(error))
    seconds = time.perf_counter() - start
    lines = _lines(register, prover, seconds)
    typer.echo(_json(prover, seconds) if as_json else "\n".join([*policy.alarms, *lines]))
    if policy.alarms or not proof.holds:
        raise typer.Exit(1)


def _engine(*, exhaustive: bool, smt: bool, both: bool, fast: bool) -> Engine:
    if exhaustive + smt + both + fast > 1:
        stop("choose one of --exhaustive, --smt, --both and --fast")
    return "exhaustive" if exhaustive else "smt" if smt else "fast" if fast else "both"


def _day(as_of: str | None) -> date:
    if as_of is None:
        return SystemClock().now().astimezone(LONDON).date()
    try:
        return date.fromisoformat(as_of)
    except ValueError:
        stop("--as-of is no date; write 2026-11-25")


def _register(policy: Policy, path: Path | None) -> Register:
    try:
        return load_register(policy.schema, policy.national, path or REGISTER)
    except PolicyError as error:
        stop(*error.problems)
    except OSError:
        stop("the duty register cannot be read; give its file")


def _lines(register: Register, prover: Prover, seconds: float) -> Iterator[str]:
    proof = prover.proof
    promises = {promise.id: promise for promise in register.promises}
    for failure in proof.failures:
        promise = promises[failure.promise]
        yield f"FAILED {promise.id} ({failure.layer}): {promise.say} [{promise.cite}]"
        yield from _failure(failure, prover)
    yield from (f"THE PROVERS DISAGREE {told}" for told in proof.disagreements)
    names = ", ".join(layer.name for layer in prover.layers)
    yield (
        f"{len(promises)} promises over {names}: {proof.questions:,} questions, "
        f"{proof.asked:,} of them different"
    )
    yield f"{proof.combinations:,} combinations of facts" + (
        "; each question's counts add up to exactly these" if proof.counted else ""
    )
    spent = ", ".join(f"{name} {used:.1f} s" for name, used in proof.seconds.items() if used)
    yield f"{spent}; {seconds:.1f} s in all, as the law is on {proof.day}"
    if proof.holds:
        yield f"every promise holds{', and both provers agree' if proof.engine == 'both' else ''}"
    else:
        failed = len({failure.promise for failure in proof.failures})
        yield f"{failed} promises fail"


def _failure(failure: Failure, prover: Prover) -> Iterator[str]:
    """What is missing, where, for example, and which rule came nearest."""
    yield f"  missing: {failure.what}"
    if failure.too_many:
        yield "  in more regions than can be listed; prove one kind of concern with --type"
    for region in failure.regions[:SHOWN]:
        yield f"  when {region_words(region)}"
    if len(failure.regions) > SHOWN:
        yield f"  and {len(failure.regions) - SHOWN} regions more (--json lists them all)"
    if failure.broken:
        yield f"  in {failure.broken:,} of {failure.total:,} combinations"
    if failure.example is not None:
        yield f"  e.g. {example_words(failure.example)}"
        yield f"  {nearest_words(failure.example, _place(failure.example.nearest, prover))}"


def _place(rule: str, prover: Prover) -> str:
    """The file and line of a rule."""
    policy = prover.policy
    for pack in (policy.national, *policy.locals.values()):
        for each in pack.rules:
            if each.id == rule.split(" ", maxsplit=1)[0]:
                return f"{pack.file}:{each.line}"
    return policy.national.file


def _json(prover: Prover, seconds: float) -> str:
    proof = prover.proof
    return json.dumps(
        {
            "engine": proof.engine,
            "as_of": proof.day.isoformat(),
            "holds": proof.holds,
            "layers": [layer.name for layer in prover.layers],
            "promises": len(prover.register.promises),
            "questions": proof.questions,
            "different_questions": proof.asked,
            "combinations": str(proof.combinations),
            "seconds": {**proof.seconds, "whole": seconds},
            "disagreements": proof.disagreements,
            "failures": [_failure_json(failure, prover) for failure in proof.failures],
        },
        indent=2,
    )


def _failure_json(failure: Failure, prover: Prover) -> dict[str, Any]:
    example = failure.example
    return {
        "promise": failure.promise,
        "pack": failure.layer,
        "missing": failure.what,
        "regions": [region_words(region) for region in failure.regions],
        "too_many_regions": failure.too_many,
        "combinations": str(failure.broken),
        "of": str(failure.total),
        "example": example and example_words(example),
        "nearest": example and nearest_words(example, _place(example.nearest, prover)),
    }


def mutate(
    part: Annotated[int, typer.Option("--part", help="One mutant in so many.", min=1)] = 1,
    seed: Annotated[int, typer.Option("--seed", help="Which of them, with --part.")] = 0,
    as_json: AsJson = False,
    packs: Packs = None,
    as_of: AsOf = None,
) -> None:
    """Puts small faults into the rules, one at a time, to see who notices."""
    policy = policy_of(packs)
    start = time.perf_counter()
    try:
        mutation = Mutation(policy, _register(policy, None), _day(as_of))
    except SolverMissing as error:
        stop(str(error))
    chosen = mutation.mutants()
    if part > 1:
        chosen = random.Random(seed).sample(chosen, len(chosen) // part)  # noqa: S311 - no secret
    outcome = mutation.run(chosen)
    seconds = time.perf_counter() - start
    if as_json:
        typer.echo(json.dumps(_mutants_json(outcome, seconds), indent=2))
    else:
        typer.echo("\n".join(_mutant_lines(outcome, seconds)))
    if outcome.unshown:
        raise typer.Exit(1)


def _mutant_lines(outcome: Outcome, seconds: float) -> Iterator[str]:
    yield f"{'fault':26}{'mutants':>8}{'by the gate':>13}{'by promises':>13}"
    for kind, count in sorted(outcome.kinds.items()):
        by_gate, by_promises = outcome.kinds_by_gate[kind], outcome.kinds_by_promises[kind]
        yield f"{kind:26}{count:8}{by_gate:13}{by_promises:13}"
    share = 100 / max(outcome.mutants, 1)
    yield (
        f"{outcome.mutants} mutants: the gate notices {outcome.by_gate} "
        f"({outcome.by_gate * share:.1f} %), the promises alone {outcome.by_promises} "
        f"({outcome.by_promises * share:.1f} %)"
    )
    yield (
        f"{outcome.weaker} make an answer weaker, and the gate notices all of them but "
        f"{len(outcome.unshown)}; {len(outcome.equivalent)} make none weaker, as both provers "
        f"show, and it notices {outcome.thinner} of them: a rule asks less by itself"
    )
    yield from (f"PASSES THE GATE, AND IS WEAKER: {name}" for name in outcome.unshown)
    yield from (f"passes the gate, no answer is weaker: {name}" for name in outcome.passed)
    yield from (f"no promise notices {name}: {why}" for name, why in outcome.unpromised.items())
    yield f"{seconds:.1f} s"


def _mutants_json(outcome: Outcome, seconds: float) -> dict[str, Any]:
    return {
        "mutants": outcome.mutants,
        "by_gate": outcome.by_gate,
        "by_promises": outcome.by_promises,
        "weaker": outcome.weaker,
        "thinner": outcome.thinner,
        "equivalent_or_stronger": outcome.equivalent,
        "survive_and_are_weaker": outcome.unshown,
        "pass_the_gate": outcome.passed,
        "no_promise_notices": outcome.unpromised,
        "kinds": {
            kind: {
                "mutants": count,
                "by_gate": outcome.kinds_by_gate[kind],
                "by_promises": outcome.kinds_by_promises[kind],
            }
            for kind, count in sorted(outcome.kinds.items())
        },
        "seconds": seconds,
    }
