"""Bytes in to events out on one core: a board of three channels at 1 kHz, read as a port gives it.

The peer is the decoder one writes without a compiler (tests.benchmarks.frames), and that only decodes: no
clock, no calibration, nothing counted.
"""

from statistics import median

import numpy as np

from edge.counting.pipeline import StationPipeline
from edge.link.drivers import make_driver
from station.config import Port, StationFile
from station.exercises import load_profile
from station.records import RepEvent, SetEvent
from station.sim import Sensors
from station.sim.devices.board import announce, counts
from station.sim.devices.device import SimulatedBoard
from tests.benchmarks.frames import plain_python
from tests.benchmarks.signals import EXERCISE, session
from tests.benchmarks.timing import ratio, seconds

RATE_HZ = 1000.0
READS_S = {"as they come, 16 ms": 0.016, "100 ms at a time": 0.1, "1 s at a time": 1.0}


def run() -> list[str]:
    """Lines to print: samples/s and stations a core carries, by the size of the reads."""
    station, frames, seconds_long = _stream()
    seen: dict[str, tuple[int, int, int]] = {}

    def through(name: str, read_s: float) -> None:
        seen[name] = _through(station, _reads(frames, read_s))

    works = {name: lambda name=name, read_s=read_s: through(name, read_s) for name, read_s in READS_S.items()}
    taken = seconds({**works, "python": lambda: plain_python(b"".join(frames))})
    lines = []
    for name in READS_S:
        samples, reps, sets = seen[name]
        took_s = median(taken[name])
        lines.append(
            f"pipeline: {samples / took_s / 1e6:.2f} M samples/s from bytes to events, reads {name}: "
            f"{ratio(taken['python'], taken[name]):.1f} × plain Python that only decodes; "
            f"{seconds_long / took_s:.0f} such stations on a core; {reps} reps, {sets} sets"
        )
    return lines


def _stream() -> tuple[StationFile, list[bytes], float]:
    """The session's bytes, frame by frame: tether, tilt and force at 1 kHz; and the seconds they last."""
    sensors = Sensors(position_hz=RATE_HZ, tilt_hz=RATE_HZ, force_hz=RATE_HZ)
    station, recording = session(sensors)
    board = SimulatedBoard(announce(recording, sensors), rng=np.random.default_rng(1))
    frames = [data for _, data in board.send(counts(recording, announce(recording, sensors), 0.0))]
    return station, frames, float(recording["position_m"].time_s[-1])


def _reads(frames: list[bytes], read_s: float) -> list[bytes]:
    """The frames of 16 ms, put together as reads of about so many seconds."""
    together = max(1, round(read_s / 0.016))
    return [b"".join(frames[start : start + together]) for start in range(0, len(frames), together)]


def _through(station: StationFile, reads: list[bytes]) -> tuple[int, int, int]:
    """Samples, reps and sets."""
    driver = make_driver(Port("/dev/null"), station)
    pipeline = StationPipeline(station, load_profile(EXERCISE))
    reps: set[str] = set()
    sets = 0
    for number, data in enumerate(reads):
        for event in pipeline.feed(driver.feed(data, 0.016 * number)):
            if isinstance(event, RepEvent):
                reps.add(event.event_id)
            sets += isinstance(event, SetEvent)
    for event in pipeline.finish():
        sets += isinstance(event, SetEvent)
    return driver.stats.samples, len(reps), sets


if __name__ == "__main__":
    print("\n".join(run()))
