"""The screens.

live     a screen that stays up to date, also behind a dialog
floor    a tile for every station
coach    what a coach can do to the chosen one, a key each
reps     putting a set right by keys
station  one station whole
past     a past set, to be put right
history  athletes and exercises, trends, two sets compared
health   every station's health, and what to do about it
"""
