"""From samples to events: reps, sets and rejected movements. Pure: time is an argument.

pipeline     channel samples in, events out: where the kernels' arrays become records
sets         the book of a session's sets: which rep belongs to which set of which athlete
tracked_set  one set of it: its reps, and the events that tell what has changed
judging      the reps of a set together: which count, velocity loss, pauses
confidence   the probability that a coach would judge a movement as the station does
cells        what load cells saw of a rep: slack, balance on the platform
load         the lifted load, as the cells measure it
curves       the curve of a rep
zero         a load cell's zero: as calibrated, as tared, as moved at rest
rest         zeroing by itself, at proven rest only
signal       quality of the signal: rate, missing samples, noise
watch        sensor faults: silent, stuck, saturated
settings     a station's settings, and how a command changes them
saved_state  these, saved across restarts
dispute      a count that somebody doubts: the bytes, the count, a person's judgement
"""
