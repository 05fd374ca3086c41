"""Copies of what a gym cannot do without, and putting them back: the history and the settings."""
