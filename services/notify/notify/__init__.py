"""Tells the right people, without content, and proves that it did."""
