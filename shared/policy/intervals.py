"""Intervals that no guidance gives, as a pack sets them."""

from dataclasses import dataclass
from datetime import timedelta

from shared.policy.pack import Pack


@dataclass(frozen=True, slots=True)
class Settings:
    """Intervals that no guidance gives: project defaults until an authority signs its own."""

    p0_unconfirmed: timedelta
    call_back: timedelta
    p1_unclaimed: timedelta
    reminders_percent: tuple[int, ...]
    escalation_working_days: tuple[int, ...]


def settings_of(pack: Pack) -> Settings:
    named = pack.settings
    minutes = {
        name: timedelta(minutes=_number(named[name].value))
        for name in named
        if name.endswith("_minutes")
    }
    return Settings(
        p0_unconfirmed=minutes["p0_unconfirmed_minutes"],
        call_back=minutes["call_back_minutes"],
        p1_unclaimed=minutes["p1_unclaimed_minutes"],
        reminders_percent=_numbers(named["reminders_percent"].value),
        escalation_working_days=_numbers(named["escalation_working_days"].value),
    )


def _number(value: int | tuple[int, ...]) -> int:
    return value if isinstance(value, int) else value[0]


def _numbers(value: int | tuple[int, ...]) -> tuple[int, ...]:
    return (value,) if isinstance(value, int) else value
