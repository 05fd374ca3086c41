"""The node as a process: one session a station, a thread that acquires and one that publishes."""
