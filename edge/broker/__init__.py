"""The gym's own mosquitto: as a child process for demo and tests, and its files for a gym."""
