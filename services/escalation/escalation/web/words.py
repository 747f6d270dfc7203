"""The names of queues and authorities as people say them."""

from typing import Final

from escalation.deciding import Rules

QUEUES: Final = {
    "MASH": "Safeguarding hub (MASH)",
    "EDT": "Emergency duty team",
    "EST": "Education Safeguarding Team",
    "LADO": "Designated officer (LADO)",
    "PREVENT": "Prevent",
    "EARLY_HELP": "Early help",
    "LA_ATTENDANCE": "Attendance",
}


def queue_name(route: str) -> str:
    return QUEUES.get(route, route.replace("_", " ").capitalize())


def authority_name(rules: Rules, la: str) -> str:
    pack = rules.policy.locals.get(la)
    return pack.name if pack else f"Authority {la}"
