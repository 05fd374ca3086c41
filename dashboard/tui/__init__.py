"""The dashboard on a terminal.

    terminal      a terminal of any bytes, that may go away
    timers        once, after a while; notices that go away
    messages      what the app tells its screens
    keymap        the coach's keys by task
    commands      what is asked of stations and record, and what came of it
    touch         what the browser's buttons need to know
    plain         the dashboard without a screen: lines of text
    lines         a widget that draws itself line by line; its colours
    plots/        curves in cells
    widgets/      what the screens are made of
    preferences   choices and keys, stored between runs
    keys_in_turn  each key after the work of the one before
    dialogs/      what is asked in front of a screen
    screens/      floor, station, history, health
    lifter/       the lifter's own screen
    choices       what a coach chooses about the screens
    app           the app: shows what has come ten times a second, and sends commands

Arrows run upwards in this list.
"""
