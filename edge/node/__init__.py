"""The node as a process: one session a station, a thread that acquires and one that publishes.

launch            a command line to a running node
node              ports in, events out: many stations, one outbox
acquisition       the samples of a session, from bytes or a recording
reading           the ports of a node, which come and go, read on one thread
session           one run of a station: samples and commands in, messages out
session_messages  its messages, under the ids and with the stamps that others see
commands          carrying out what coaches, badges and screens ask
flight_recorder   the last ten minutes of a station's bytes, and what of them is kept
dispute_store     the folder of disputes
clock_sync        whether the machine's clock is set
machine           faults the kernel reports: power, heat, card, USB
metrics           health as text for Prometheus
systemd           the node's state to systemd
lean_imports      packages imported without what a node has no use for
"""
