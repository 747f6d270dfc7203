"""Which service answers which path, all under one origin; the proxy's table is held to this one."""

import re

# In this order: the first that fits answers.
_PATHS = (
    ("escalation", r"/v1/disclosure-requests/."),
    ("intake", r"/(v1/(concerns|outcomes|grants|disclosure-requests)|report|intake)(/|$)"),
    (
        "escalation",
        r"/(v1/(queues|cases|tasks|reports|handovers)|triage|tasks|policy|escalation)(/|$)",
    ),
    ("notify", r"/(v1/(notices|directory|bulletins|webhooks)|notices|notify)(/|$)"),
    ("audit-log", r"/(v1/log|checkpoint|tile|audit|audit-log)(/|$)"),
)
PATHS = tuple((service, re.compile(pattern)) for service, pattern in _PATHS)


def service_for(path: str) -> str | None:
    """The service that answers the path, or None where no service does."""
    return next((service for service, pattern in PATHS if pattern.match(path)), None)
