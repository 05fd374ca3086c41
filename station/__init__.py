"""What a station is; values in, values out.

records, bounds, sets, weighing           what is said of a rep and a set
messages, topics, schema                  what travels over MQTT
wire, ports, calibration, config          what a board sends, and what the station file says of it
timing/     when a sample was taken       exercises/  profiles, the one judge, coaching
sim/        the simulated station         text/       text and tables as people save them
program/    what every program shares     cli, errors
"""
