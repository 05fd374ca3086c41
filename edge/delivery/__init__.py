"""Events committed to disk, sent in a bounded window, and repeated until the record acknowledges.

backlog         what a station has said and the outbox has not yet
outbox          the events that the record has not acknowledged: one SQLite file for a node
waiting         its rows: streams, events, tombstones
outbox_file     its file: opening, checking, setting a damaged one aside
quota           its limit: the oldest events give way to tombstones
ballast         disk space held in reserve, and let go when the disk is full
stamps          the wall time of events from before the clock was set
publisher       the threads that send what the outbox holds
sender          one station's side of that: what is to be said, sent again, and was acknowledged
connection      one station's connection to the broker
network         the sockets of all connections, waited for on one thread
mqtt_client     its paho client: version, user, TLS
command_inbox   commands that have arrived, no more than a person gives
duplicate_node  whether another node has this station's id
home_assistant  discovery messages for Home Assistant
"""
