"""The headless node: bytes in, events out, nothing lost. It never imports the dashboard.

    link/      bytes of a port to samples on one clock: sources, drivers, alignment, capture, recording
    counting/  samples to events: pipeline, sets, settings, marks, sensor watch, zero at rest
    delivery/  events to disk, to the broker, and again until the record has them
    node/      the process: sessions, acquiring and publishing threads, metrics, systemd
    broker/    the gym's own mosquitto: as a child for the demo, set up for a gym
    doctor/    what is wrong on this machine, and what to do
    board/     the sensor board: its image, what is connected to it, its check (firmware/: what runs on it)
    upkeep/    what starts with a gym's machines, new releases, stations that are no more
    tools/     analyze, replay, calibrate, simulate: commands beside the node
    command    `plumbline edge`: becomes a node, or looks after the one of this machine
    cli        the other subcommands

Arrows run upwards in this list: counting reads samples of link, delivery carries events of counting, node
ties them together; the tools use all of them and nothing uses the tools.
"""
