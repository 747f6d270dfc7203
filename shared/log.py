"""Structured logs from an allow-list of keys, so that no personal detail can reach a log line."""

import json
import logging
import sys

import structlog
from structlog.typing import EventDict, WrappedLogger

# Adding a key here is a decision that its values never identify or narrate.
ALLOWED_KEYS = frozenset(
    {
        "event",
        "level",
        "timestamp",
        "logger",
        "service",
        "error",
        "reason",
        "code",
        "route",
        "status",
        "method",
        "topic",
        "partition",
        "offset",
        "lag",
        "count",
        "attempt",
        "seconds",
        "consumer",
        "producer",
        "sequence",
        "event_type",
        "event_id",
        "concern_id",
        "incident_id",
        "task_id",
        "notice_id",
        "dead_letter_id",
        "lane",
        "port",
        "version",
        "where",
        "queue",
        "pack",
        "la",
        "kid",
    }
)


def _allow_listed(_: WrappedLogger, __: str, entry: EventDict) -> EventDict:
    dropped = entry.keys() - ALLOWED_KEYS
    for key in dropped:
        del entry[key]
    if dropped:
        entry["error"] = f"{len(dropped)} log keys dropped: not on the allow-list"
    return entry


class _NameOnly(logging.Formatter):
    """A library's record as its logger's name and the kind of error, never its message.

    Messages and tracebacks hold arguments: SQL parameters, addresses, what somebody submitted.
    """

    def format(self, record: logging.LogRecord) -> str:
        raised = record.exc_info[0] if record.exc_info else None
        entry = {
            "event": "library message",
            "logger": record.name,
            "level": record.levelname.lower(),
            "error": raised.__name__ if raised else None,
        }
        return json.dumps(entry)


def configure_logging(service: str, level: int = logging.INFO) -> None:
    """JSON lines on standard error. uvicorn must be given `log_config=None` to keep to it."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _allow_listed,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.bind_contextvars(service=service)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_NameOnly())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
