"""Reads the raw bytes of a submission into what the rest of intake works with. Pure."""

from intake.reading.digest import (
    body_digest,
    children_fingerprint,
    derived_idempotency_key,
    same_children,
)
from intake.reading.issues import Issue
from intake.reading.media import MediaFilter, TooLarge, without_media
from intake.reading.model import Reporter, Subject, Submission, Suspect
from intake.reading.parse import Unreadable
from intake.reading.submission import read_submission

__all__ = [
    "Issue",
    "MediaFilter",
    "Reporter",
    "Subject",
    "Submission",
    "Suspect",
    "TooLarge",
    "Unreadable",
    "body_digest",
    "children_fingerprint",
    "derived_idempotency_key",
    "read_submission",
    "same_children",
    "without_media",
]
