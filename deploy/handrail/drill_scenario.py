"""A drill's morning as data: what schools say at which minute, and what a worker should do then."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from intake.schools import is_reserved
from shared.policy import yaml12

MORNING: Final = Path(__file__).parent / "drills" / "morning.yaml"
Name = Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,19}$")]
Minutes = Annotated[int, Field(ge=0, le=480)]
Priority = Literal["P0", "P1", "P2", "P3", "P4"]


class ScenarioWrong(Exception):
    """One sentence: which file, where in it, and what to do."""


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Expected(_Told):
    """do: answer is to a school that disagrees; a decision counts as a claim. within: minutes."""

    do: Literal["claim", "rate", "decide", "answer"]
    within: Annotated[int, Field(ge=1, le=480)]
    tip: str
    route: str = "MASH"


class Step(_Told):
    """Exactly one of post, amend, disagree, silence: the case's name in the scenario.

    silence: nothing comes from the school any more; only the worker is told. priority: of the case
    as the rules have it. facts: as a school sends them. audience: what is posted is about no child,
    and asks to tell these.
    """

    at: Minutes
    says: str
    post: Name | None = None
    amend: Name | None = None
    disagree: Name | None = None
    silence: Name | None = None
    audience: str | None = None
    facts: dict[str, Any] = Field(default_factory=dict)
    priority: Priority | None = None
    expect: tuple[Expected, ...] = ()

    @property
    def case(self) -> str:
        return next(name for name in self._named() if name)

    def _named(self) -> tuple[str | None, ...]:
        return self.post, self.amend, self.disagree, self.silence

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        if sum(name is not None for name in self._named()) != 1:
            raise ValueError("a step is one of post, amend, disagree, silence")
        return self


class Scenario(_Told):
    title: str
    la: Annotated[str, Field(pattern=r"^[0-9]{3}$")]
    school: str
    steps: tuple[Step, ...]

    @model_validator(mode="after")
    def _invented_and_in_order(self) -> Self:
        if not is_reserved(self.school):
            raise ValueError("a drill's school is one of 999001 to 999099")
        if [step.at for step in self.steps] != sorted(step.at for step in self.steps):
            raise ValueError("steps stand in the order of their minutes")
        posted: set[str] = set()
        for step in self.steps:
            if step.post is not None:
                posted.add(step.post)
            elif step.case not in posted:
                raise ValueError(f"nothing was posted as {step.case} before minute {step.at}")
        return self


def left_after_the_last(scenario: Scenario, speed: float) -> timedelta:
    """From the last step until every limit is over: the pauses are shorter, the limits are not."""
    ends = (step.at / speed + e.within for step in scenario.steps for e in step.expect)
    last = scenario.steps[-1].at / speed if scenario.steps else 0
    return timedelta(minutes=max(0, max(ends, default=0) - last))


def read_scenario(file: Path = MORNING) -> Scenario:
    """Raises ScenarioWrong with a sentence for who wrote the file."""
    try:
        return Scenario.model_validate(yaml12.load(file.read_bytes()))
    except ValidationError as error:
        first = error.errors()[0]
        where = " ".join(str(part) for part in first["loc"])
        says = first["msg"].removeprefix("Value error, ")
        raise ScenarioWrong(f"{file}: {where + ': ' if where else ''}{says}.") from None
    except yaml12.Unreadable as error:
        raise ScenarioWrong(f"{file}:{error.line}: this is no YAML.") from None
    except (OSError, UnicodeDecodeError):
        raise ScenarioWrong(f"{file} cannot be read.") from None
