"""Compiled for the other kernels only; nothing here is called from Python."""
