"""The end of a shift: what the next one must know, and the name of whoever has read it."""
