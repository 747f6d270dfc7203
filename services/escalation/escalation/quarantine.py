"""A concern of which no school is known is nobody's at any school: the hub is asked to sort it."""

from typing import Any, Final

from escalation.models import CaseFile
from escalation.ranking import PRIORITIES
from shared.policy import Authorities, Policy
from shared.telemetry import operator_alarm

Json = dict[str, Any]
SORTING: Final = "QUARANTINED"
_ROUTE: Final = "MASH"
_BECAUSE: Final = {
    "rule": SORTING,
    "title": "No school is known of this concern: find out whose it is",
    "cite": "R-DQ-01",
    "facts": {},
}


def sorted_out(case: CaseFile, decision: Json, policy: Policy) -> Json:
    """The decision with a task of the hub's own, as urgent as the most urgent of what is asked.

    What the school is asked to do stands too, but no lead of a school can see it.
    """
    if not case.quarantined:
        return decision
    operator_alarm("quarantined")
    places = Authorities(home=case.home_la, found=case.found_la, school=case.school_la)
    la = places.serving(policy.national.routes[_ROUTE].serves)
    # An authority whose team does not work here would leave it unread: then it is everyone's.
    where = la if policy.on_platform(la) else None
    same = [a for a in decision["actions"] if _key(a) == (_ROUTE, where, "team")]
    for action in same:
        known = [r for r in action["because"] if r["rule"] != _BECAUSE["rule"]]
        action["because"] = [_BECAUSE, *known]
    if same:
        return decision
    return decision | {"actions": [*decision["actions"], _sorter(case, decision, policy, where)]}


def _sorter(case: CaseFile, decision: Json, policy: Policy, la: str | None) -> Json:
    first = min(decision["actions"], key=lambda action: PRIORITIES.index(action["priority"]))
    owner, owner_role = policy.directory.owner("team")
    return {
        "route": _ROUTE,
        "subject": case.subject_ref,
        "la": la,
        "priority": first["priority"],
        "certainty": "precautionary",
        "by": first["by"],
        "owner": owner,
        "owner_role": owner_role,
        "channel": "QUEUE",
        "contact": {},
        "script": "Read the details, find out which school this is about, and ring it.",
        "because": [_BECAUSE],
    }


def _key(action: Json) -> tuple[Any, ...]:
    return action["route"], action.get("la"), action["owner_role"]
