"""Decides, opens cases and tasks, runs the clocks and serves the queues."""
