"""When a sample was taken: mapped to one clock for a session.

clock     the board's own ticks, unwrapped, on the host's clock
ratelock  a device that has no clock: a line under the receive times
hull      the lower convex hull, which both fit their lines to
"""
