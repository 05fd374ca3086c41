"""A log of every device: what it sends, and what its driver has to make of that.

A new driver needs an entry here; test_conformance.py does the rest.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from station import wire
from station.config import Calibration, StationFile, StationTable
from station.sim.devices.device import BoardChannel, Piece, SimulatedBoard
from tests.edge.link import foreign

Floats = NDArray[np.float64]
G_MPS2 = 9.80665
PLAIN = StationFile(station=StationTable("rack-1", "barbell"))
CALIBRATED = StationFile(
    station=StationTable("rack-1", "barbell"),
    calibration={"force_n": Calibration(zero_counts=5000.0, counts_per_unit=800.0)},
)


class Log(NamedTuple):
    """What a device sent.

    truth: by channel, the value at a time in seconds, and the resolution that it was sent with.
    """

    port: dict[str, Any]  # as in the station file
    pieces: list[Piece]  # (true time at which the bytes left, s; the bytes), oldest first
    truth: dict[str, tuple[Callable[[Floats], Floats], float]]
    station: StationFile = PLAIN
    clocked: bool = True  # the device says when each sample was taken
    framed: bool = True  # a byte that does not belong can be told from those that do


def position_m(time_s: Floats) -> Floats:
    """Half a metre out and back in 2 pi seconds."""
    return 0.25 - 0.25 * np.cos(time_s)


def force_n(time_s: Floats) -> Floats:
    return 600.0 + 100.0 * np.sin(2.0 * time_s)


MS = np.arange(0.001, 6.283, 0.001)
AT_80 = np.arange(0.0, 6.0, 1 / 80)
AT_10 = np.arange(0.0, 12.0, 0.1)


def board_log() -> list[Piece]:
    channels = [
        BoardChannel(wire.Channel("position_m", 1000.0, 20_000.0, zero_counts=100.0)),
        BoardChannel(wire.Channel("force_n", 80.0, 10.0)),
    ]
    board = SimulatedBoard(channels, rng=np.random.default_rng(1), start_us=2**32 - 1_000_000)
    counts = (np.rint(position_m(MS) * 20_000 + 100), np.rint(force_n(AT_80) * 10))
    return list(board.send([(MS, counts[0]), (AT_80, counts[1])]))


LOGS = {
    "plumbline": Log(
        {"driver": "plumbline"},
        board_log(),
        {"position_m": (position_m, 0.0001), "force_n": (force_n, 0.1)},
    ),
    "chronojump-encoder": Log(
        {"driver": "chronojump-encoder"},
        list(foreign.chronojump_encoder(position_m(MS))),
        {"position_m": (position_m, 0.001)},
        clocked=False,
        framed=False,
    ),
    "chronojump-force": Log(
        {"driver": "chronojump-force"},
        list(foreign.chronojump_force(AT_80, force_n(AT_80), start_us=2**32 - 3_000_000)),
        {"force_n": (force_n, 0.01)},
    ),
    "chronojump-encoder-force": Log(
        {"driver": "chronojump-encoder-force"},
        list(foreign.chronojump_encoder_force(MS, position_m(MS), force_n(MS), start_us=2**32 - 1_000_000)),
        {"position_m": (position_m, 0.001), "force_n": (force_n, 0.25)},
    ),
    "openscale": Log(
        {"driver": "openscale", "baud": 9600},
        list(foreign.openscale(AT_10, force_n(AT_10) / G_MPS2, raw=True)),
        {"force_n": (force_n, 0.3)},
    ),
    "openscale-lbs-unstamped": Log(
        {"driver": "openscale", "baud": 9600},
        list(foreign.openscale(AT_10, force_n(AT_10) / G_MPS2 / 0.45359237, unit="lbs", stamped=False)),
        {"force_n": (force_n, 0.1)},
        clocked=False,
    ),
    "hx711-plain": Log(
        {"driver": "hx711"},
        list(foreign.hx711(AT_80, force_n(AT_80) * 800.0 + 5000.0)),
        {"force_n": (force_n, 0.01)},
        CALIBRATED,
        clocked=False,
    ),
    "hx711-reading": Log(
        {"driver": "hx711"},
        list(foreign.hx711(AT_10, force_n(AT_10) / G_MPS2, "reading")),
        {"force_n": (force_n, 0.6)},
        clocked=False,
    ),
    "hx711-average": Log(
        {"driver": "hx711", "baud": 38_400},
        list(foreign.hx711(AT_10, force_n(AT_10) / G_MPS2, "average")),
        {"force_n": (force_n, 0.6)},
        StationFile(
            station=StationTable("rack-1", "barbell"),
            calibration={"force_n": Calibration(0.0, 1.0 / G_MPS2)},
        ),
        clocked=False,
    ),
    "hx711-pattern": Log(
        {"driver": "hx711", "pattern": r"(?P<time_ms>\d+),(?P<value>[-\d.]+),(?P<position_m>[-\d.e]+)"},
        list(foreign.csv_lines(MS[::10], np.rint(force_n(MS[::10]) * 800 + 5000), position_m(MS[::10]))),
        {"force_n": (force_n, 20.0), "position_m": (position_m, 0.001)},
        CALIBRATED,
    ),
    "csv": Log(
        {"driver": "csv", "columns": ["time_ms", "position_m", "force_n"]},
        list(foreign.csv_lines(MS[::10], position_m(MS[::10]), force_n(MS[::10]), start_ms=4_294_967_000)),
        {"position_m": (position_m, 0.001), "force_n": (force_n, 0.2)},
    ),
}
