"""What every refusal still says: whom to ring, because a child may be in danger all the same."""

from typing import Any

NATIONAL: dict[str, Any] = {
    "say": (
        "If a child is in immediate danger ring 999 now. Do not wait for this system, for an "
        "answer from it, or for anyone's consent."
    ),
    "numbers": [
        {"number": "999", "for": "A child is in immediate danger, or badly hurt."},
        {"number": "101", "for": "The police, when it is not an emergency."},
    ],
}


def with_local(contacts: list[dict[str, str]]) -> dict[str, Any]:
    """The national numbers, then those of the school's own authority."""
    return {**NATIONAL, "numbers": [*NATIONAL["numbers"], *contacts]}
