"""The dashboard on a terminal.

app           the app: shows what has come ten times a second, and sends commands
messages      what it tells its screens
screens/      floor, station, history, health
lifter/       the lifter's own screen
dialogs/      what is asked in front of a screen
widgets/      what the screens are made of
plots/        curves in cells
commands      what is asked of stations and record, and what came of it
choices       what a coach chooses about the screens
keymap        the coach's keys by task
preferences   choices and keys, stored between runs
keys_in_turn  each key after the work of the one before
timers        once, after a while; notices that go away
touch         what the browser's buttons need to know
terminal      a terminal of any bytes, that may go away
plain         the dashboard without a screen: lines
"""
