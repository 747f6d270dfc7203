"""Turns the facts of a concern into what must be done, by whom, by when, and why."""

from shared.policy.decision import Action, Decision, Gate, Prohibition, Question
from shared.policy.derive import ages
from shared.policy.directory import Authorities
from shared.policy.engine import Policy, load_policy
from shared.policy.intervals import Settings
from shared.policy.packfile import PolicyError
from shared.policy.raising import raise_to

__all__ = [
    "Action",
    "Authorities",
    "Decision",
    "Gate",
    "Policy",
    "PolicyError",
    "Prohibition",
    "Question",
    "Settings",
    "ages",
    "load_policy",
    "raise_to",
]
