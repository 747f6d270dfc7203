"""One part of a pack outside its rules that a change takes away."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """pack: whose; name: which part of it; what: what is taken away, in words."""

    pack: str
    name: str
    what: str
