"""The record: the one process that writes the history, and acknowledges what it has committed.

command      `plumbline record`
record       messages in, commits and acknowledgements out
allowance    how much of each station's is taken, so that one cannot crowd out the others
filing       the time under which an event is filed
store        what a commit writes: reps, sets, commands
ranges       sets of sequence numbers as ranges
ledger       which numbers of each stream have come, and which are lost for good
streams      a stream's committed ranges, and their acknowledgement
holes        gaps that are not filled in time
corrections  corrections of past sets: logged, answered, undone
corrected    what they make of a session's sets
check        `plumbline record --check`: events missing from a history
lock         which dashboard of this machine is the record
embedded     the record inside a dashboard
"""
