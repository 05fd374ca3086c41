"""Curves in a terminal: the motion of the last seconds, and the reps of a set."""
