"""Which events exist, on which topic, from whom, for whom: the one list all else is made from."""

from dataclasses import dataclass
from datetime import timedelta

from shared.events import access, cases, concerns, notices, shifts
from shared.events.concerns import EventData


@dataclass(frozen=True)
class EventType:
    """An event's name, its data's schema version and model, its producers and its consumers."""

    name: str
    version: int
    model: type[EventData]
    producers: frozenset[str]
    consumers: frozenset[str]


@dataclass(frozen=True)
class Topic:
    """partitions bound how many members of one consumer group can work at the same time."""

    name: str
    events: tuple[EventType, ...]
    partitions: int = 12
    retention: timedelta = timedelta(days=14)


def _event(
    name: str, model: type[EventData], producers: str, consumers: str, version: int = 1
) -> EventType:
    return EventType(
        name, version, model, frozenset(producers.split()), frozenset(consumers.split())
    )


CONCERNS = Topic(
    "handrail.concerns.v1",
    (
        _event("concern.raised", concerns.ConcernRaised, "intake", "escalation notify audit-log"),
        _event("concern.amended", concerns.ConcernAmended, "intake", "escalation audit-log"),
        _event("concern.erased", concerns.ConcernErased, "intake", "escalation notify audit-log"),
        _event("concern.held", concerns.ConcernHeld, "intake", "escalation notify audit-log"),
        _event(
            "concern.entered_in_error",
            concerns.ConcernEnteredInError,
            "intake",
            "escalation audit-log",
        ),
        _event("intake.producer_closed", concerns.ProducerClosed, "intake", "audit-log"),
    ),
)

CASES = Topic(
    "handrail.cases.v1",
    (
        _event("case.opened", cases.CaseOpened, "escalation", "intake notify audit-log"),
        _event("case.raised", cases.CaseRaised, "escalation", "intake audit-log"),
        _event("case.claimed", cases.CaseClaimed, "escalation", "intake audit-log"),
        _event("case.decided", cases.CaseDecided, "escalation", "intake audit-log"),
        _event("case.disagreement", cases.CaseDisagreement, "escalation", "audit-log"),
        _event("case.noted", cases.CaseNoted, "escalation", "audit-log"),
        _event("case.linked", cases.CaseLinked, "escalation", "audit-log"),
        _event("case.milestone", cases.CaseMilestone, "escalation", "audit-log"),
        _event("shift.handed_over", shifts.ShiftHandedOver, "escalation", "audit-log"),
        _event("shift.untaken", shifts.ShiftUntaken, "escalation", "audit-log"),
        _event("disclosure.decided", cases.DisclosureDecided, "escalation", "audit-log"),
        _event("case.offered", cases.CaseOffered, "escalation", "audit-log"),
        _event("task.paused", cases.TaskPaused, "escalation", "audit-log"),
        _event("task.opened", cases.TaskOpened, "escalation", "intake notify audit-log"),
        _event("task.link_made", cases.TaskLinkMade, "escalation", "notify audit-log"),
        _event("task.acknowledged", cases.TaskAcknowledged, "escalation", "intake audit-log"),
        _event("task.ended", cases.TaskEnded, "escalation", "intake audit-log"),
        _event("task.raised", cases.TaskRaised, "escalation", "intake audit-log"),
        _event("task.reminded", cases.TaskReminded, "escalation", "notify audit-log"),
        _event(
            "dead_letter.recorded",
            cases.DeadLetterRecorded,
            "intake escalation notify audit-log",
            "audit-log",
        ),
        _event(
            "dead_letter.settled",
            cases.DeadLetterSettled,
            "intake escalation notify audit-log",
            "audit-log",
        ),
        _event("escalation.producer_closed", concerns.ProducerClosed, "escalation", "audit-log"),
    ),
)

NOTICES = Topic(
    "handrail.notices.v1",
    (
        _event("notice.sent", notices.NoticeSent, "notify", "escalation intake audit-log"),
        _event("notice.failed", notices.NoticeFailed, "notify", "escalation intake audit-log"),
        _event("notify.producer_closed", concerns.ProducerClosed, "notify", "audit-log"),
    ),
)

ACCESS = Topic(
    "handrail.access.v1",
    (
        _event("details.read", access.DetailsRead, "intake escalation", "audit-log"),
        _event("grant.given", access.GrantChanged, "intake", "audit-log"),
        _event("grant.withdrawn", access.GrantChanged, "intake", "audit-log"),
        _event("log.prune_asked", access.LogPruned, "audit-log", "audit-log"),
        _event("log.pruned", access.LogPruned, "audit-log", "audit-log"),
        _event("post.changed", access.PostChanged, "notify", "audit-log"),
        _event("post.removed", access.PostChanged, "notify", "audit-log"),
        _event("log.searched", access.LogSearched, "audit-log", "audit-log"),
        _event("log.read", access.LogRead, "audit-log", "audit-log"),
        _event("audit_log.producer_closed", concerns.ProducerClosed, "audit-log", "audit-log"),
    ),
)

TOPICS = (CONCERNS, CASES, NOTICES, ACCESS)
EVENTS = {event.name: event for topic in TOPICS for event in topic.events}
TOPIC_OF = {event.name: topic.name for topic in TOPICS for event in topic.events}


def topics_for(service: str) -> tuple[str, ...]:
    """The topics that hold at least one event the service consumes."""
    return tuple(
        topic.name for topic in TOPICS if any(service in e.consumers for e in topic.events)
    )
