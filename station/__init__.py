"""What a station is; values in, values out.

config       the station file: what a station is, in TOML
ports        which device is on each port, and what it gives
calibration  counts to SI
wire         what a sensor board sends on its serial line, byte by byte
timing/      when a sample was taken
exercises/   the exercises, the one judge of a rep, coaching
records      what is said of a rep and a set: the one list of their fields
bounds       the limits of each number, by the unit in its name
curve        the curve of a rep, packed to travel with it
motion       that curve with its phases, to be drawn
sets         what a set's reps say together: velocity loss, the summary
weighing     what a set was lifted with, as weighed
messages     what travels over MQTT, and the one check of a payload
topics       under which topic, with which quality of service, and whether retained
schema       the same for programs that are not ours: JSON Schemas, AsyncAPI
sim/         the simulated station
text/        text and tables as people save them
program/     what every program shares
errors       the errors raised on purpose
cli          the `plumbline` command: finds and imports the subcommand that is called
"""
