"""Arithmetic on arrays, compiled with Cython."""

from kernels._frames import FrameDecoder, Frames

__all__ = ["FrameDecoder", "Frames"]
