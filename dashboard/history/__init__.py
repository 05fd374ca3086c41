"""The record: every rep, set and command, exactly once."""
