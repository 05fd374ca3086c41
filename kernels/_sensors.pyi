"""Compiled for the other kernels; from Python only the names of the channels and layouts."""

CHANNELS: tuple[str, ...]
LAYOUTS: dict[str, int]
