"""The simulated lifter: joints moved through a set, and the true motion of the load.

body      a planar chain of segments of human proportions; habits and faults of a person
postures  how a lifter stands through an exercise: joint angles, balance, hands
reach     where the load goes from lockout to the bottom of an exercise
load      what is worked against: a bar, a stack behind pulleys, a band, nothing
habits    how each phase is done: how long, how far, with which shape of velocity
programs  what is done around and in a set, as pieces of movement
motion    these pieces, one after the other, and the dense true motion they make
"""
