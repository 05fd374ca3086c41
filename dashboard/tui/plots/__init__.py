"""Curves in a terminal: the motion of the last seconds, and the reps of a set.

braille  dots in cells, 2 × 4 each
trace    the last seconds, and where the bar or the handle went
curve    reps: one with its phases, or several over each other
"""
