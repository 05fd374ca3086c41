"""The widgets.

themes    the colours
digits    digits and capitals to be read from three metres
headline  the line at the top
keys      the keys that do something here
alerts    the other stations' alerts in a line
tile      one station as a card
reps      the reps of a set, a line each
coaching  beside the running set: cue, mastery, rest, who is next
health    every station's counters, and one's faults in words
history   who did what, the sets of it, how it develops
board     beside the history: who of a squad stands where
"""
