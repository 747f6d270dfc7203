"""Shows the rules, and what they decide, to people who do not program."""
