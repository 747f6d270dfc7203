"""Keeps every change of the rules under control: signed releases, dates, differences, replay."""
