"""The sensor board: what is connected to it, its image, and whether it is well.

command        `plumbline board`
configuration  what is connected to it: TOML for people, bytes for the firmware
build          the firmware from its sources
image          the image of the flash: checksum, the configuration's place, UF2, Intel's .hex
contents       what a file to be flashed holds, and whether a board says so
flash          putting it on the board
check          a live board: sensors, counting direction, its own counters
"""
