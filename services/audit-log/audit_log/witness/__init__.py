"""A witness: remembers the newest checkpoint of each log, and cosigns only what extends it."""
