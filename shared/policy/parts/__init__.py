"""The parts of a pack that are not rules: who is reached how, the gate, clocks and settings."""
