"""Arithmetic on arrays, compiled with Cython."""

from kernels._counter import RepCounter
from kernels._frames import FrameDecoder, Frames
from kernels._motion import Resampler
from kernels._path import handle_path
from kernels._sensors import CHANNELS, LAYOUTS
from kernels._split import ChannelSplit, Dither
from kernels.results import Discarded, Measured, Tick

__all__ = [
    "CHANNELS",
    "LAYOUTS",
    "ChannelSplit",
    "Discarded",
    "Dither",
    "FrameDecoder",
    "Frames",
    "Measured",
    "RepCounter",
    "Resampler",
    "Tick",
    "handle_path",
]
