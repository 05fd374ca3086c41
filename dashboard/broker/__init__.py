"""The client of the broker, and the check of what it brings."""
