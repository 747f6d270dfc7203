"""Fault tests: what is killed, cut off or sent twice, and what must hold all the same."""
