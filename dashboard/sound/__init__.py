"""What a lifter hears.

events  the moments, found by comparing a view with the one before. Pure
sounds  what is played for each: a tone, spoken words, the bell
clips   tones, and clips joined. WAV
voice   spoken words, made beforehand and kept
player  the system's own player, as a child process
"""
