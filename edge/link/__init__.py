"""Bytes of a port to samples on one clock."""
