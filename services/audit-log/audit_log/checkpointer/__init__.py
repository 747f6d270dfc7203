"""Signs the log's heads: a process of its own, with the key that nobody else has."""
