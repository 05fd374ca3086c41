"""Samples to events: reps, sets and what was none; pure but for the time it is given."""
