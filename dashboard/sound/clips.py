"""Clips: tones made of sines, and joining what is said out of several. 16 bits, one channel, WAV."""

import math
import sys
import wave
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from dashboard.sound.events import Moment

RATE_HZ = 22050
_RAMP_S = 0.004  # a tone that begins at once clicks
_LOUD = 0.5  # of full scale: two at a time do not clip
_SILENT = 0.01  # of full scale; below it speech has not begun
_BETWEEN_S = 0.06  # silence between two words

# Hertz and seconds. Told apart by pitch and by rhythm: up is well, down is not, and three times is "stop".
_TONES: dict[Moment, Sequence[tuple[float, float]]] = {
    Moment.COUNTED: ((880.0, 0.09),),
    Moment.HIT: ((880.0, 0.06), (1320.0, 0.09)),
    Moment.MISSED: ((440.0, 0.06), (330.0, 0.11)),
    Moment.NOT_COUNTED: ((220.0, 0.3),),
    Moment.QUESTION: ((660.0, 0.08), (0.0, 0.04), (660.0, 0.08), (0.0, 0.04), (990.0, 0.12)),
    Moment.CUT_OFF: ((1000.0, 0.14), (0.0, 0.06)) * 3,
    Moment.DONE: ((660.0, 0.1), (880.0, 0.1), (1320.0, 0.2)),
    Moment.REST_OVER: ((660.0, 0.12), (0.0, 0.12), (660.0, 0.12)),
    Moment.TURN: ((1000.0, 0.05),),
    Moment.TICK: ((1600.0, 0.02),),
}


class Clip(NamedTuple):
    """Samples of 16 bits, little endian, one channel."""

    rate_hz: int
    samples: bytes


def tone(moment: Moment, rate_hz: int = RATE_HZ) -> Clip:
    """The tone of a moment."""
    found = array("h")
    for pitch_hz, seconds in _TONES[moment]:
        count = int(seconds * rate_hz)
        ramp = max(1, int(_RAMP_S * rate_hz))
        found.extend(
            int(
                32767.0
                * _LOUD
                * min(1.0, n / ramp, (count - n) / ramp)
                * math.sin(2.0 * math.pi * pitch_hz * n / rate_hz)
            )
            for n in range(count)
        )
    return Clip(rate_hz, _as_bytes(found))


def joined(parts: Sequence[Clip]) -> Clip:
    """One clip after the other, as far as they have the first one's rate; at least one."""
    rate_hz = parts[0].rate_hz
    pause = bytes(2 * int(_BETWEEN_S * rate_hz))
    return Clip(rate_hz, pause.join(one.samples for one in parts if one.rate_hz == rate_hz))


def read_clip(path: Path) -> Clip:
    """A WAV file without the silence around what it says. Raises ValueError where it is none of ours."""
    try:
        with wave.open(str(path), "rb") as file:
            if file.getsampwidth() != 2 or file.getnchannels() != 1:
                raise ValueError(f"{path}: give WAV of 16 bits and one channel")
            rate_hz, data = file.getframerate(), file.readframes(file.getnframes())
    except (wave.Error, EOFError, OSError) as error:
        raise ValueError(f"{path}: no WAV file ({error}); give one") from error
    samples = array("h", data[: len(data) // 2 * 2])
    if sys.byteorder == "big":
        samples.byteswap()
    loud = [n for n, sample in enumerate(samples) if abs(sample) > 32767 * _SILENT]
    if not loud:
        raise ValueError(f"{path}: silence; give a recording that can be heard")
    return Clip(rate_hz, _as_bytes(samples[loud[0] : loud[-1] + 1]))


def write_clip(path: Path, clip: Clip) -> None:
    """Write a WAV file. Raises OSError."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(clip.rate_hz)
        file.writeframes(clip.samples)


def _as_bytes(samples: "array[int]") -> bytes:
    if sys.byteorder == "big":
        samples = array("h", samples)
        samples.byteswap()
    return samples.tobytes()
