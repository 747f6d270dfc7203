"""Other rule engines on our compiled table: each is handed every term's accepted values, and says
which terms fire. Beside them, the facts in the form that suits each best."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from typing import Any, Final

import orjson

from handrail.bench.ground import Missing
from shared.policy.compile import WORST, Column, Table
from shared.policy.schema import UNKNOWN, Schema, Value

Fires = Callable[[Any], set[int]]
NO_NUMBER: Final = -1  # "not known", where a number is wanted
THE_WORST: Final = "worst"


_PACKAGES: Final = {
    "zen": "zen-engine",
    "cel": "common-expression-language",
    "business_rules": "business-rules",
}


def wanted(module: str) -> Any:
    """A module of an engine that only this benchmark needs, or one sentence on how to get it."""
    try:
        return import_module(module)
    except ImportError:
        package = _PACKAGES[module.partition(".")[0]]
        raise Missing(f"{package} is not installed; install Handrail's extra `dev`") from None


def all_wanted() -> None:
    for module in _PACKAGES:
        wanted(module)


@dataclass(frozen=True, slots=True)
class Accepts:
    """What one term accepts of one column: words, or runs of numbers from and to."""

    column: str
    is_set: bool
    words: tuple[str, ...]
    runs: tuple[tuple[int, int], ...]


Term = tuple[Accepts, ...]


def terms_of(table: Table, schema: Schema) -> list[Term]:
    """Read off the masks, so that every engine evaluates what ours does."""
    return [
        tuple(
            _accepts(column, 1 << term, schema)
            for column in table.columns
            if not column.free >> term & 1
        )
        for term in range(len(table.unit_of))
    ]


def _accepts(column: Column, bit: int, schema: Schema) -> Accepts:
    keys = [key for key, mask in column.masks.items() if mask & bit and key != WORST]
    numbers = sorted(key for key in keys if isinstance(key, int))
    words = [key for key in keys if isinstance(key, str)]
    if schema[column.name].kind == "number":
        numbers = [NO_NUMBER, *numbers] if UNKNOWN in words else numbers
        return Accepts(column.name, False, (), tuple(_runs(numbers)))
    if column.worst_case_if and column.masks[WORST] & bit:
        words.append(THE_WORST)
    return Accepts(column.name, column.is_set, tuple(words), ())


def _runs(numbers: list[int]) -> Iterable[tuple[int, int]]:
    ends = [i for i, (one, other) in enumerate(pairwise(numbers), 1) if other != one + 1]
    for start, end in pairwise([0, *ends, len(numbers)]):
        if start < end:
            yield numbers[start], numbers[end - 1]


def inputs_of(table: Table, schema: Schema, values: Mapping[str, Value]) -> dict[str, Any]:
    """One case's facts, derived ones included, as the other engines take them."""
    found: dict[str, Any] = {}
    for column in table.columns:
        value = values[column.name]
        if isinstance(value, frozenset):
            found[column.name] = sorted(value)
        elif value == UNKNOWN and schema[column.name].kind == "number":
            found[column.name] = NO_NUMBER
        elif value == UNKNOWN and column.worst_case_if and values[column.worst_case_if] == "yes":
            found[column.name] = THE_WORST
        else:
            found[column.name] = value
    return found


def zen(terms: list[Term], columns: list[str], *, trace: bool) -> Fires:
    """A decision table behind the static loader, from JSON: its quickest way. Takes bytes."""
    made = wanted("zen").ZenEngine(
        {"loader": {"type": "static", "content": {"t": _jdm(terms, columns)}}}
    )
    options: Any = {"trace": True} if trace else None

    def fires(body: bytes) -> set[int]:
        found: Any = made.evaluate("t", body, options)["result"]
        return {row["term"] for row in found}

    return fires


