"""Checks the log from outside: needs nothing of the service, its database or its word."""
