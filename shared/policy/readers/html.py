"""Explanations and tables as HTML that stands by itself: in a file, or in the project's pages."""

from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, PrefixLoader

from shared.policy.decision import Json
from shared.policy.engine import Policy
from shared.policy.pack import Rule
from shared.policy.readers.explanation import as_words
from shared.policy.readers.markdown import SURE, conditions
from shared.policy.readers.tables import deadlines, effects, in_force_words, tables

TEMPLATES: Final = Path(__file__).with_name("templates")
FOLDER: Final = "policy"  # the templates' first part of the name, here as in the pages


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=PrefixLoader({FOLDER: FileSystemLoader(TEMPLATES)}),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def document(template: str, title: str, **what: Any) -> str:
    """One file with its style in it. template: a name in this folder, such as `answer.html`."""
    return _environment().get_template(f"{FOLDER}/{template}").render(title=title, **what)


def explanation_html(told: list[Json], not_taken: list[Json]) -> str:
    """told: an explanation for each subject; not_taken: a why-not for each, or none at all."""
    words = [as_words(each) for each in not_taken]
    return document("answer.html", "What the rules say", told=told, not_taken=words)


class Links:
    """Where a rule, a source and a kind of concern are told, in a set of files."""

    def rule(self, rule: str) -> str:
        return f"rules.html#{rule.lower()}"

    def source(self, source: str) -> str:
        return f"rules.html#source-{source}"

    def table(self, name: str) -> str:
        return f"{name}.html"


def table_pages(policy: Policy) -> dict[str, str]:
    """Each file's name and content: an index, a table a kind of concern, and their rules."""
    links, made = Links(), tables(policy)
    files = {
        f"{each.name}.html": document("table.html", each.title, table=each, links=links)
        for each in made
    }
    files["index.html"] = document("index.html", "The rules, as tables", tables=made, links=links)
    packs = (policy.national, *policy.locals.values())
    files["rules.html"] = document(
        "rules.html", "The rules", packs=packs, told=lambda rule: rule_told(rule, policy),
        sources=policy.national.sources, links=links,
    )  # fmt: skip
    return files


def rule_told(rule: Rule, policy: Policy) -> Json:
    """A rule's parts in words, for a page."""
    return {
        "when": conditions(rule, policy),
        "effect": effects(rule),
        "deadline": deadlines(rule),
        "in_force": in_force_words(rule),
        "sure": SURE,
    }
