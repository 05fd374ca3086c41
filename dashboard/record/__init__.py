"""The record: the one process that writes the history, and acknowledges what it has committed."""
