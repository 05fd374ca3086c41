"""The simulated lifter: body, posture, habits, what is lifted, and the motion they make together."""
