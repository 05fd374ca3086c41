"""The lifter's own screen: what it draws, what is typed at it, what it asks.

screen  the screen: a badge says who lifts, four keys do the rest
view    rep count, velocity, the tempo to follow, one cue
card    lines of large letters, as large as there is room
keypad  what a keypad or a badge reader means. Pure
"""
