"""Requests to tell others: held for the Education Safeguarding Team, released by template alone."""
