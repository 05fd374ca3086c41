"""Other makers' devices: from what they measure to the bytes they send, as their manuals have it.

Each gives pieces (true time at which the bytes leave, the bytes), oldest first, like SimulatedBoard.send. A
device's own clock starts at `start_us`.
"""

from collections.abc import Iterator
from math import isnan

import numpy as np
from numpy.typing import NDArray

from station.sim.devices.device import Piece

Floats = NDArray[np.float64]


def chronojump_encoder(position_m: Floats, chunk: int = 16) -> Iterator[Piece]:
    """One signed byte of millimetres for each sample, a millisecond apart, from position 0 at time 0."""
    step = np.diff(np.rint(position_m * 1000.0), prepend=0.0).astype(np.int8)
    for start in range(0, len(step), chunk):
        part = step[start : start + chunk]
        yield (start + len(part)) / 1000.0, part.tobytes()


def chronojump_force(time_s: Floats, force_n: Floats, start_us: int = 0) -> Iterator[Piece]:
    """Lines of a capture that has been started."""
    yield float(time_s[0]), b"Starting capture...\r\n"
    for at_s, force in zip(time_s.tolist(), force_n.tolist(), strict=True):
        yield at_s, b"%d;%.2f\r\n" % (_tick(at_s - time_s[0], start_us), force)


def chronojump_encoder_force(
    time_s: Floats, position_m: Floats, force_n: Floats, start_us: int = 0, force_s: float = 0.006225
) -> Iterator[Piece]:
    """A line for each millimetre in or out, and for the force every `force_s`."""
    pulses = np.rint(position_m * 1000.0).astype(int)
    before, force_due = 0, 0.0
    for at_s, pulse, force in zip(time_s.tolist(), pulses.tolist(), force_n.tolist(), strict=True):
        tick = _tick(at_s - time_s[0], start_us)
        kind = b"4" if pulse > before else b"5"
        data = b"".join(b"%b;%d\r\n" % (kind, tick) for _ in range(abs(pulse - before)))
        before = pulse
        if at_s - time_s[0] >= force_due:
            force_due += force_s
            data += b"3;%d;%d\r\n" % (tick, round(force * 100.0))
        if data:
            yield at_s, data


def openscale(
    time_s: Floats, weight: Floats, *, unit: str = "kg", stamped: bool = True, raw: bool = False
) -> Iterator[Piece]:
    """The banner after a reset, and a line for each reading."""
    banner = (
        "\r\nSerial Load Cell Converter version 1.2\r\nBy SparkFun Electronics\r\nNo remote sensor found\r\n"
        "Minimum time between reports: 120\r\nPress x to bring up settings\r\nReadings:\r\n"
    )
    yield float(time_s[0]), banner.encode()
    for at_s, value in zip(time_s.tolist(), weight.tolist(), strict=True):
        stamp = f"{_tick(at_s - time_s[0], 400_000) // 1000}," if stamped else ""
        counts = f"{round(value * 21_000.0) + 84_112}," if raw else ""
        yield at_s, f"{stamp}{value:.2f},{unit},{counts}\r\n".encode()


def hx711(time_s: Floats, number: Floats, kind: str = "plain") -> Iterator[Piece]:
    """A sketch's lines: plain (whole counts), reading (kg) or average."""
    mean = number[0]
    for at_s, value in zip(time_s.tolist(), number.tolist(), strict=True):
        mean += 0.1 * (value - mean)
        match kind:
            case "reading":
                line = f"reading,{value:.1f}kg,-10.00"
            case "average":
                line = f"one reading:\t{value:.1f}\t| average:\t{mean:.1f}"
            case _:
                line = f"{value:.0f}"
        yield at_s, f"{line}\r\n".encode()


def csv_lines(time_s: Floats, *columns: Floats, start_ms: int = 0) -> Iterator[Piece]:
    """Milliseconds and numbers, separated by commas; NaN is an empty field."""
    for at_s, *values in zip(time_s.tolist(), *(column.tolist() for column in columns), strict=True):
        fields = ["" if isnan(value) else f"{value:.9g}" for value in values]
        yield at_s, f"{start_ms + round((at_s - time_s[0]) * 1000)},{','.join(fields)}\n".encode()


def _tick(since_s: float, start_us: int) -> int:
    return int(start_us + round(since_s * 1e6)) % 2**32
