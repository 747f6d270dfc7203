"""Turns the facts of a concern into what must be done, by whom, by when, and why."""

from shared.policy.decision import Action, Decision, Gate, Prohibition, Question

__all__ = ["Action", "Decision", "Gate", "Prohibition", "Question"]
