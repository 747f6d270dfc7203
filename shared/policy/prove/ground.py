"""What the questions of one layer of packs are asked about."""

from dataclasses import dataclass

from shared.policy.prove.duties import Register
from shared.policy.prove.sources import Effects
from shared.policy.schema import Schema


@dataclass(frozen=True, slots=True)
class Ground:
    register: Register
    effects: Effects
    national: Effects
    schema: Schema
