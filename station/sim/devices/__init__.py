"""The simulated sensors and boards: the true motion in, bytes out.

sensors   SI samples at each sensor's own rate, with its faults
readings  which sensor of a station sees what of the motion
board     samples to a board's counts: scale, offset and width of a real one
device    the board itself: hello, frames, and a line that spoils them
"""
