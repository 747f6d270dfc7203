"""Signs people in by their own organisation's OpenID provider and remembers it on our side."""
