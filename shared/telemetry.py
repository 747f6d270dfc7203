"""What a running service measures. Labels come from closed lists: no id, name or address in any."""

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

log = structlog.get_logger(__name__)

REGISTRY = CollectorRegistry()

OUTBOX_AGE = Gauge(
    "handrail_outbox_oldest_seconds",
    "Age of the oldest event that the bus has not acknowledged.",
    ["service"],
    registry=REGISTRY,
)
OUTBOX_STUCK = Gauge(
    "handrail_outbox_stuck_rows",
    "Events that no bus will take, too large or not encodable. Alarm above 0.",
    ["service"],
    registry=REGISTRY,
)
PUBLISHED = Counter(
    "handrail_events_published",
    "Events that the bus has acknowledged.",
    ["service"],
    registry=REGISTRY,
)
UNACKNOWLEDGED = Counter(
    "handrail_events_unacknowledged",
    "How often the bus did not acknowledge an event. It stays, and is tried again.",
    ["service"],
    registry=REGISTRY,
)
CONSUMER_LAG = Gauge(
    "handrail_consumer_lag_records",
    "Records that the service has not applied yet, by topic.",
    ["service", "topic"],
    registry=REGISTRY,
)
DEAD_LETTERS = Gauge(
    "handrail_dead_letters_open",
    "Records that could not be applied and that no one has dealt with. Alarm above 0.",
    ["service"],
    registry=REGISTRY,
)
SECONDS_SINCE_POLL = Gauge(
    "handrail_consumer_seconds_since_poll",
    "Time since the consumer last asked the bus. Alarm above 30.",
    ["service"],
    registry=REGISTRY,
)
UNACCOUNTED = Gauge(
    "handrail_unaccounted",
    "What waits for a step that has not followed, by kind, as the audit log lists it. "
    "Alarm above 0.",
    ["kind"],
    registry=REGISTRY,
)
PACK_TROUBLES = Gauge(
    "handrail_pack_troubles",
    "Packs that do not decide as they were written, by what is wrong. Alarm above 0.",
    ["service", "pack"],
    registry=REGISTRY,
)
CHECKPOINT_SIZE = Gauge(
    "handrail_checkpoint_size",
    "Entries under the newest signed checkpoint of the audit log.",
    registry=REGISTRY,
)
CHECKPOINT_COSIGNATURES = Gauge(
    "handrail_checkpoint_cosignatures",
    "Witnesses that have cosigned the newest checkpoint.",
    registry=REGISTRY,
)
CHECKPOINT_QUORUM = Gauge(
    "handrail_checkpoint_quorum",
    "1 where those witnesses are enough by the log's policy. Alarm at 0.",
    registry=REGISTRY,
)
CHECKPOINT_REFUSED = Gauge(
    "handrail_checkpoint_refused",
    "1 while the checkpointer refuses to sign the log. Alarm above 0.",
    registry=REGISTRY,
)
HEARTBEAT_AGE = Gauge(
    "handrail_heartbeat_age_seconds",
    "Time since the newest invented concern was posted that has arrived everywhere. "
    "Alarm above 900.",
    registry=REGISTRY,
)
HEARTBEAT_SECONDS = Gauge(
    "handrail_heartbeat_seconds",
    "How long the last invented concern took to each step.",
    ["step"],
    registry=REGISTRY,
)
OPERATOR_ALARMS = Counter(
    "handrail_operator_alarms",
    "What an operator must mend: a missing contact, a broken pack, an old calendar.",
    ["code"],
    registry=REGISTRY,
)


def operator_alarm(alarm: str) -> None:
    """Tells whoever runs the service. `alarm` is a code, and after a colon where it holds."""
    code, _, where = alarm.partition(":")
    log.error("operator alarm", code=code, where=where)
    OPERATOR_ALARMS.labels(code).inc()


def serve_metrics(port: int) -> None:
    """On a port of their own, so that the public address never shows them."""
    start_http_server(port, registry=REGISTRY)
