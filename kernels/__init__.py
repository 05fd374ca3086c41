"""Arithmetic on arrays, compiled with Cython; from the bytes of a board to the numbers of a rep.

_frames       bytes of a board to frames: COBS, CRC-32, losses counted
_split        frames to one array per channel, in SI on the session's clock; whether a channel dithers
_motion       uneven samples to an even grid of 100 Hz; spikes, repeats, gaps, shifts of zero
_path         where the bar or the handle is, by the sensors there are, with its uncertainty
_survey       what the uncertainty of anchors, zeros and scales adds to that place
_sensors      all channels of a station on that grid: position, distance from the line, force
_smooth       the filters: position, velocity and acceleration on the grid
_swings       turning points, confirmed by more than noise swings, and the range of the set
_candidate    which of the swings may be a rep, and what becomes of it, as a table
_reps         the grammar: when a candidate is at its lockout, returns or ends
_phases       one rep smoothed as little as its noise allows, and where it crosses v0
_noise        how noisy a rep is: tremor and white noise, told apart
_metrics      the numbers of a rep, by the definitions in the README
_uncertainty  the standard uncertainty of each number
_counter      a station's stream from channel samples to measured reps: ties all of these together
results       what the counter returns to Python
_window       what the kernels hand each other: the grid, and a rep's window, phases and numbers
_numbers      how they read an array
_untouched    memory that is taken only as far as it is written to
"""

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