def _jdm(terms: list[Term], columns: list[str]) -> dict[str, Any]:
    rules = []
    for index, term in enumerate(terms):
        cells = dict.fromkeys(columns, "") | {each.column: _zen_cell(each) for each in term}
        rules.append({"_id": f"r{index}", **cells, "term": str(index)})
    table = {
        "hitPolicy": "collect",
        "inputs": [{"id": c, "name": c, "type": "expression", "field": c} for c in columns],
        "outputs": [{"id": "term", "name": "term", "type": "expression", "field": "term"}],
        "rules": rules,
    }
    at = {"x": 0, "y": 0}
    return {
        "nodes": [
            {"id": "in", "name": "in", "type": "inputNode", "position": at},
            {"id": "t", "name": "t", "type": "decisionTableNode", "position": at, "content": table},
            {"id": "out", "name": "out", "type": "outputNode", "position": at},
        ],
        "edges": [
            {"id": "1", "sourceId": "in", "targetId": "t", "type": "edge"},
            {"id": "2", "sourceId": "t", "targetId": "out", "type": "edge"},
        ],
    }


def _zen_cell(each: Accepts) -> str:
    if each.is_set:
        return " or ".join(f"contains($, {json.dumps(word)})" for word in each.words)
    said = [f"[{low}..{high}]" if low != high else str(low) for low, high in each.runs]
    return ", ".join([*said, *(json.dumps(word) for word in each.words)])


def cel(terms: list[Term]) -> Fires:
    """One program that answers with a list of yes and no, a term each. Takes a dictionary."""
    engine = wanted("cel")
    said = (" && ".join(map(_cel_test, term)) or "true" for term in terms)
    program = engine.compile(f"[{', '.join(said)}]")

    def fires(values: dict[str, Any]) -> set[int]:
        return {index for index, fired in enumerate(program.execute(values)) if fired}

    return fires


def _cel_test(each: Accepts) -> str:
    name = each.column
    if each.is_set:
        return f"({' || '.join(f'{json.dumps(word)} in {name}' for word in each.words)})"
    said = [f"({name} >= {low} && {name} <= {high})" for low, high in each.runs]
    if each.words:
        said.append(f"{name} in {json.dumps(list(each.words))}")
    return f"({' || '.join(said)})"


def business_rules(terms: list[Term]) -> Fires:
    """Takes a dictionary."""
    engine, actions = wanted("business_rules.engine"), wanted("business_rules.actions")
    numeric = wanted("business_rules.fields").FIELD_NUMERIC

    class Actions(actions.BaseActions):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            self.fired: set[int] = set()

        @actions.rule_action(params={"term": numeric})  # type: ignore[untyped-decorator]
        def fire(self, term: int) -> None:
            self.fired.add(term)

    made = _variables(terms)
    rules = [
        {"conditions": {"all": [_business_test(each) for each in term] or [_ALWAYS]},
         "actions": [{"name": "fire", "params": {"term": index}}]}
        for index, term in enumerate(terms)
    ]  # fmt: skip

    def fires(values: dict[str, Any]) -> set[int]:
        done = Actions()
        engine.run_all(rules, made(values), done)
        return done.fired

    return fires


_ALWAYS: Final = {"name": "always", "operator": "greater_than_or_equal_to", "value": 0}


def _variables(terms: list[Term]) -> type[Any]:
    variables = wanted("business_rules.variables")

    def variable(name: str, *, number: bool) -> Any:
        def read(self: Any) -> Any:
            value = self.values[name]
            return value if number or isinstance(value, list) else [value]

        read.__name__ = name
        if number:
            return variables.numeric_rule_variable()(read)
        return variables.select_multiple_rule_variable()(read)

    def start(self: Any, values: dict[str, Any]) -> None:
        self.values = {**values, "always": 0}

    kinds = {each.column: bool(each.runs) for term in terms for each in term} | {"always": True}
    members = {name: variable(name, number=number) for name, number in kinds.items()}
    return type("Variables", (variables.BaseVariables,), {**members, "__init__": start})


def _business_test(each: Accepts) -> dict[str, Any]:
    if not each.runs:
        return {"name": each.column, "operator": "shares_at_least_one_element_with",
                "value": list(each.words)}  # fmt: skip
    runs = [
        {"all": [{"name": each.column, "operator": "greater_than_or_equal_to", "value": low},
                 {"name": each.column, "operator": "less_than_or_equal_to", "value": high}]}
        for low, high in each.runs
    ]  # fmt: skip
    return {"any": runs}


def as_json(values: dict[str, Any]) -> bytes:
    return orjson.dumps(values)
