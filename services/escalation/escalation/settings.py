"""What the escalation must be told besides what every service with pages is told."""

from pydantic import Field

from shared.web import WebSettings


class EscalationSettings(WebSettings):
    """one_time_link_hours: for how long a link to a personal duty opens; never less than until the
    duty is due. Intervals and contacts of cases are the packs'."""

    one_time_link_hours: int = Field(default=72, ge=1, le=720)
