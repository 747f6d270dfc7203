"""What auditors are told in plain words: a concern's story, and what was verified and what not."""
