"""Messages to state to views: what a screen says about a station, without a screen. Pure.

state       the floor as one value, whatever order the messages come in
running     the running set: the retained message, and what came after it
times       the record's times and the reader's
units       kilograms in the coach's unit
names       the athletes' names
reps        one rep against its prescription, in a screen's words
headline    which of its numbers stands large
usual       the velocity an athlete usually has at a load
plates      what to put on a bar
faults      a station's faults, each with what to do about it
attention   how fresh a station's data is, and why a coach should look at it
coaching    the prescription in force, one cue, progress towards mastery
assessment  what follows from a session's reps, sets and settings
pacing      the tempo as a moving target
views       all of it as the view of one station
"""
