"""Reads YAML 1.2 with the lines of its parts, so that a complaint can point at its place.

libyaml reads it, which is ten times as fast as Python; its words are those of YAML 1.1, where `no`
is false and 17:00 a number. So what a plain scalar means is said here: YAML 1.2's core schema, and
days.
"""

import re
from collections.abc import Iterable
from typing import Any, ClassVar, Final

import yaml
from yaml.constructor import ConstructorError

# Where there is no libyaml for a platform, the same in Python.
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG: Final = "tag:yaml.org,2002:"
_PLAIN: Final = (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ("~", "n", "N", "")),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", "-+0123456789"),
    ("float", r"[-+]?(?:0|[1-9][0-9]*)\.[0-9]+(?:[eE][-+]?[0-9]+)?", "-+0123456789"),
    ("timestamp", r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "0123456789"),
)


class Unreadable(Exception):
    """A text that is no YAML. line: where that shows, from 1; problem: in the reader's words."""

    def __init__(self, line: int, problem: str) -> None:
        self.line, self.problem = line, problem
        super().__init__(f"line {line}: {problem}")


class Mapping(dict[Any, Any]):
    """line: of its first key; lines: of each key. They count from 1."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[Any, int] = {}


class Sequence(list[Any]):
    """line: of its first entry."""

    def __init__(self, line: int, entries: Iterable[Any]) -> None:
        super().__init__(entries)
        self.line = line


class _Loader(_Base):  # type: ignore[misc] # which of the two it is shows when it runs
    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}

    def mapping(self, node: yaml.MappingNode) -> Mapping:
        made = Mapping(node.start_mark.line + 1)
        for key_node, value_node in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str | int):
                raise ConstructorError(None, None, "a key is one word", key_node.start_mark)
            if key in made:
                told = f"`{key}` stands here twice"
                raise ConstructorError(None, None, told, key_node.start_mark)
            made[key] = self.construct_object(value_node, deep=True)
            made.lines[key] = key_node.start_mark.line + 1
        return made

    def sequence(self, node: yaml.SequenceNode) -> Sequence:
        entries = (self.construct_object(entry, deep=True) for entry in node.value)
        return Sequence(node.start_mark.line + 1, entries)

    def day(self, node: yaml.ScalarNode) -> Any:
        try:
            return self.construct_yaml_timestamp(node)
        except ValueError:
            raise ConstructorError(None, None, "there is no such day", node.start_mark) from None


for _name, _pattern, _first in _PLAIN:
    _Loader.add_implicit_resolver(_TAG + _name, re.compile(f"^(?:{_pattern})$"), list(_first))
_Loader.add_constructor(_TAG + "map", _Loader.mapping)
_Loader.add_constructor(_TAG + "seq", _Loader.sequence)
_Loader.add_constructor(_TAG + "timestamp", _Loader.day)


def load(text: str | bytes) -> Any:
    """The one document of a file. Raises Unreadable."""
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - a safe loader, made above
    except yaml.MarkedYAMLError as error:
        # What is missing at the end is said of the last line that there is.
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise Unreadable(min(line, len(text.splitlines()) or 1), error.problem or "") from error
    except yaml.YAMLError as error:  # bytes that are no text at all
        raise Unreadable(1, str(error).partition("\n")[0]) from error
