"""The packs of a running service: what is wrong with them is told to whoever runs it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from shared.clock import Clock
from shared.policy.control.dated import DatedPolicies
from shared.policy.control.opening import open_packs
from shared.policy.control.released import ALONE
from shared.telemetry import PACK_TROUBLES, operator_alarm


@dataclass(frozen=True, slots=True)
class ServingPacks:
    service: str
    policies: DatedPolicies

    def ready_members(self, now: datetime) -> Mapping[str, Any]:
        """Ready all the same: an older pack, or the national one, decides meanwhile."""
        self._count(now)
        return {"policy": self.policies.state(now)}

    def tell(self, now: datetime) -> None:
        self._count(now)
        for trouble in self.policies.troubles(now):
            where = f"{trouble.pack}: {trouble.why}; {trouble.instead}"
            if trouble.instead == ALONE:
                operator_alarm(f"pack_left_out:{where}")
            else:
                operator_alarm(f"pack_not_as_written:{where}")

    def _count(self, now: datetime) -> None:
        state = self.policies.state(now)
        troubled = [trouble["pack"] for trouble in state["troubles"]]
        for pack in {*troubled, *(entry["pack"] for entry in state["packs"])}:
            PACK_TROUBLES.labels(self.service, pack).set(troubled.count(pack))


def serving_packs(
    service: str, directory: Path | None, approvers: Path | None, clock: Clock
) -> ServingPacks:
    """Read once, before the first request; a pack released later is served from the next start."""
    policies = open_packs(directory, approvers)
    policies.prepare(clock.now())
    packs = ServingPacks(service, policies)
    packs.tell(clock.now())
    return packs
