"""Whose word an auditor takes, and how it is written: notes, checkpoints, cosignatures, proofs."""
