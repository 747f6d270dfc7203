"""Figures for managers: how soon, how many, how often again; nobody can be told from them."""
