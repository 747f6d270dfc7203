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
    "LA_CME": "Children missing education",
    "LA_OFFICER_EHE": "Elective home education",
}
# Whom else a case can be with, where there is no queue.
_OTHERS: Final = {
    "POLICE_999": "Police, 999",
    "AMBULANCE_999": "Ambulance, 999",
    "POLICE_101": "Police, 101",
    "DSL": "School’s safeguarding lead",
    "DEPUTY_DSL": "School’s deputy lead",
    "HEADTEACHER": "Headteacher",
    "CHAIR_GOVERNORS": "Chair of governors",
    "GOV_BODY": "Governing body",
    "ALLOCATED_SW": "Child’s social worker",
    "FMU": "Forced Marriage Unit",
    "NRM_FR": "First responder, modern slavery",
    "IWF_REPORT_REMOVE": "Report Remove",
    "IDVA": "Domestic abuse adviser (IDVA)",
    "ADULT_SC": "Adult social care",
    "ATH": "Act Early helpline",
    "DFE_EXTREMISM_PORTAL": "Department for Education, extremism",
}
_INITIALS: Final = frozenset({"CEOP", "MARAC", "DBS", "TRA"})


def queue_name(route: str) -> str:
    known = QUEUES.get(route) or _OTHERS.get(route)
    return known or (route if route in _INITIALS else route.replace("_", " ").capitalize())


def authority_name(rules: Rules, la: str) -> str:
    pack = rules.policy.locals.get(la)
    return pack.name if pack else f"Authority {la}"
