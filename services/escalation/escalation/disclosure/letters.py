"""The letters that may be released, and how one is filled in. Pure but for reading its file."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

from shared.policy import yaml12

Audience = Literal["all_parents", "other_schools"]
_FILE: Final = Path(__file__).with_name("letters.yaml")
_LONGEST: Final = 300


@dataclass(frozen=True, slots=True)
class Field:
    """choices: the only words it may hold; else at most `most` characters of one's own."""

    name: str
    label: str
    choices: tuple[str, ...]
    most: int


@dataclass(frozen=True, slots=True)
class Letter:
    id: str
    audience: str
    title: str
    fields: tuple[Field, ...]
    text: str

    def wrong(self, values: Mapping[str, str]) -> list[str]:
        """Names of fields that are missing, unknown, too long or not among their choices."""
        known = {field.name: field for field in self.fields}
        found = [name for name in values if name not in known]
        for name, field in known.items():
            value = values.get(name, "")
            if field.choices:
                if value not in field.choices:
                    found.append(name)
            elif len(value) > field.most or "\n" in value:
                found.append(name)
        return found

    def free(self, values: Mapping[str, str]) -> dict[str, str]:
        """What a person wrote themselves."""
        own = (field.name for field in self.fields if not field.choices)
        return {name: values[name] for name in own if values.get(name)}

    def filled(self, values: Mapping[str, str]) -> str:
        text = self.text
        for field in self.fields:
            text = text.replace(f"{{{field.name}}}", values.get(field.name, ""))
        return "\n".join(line.rstrip() for line in text.splitlines())


@lru_cache(maxsize=1)
def letters() -> Mapping[str, Letter]:
    read = yaml12.load(_FILE.read_bytes())
    return {node["id"]: _letter(node) for node in read["letters"]}


def letters_for(audience: str) -> list[Letter]:
    """None for the public: no letter has such an audience."""
    return [letter for letter in letters().values() if letter.audience == audience]


def _letter(node: Mapping[str, object]) -> Letter:
    audiences: tuple[str, ...] = Audience.__args__  # type: ignore[attr-defined]
    if node["audience"] not in audiences:
        raise ValueError(f"letter {node['id']}: only {' and '.join(audiences)} are ever written to")
    fields = node["fields"]
    assert isinstance(fields, Mapping)  # noqa: S101 - the file is ours
    return Letter(
        id=str(node["id"]),
        audience=str(node["audience"]),
        title=str(node["title"]),
        fields=tuple(_field(name, said) for name, said in fields.items()),
        text=str(node["text"]),
    )


def _field(name: str, said: Mapping[str, object]) -> Field:
    choices = said.get("choices")
    most = said.get("most", _LONGEST)
    return Field(
        name=name,
        label=str(said["label"]),
        choices=tuple(str(choice) for choice in choices) if isinstance(choices, list) else (),
        most=most if isinstance(most, int) else _LONGEST,
    )
