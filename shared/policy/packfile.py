"""Reads a pack's YAML with line numbers, so that every complaint can point at its place."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from shared.policy import yaml12
from shared.policy.grammar import GrammarError


class PolicyError(Exception):
    """Why a pack cannot be used: one line a problem, `file:line: rule X: what, what to do`."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


@dataclass
class Problems:
    """Collects what is wrong with one file, so that an author sees all of it at once."""

    file: str
    found: list[str] = field(default_factory=list)

    def add(self, line: int, where: str, text: str) -> None:
        place = f"rule {where}: " if where else ""
        self.found.append(f"{self.file}:{line}: {place}{text}")

    @contextmanager
    def at(self, line: int, where: str = "") -> Iterator[None]:
        """What is wrong with the part read inside is told with its line, and reading goes on."""
        try:
            yield
        except GrammarError as error:
            self.add(line, where, str(error))
        except KeyError as error:
            self.add(line, where, f"`{error.args[0]}` is missing; add it")
        except (AttributeError, TypeError, ValueError):  # a part of a quite different shape
            self.add(line, where, "this is not shaped as packs are; compare it with the template")

    def raise_if_any(self) -> None:
        if self.found:
            raise PolicyError(self.found)


def line_of(node: object, key: object = None) -> int:
    """The line a mapping, or one of its keys, starts on."""
    if isinstance(node, yaml12.Mapping):
        return node.lines.get(key, node.line)
    return node.line if isinstance(node, yaml12.Sequence) else 1


def read(raw: bytes, name: str) -> tuple[Any, str]:
    """A file's content, read with line numbers, and its hash."""
    try:
        data = yaml12.load(raw)
    except yaml12.Unreadable as error:
        told = f"this is not valid YAML ({error.problem}); check the colons, quotes and indents"
        raise PolicyError([f"{name}:{error.line}: {told} on this line"]) from error
    if not isinstance(data, Mapping):
        raise PolicyError([f"{name}:1: a pack is a list of named parts; start with `pack:`"])
    return data, "sha256:" + hashlib.sha256(raw).hexdigest()


def plain(node: object) -> Any:
    """Without the reader's own types."""
    if isinstance(node, Mapping):
        return {str(key): plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [plain(entry) for entry in node]
    if isinstance(node, bool):
        return "yes" if node else "no"
    if isinstance(node, int):
        return int(node)
    return str(node) if isinstance(node, str) else node
