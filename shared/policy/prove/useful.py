"""Whether a rule can apply at all, and whether it adds anything to the others.

Both are asked backwards: the rule is useful when one of these questions is broken.
"""

from collections.abc import Iterator

from shared.policy.prove.compare import at_least, in_words
from shared.policy.prove.obligation import Goal, Obligation
from shared.policy.prove.sources import Effects


def reachable(rule: str, effects: Effects) -> Iterator[Obligation]:
    sources = effects.by_rule[rule]
    yield Obligation(rule, effects.name, sources, Goal(never=sources), f"{rule} applies")


def not_redundant(rule: str, effects: Effects) -> Iterator[Obligation]:
    others = effects.without(rule)
    for task, source in effects.tasks:
        if source in effects.by_rule[rule]:
            what = in_words(task.require)
            yield Obligation(rule, effects.name, (source,), Goal((at_least(task, others),)), what)
    for code, sources in effects.forbids.items():
        for source in sources:
            if source in effects.by_rule[rule]:
                need = others.forbids.get(code, ())
                yield Obligation(rule, effects.name, (source,), Goal(((need,),)), code)
    for code, sources in effects.permits.items():
        for source in sources:
            if source.rule == rule:
                need = others.permits.get(code, ())
                yield Obligation(rule, effects.name, (source,), Goal(((need,),)), code)
