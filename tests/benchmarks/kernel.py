"""The rep counter's speed, against what people write with scipy and against the same loop by hand in C.

The kernel does all of its work: grid, spikes, place, filter, grammar, measures and path. scipy's side is
a batch: Savitzky-Golay for place and for velocity over the same 0.17 s, and the tops and bottoms of the
whole; it measures nothing and sees one channel. Throughput is samples a second, of all channels; with two
tethers the time for the same stretch of training is compared as well. What the C loop leaves out is said
in loop.c.
"""

import ctypes
import resource
import shutil
import subprocess
import tempfile
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray
from scipy.signal import find_peaks, savgol_filter

from edge.counting.pipeline import make_counter
from kernels import CHANNELS, Measured
from kernels._smooth import design
from station.config import StationFile
from station.exercises import load_profile
from station.sim import Sensors
from tests.benchmarks.signals import EXERCISE, training
from tests.benchmarks.timing import ratio, seconds

SAMPLES = 4_000_000
LONG_SAMPLES = 100_000_000
BLOCK = 4096
CHUNK = 10
SMOOTH_S = 0.17  # the counter's announcing filter: 17 grid samples of 10 ms
HALF, PATH_HALF = 8, 16

Stream = dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]


def run() -> list[str]:
    """Lines to print: samples/s, ratios to scipy and to C, chunks of ten, memory over a long stream."""
    lines = []
    with _hand_written() as by_hand:
        for rate_hz in (200.0, 1000.0):
            for second in (False, True):
                lines += _compare(Sensors(position_hz=rate_hz, second_tether=second, force_hz=None), by_hand)
    return [*lines, _chunks(), _memory()]


def _compare(sensors: Sensors, by_hand: ctypes.CDLL | None) -> list[str]:
    """One signal: the counter, scipy and C in turn."""
    station, stream = training(sensors, SAMPLES)
    reps: dict[str, int] = {}

    def counter() -> None:
        reps["kernel"] = _count(station, stream, BLOCK)

    def scipy() -> None:
        reps["scipy"] = _by_scipy(stream["position_m"][1], sensors.position_hz)

    def c() -> None:
        reps["C"] = _by_hand(by_hand, station, stream)

    works = {"kernel": counter, "scipy": scipy} | ({"C": c} if by_hand else {})
    taken = seconds(works)
    samples = sum(len(value) for _, value in stream.values())
    tethers = f"{len(stream)} tether{'s' * (len(stream) > 1)}"
    speed = samples / median(taken["kernel"]) / 1e6
    line = (
        f"kernel: {sensors.position_hz:4.0f} Hz, {tethers + ',':10} {speed:5.1f} M samples/s; "
        f"{len(stream) * ratio(taken['scipy'], taken['kernel']):.1f} × scipy"
    )
    if len(stream) > 1:
        line += f" ({ratio(taken['scipy'], taken['kernel']):.1f} × for the same training)"
    if by_hand:
        line += f"; takes {ratio(taken['kernel'], taken['C']):.2f} × the time of C"
    return [f"{line}; reps {', '.join(f'{name} {count}' for name, count in reps.items())}"]


def _count(station: StationFile, stream: Stream, block: int) -> int:
    """Push the stream through a new counter, the leading channel last; how many reps stand."""
    profile = load_profile(EXERCISE)
    counter = make_counter(station, profile, 1.0)
    channels = [(CHANNELS.index(name), *samples) for name, samples in sorted(stream.items())]
    standing = 0
    for start in range(0, len(stream["position_m"][0]), block):
        for index, time_s, value in channels:
            for result in counter.push(index, time_s[start : start + block], value[start : start + block]):
                standing += _stands(result, profile.min_rom_m)
    return standing + sum(_stands(result, profile.min_rom_m) for result in counter.finish())


def _stands(result: object, least_m: float) -> bool:
    return isinstance(result, Measured) and result.kind == "complete" and result.size >= least_m


def _by_scipy(length_m: NDArray[np.float64], rate_hz: float) -> int:
    """What one finds in notebooks: smooth, differentiate, look for tops and bottoms."""
    window = int(SMOOTH_S * rate_hz) | 1
    place = savgol_filter(length_m, window, 3)
    savgol_filter(length_m, window, 3, deriv=1, delta=1.0 / rate_hz)
    distance = int(rate_hz)
    find_peaks(place, prominence=0.1, distance=distance)
    bottoms, _ = find_peaks(-place, prominence=0.1, distance=distance)
    return len(bottoms)


def _by_hand(library: ctypes.CDLL, station: StationFile, stream: Stream) -> int:
    """The loop of loop.c over the whole stream."""
    time_s, first = stream["position_m"]
    second = stream.get("position_2_m", (time_s, first))[1]
    geometry = station.geometry
    anchor = np.array([*geometry.lpt_anchor_m, *(geometry.lpt_2_anchor_m or (0.0, 0.0))])
    taps = [np.ascontiguousarray(row) for row in (*design(HALF), design(PATH_HALF)[0])]
    fastest = ctypes.c_double()
    arrays = [ctypes.c_void_p(array.ctypes.data) for array in (time_s, first, second)]
    least = ctypes.c_double(load_profile(EXERCISE).min_rom_m)
    return int(
        library.count(
            ctypes.c_long(len(time_s)),
            *arrays,
            len(stream),
            ctypes.c_void_p(anchor.ctypes.data),
            *(ctypes.c_void_p(row.ctypes.data) for row in taps),
            least,
            ctypes.byref(fastest),
        )
    )


@contextmanager
def _hand_written() -> Iterator[ctypes.CDLL | None]:
    """loop.c, compiled; None where there is no compiler."""
    cc = shutil.which("cc")
    if cc is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "loop.so"
        source = Path(__file__).with_name("loop.c")
        flags = ["-O3", "-ffp-contract=off", "-shared", "-fPIC"]
        subprocess.run([cc, *flags, "-o", str(library), str(source), "-lm"], check=True)
        loaded = ctypes.CDLL(str(library))
        loaded.count.restype = ctypes.c_long
        yield loaded


def _chunks() -> str:
    """Pushed as a port gives them, ten at a time."""
    station, stream = training(Sensors(position_hz=1000.0, force_hz=None), SAMPLES // 4)
    time_s, value = stream["position_m"]
    starts = range(0, len(time_s), CHUNK)
    taken = seconds(
        {
            "ten": lambda: _count(station, stream, CHUNK),
            "cuts": lambda: [(time_s[i : i + CHUNK], value[i : i + CHUNK]) for i in starts],
        }
    )
    return (
        f"kernel: 1000 Hz, in chunks of {CHUNK}: {len(time_s) / median(taken['ten']) / 1e6:.1f} M samples/s; "
        f"{100 * ratio(taken['cuts'], taken['ten']):.0f} % of the time is Python cutting the chunks"
    )


def _memory() -> str:
    """Growth over a long stream, after the first tenth of it."""
    station, stream = training(Sensors(position_hz=1000.0, force_hz=None), LONG_SAMPLES // 20)
    counter = make_counter(station, load_profile(EXERCISE), 1.0)
    time_s, value = stream["position_m"]
    period_s = float(time_s[-1]) + 0.001
    traced = used = 0
    for turn in range(20):
        for start in range(0, len(time_s), BLOCK):
            counter.push(0, time_s[start : start + BLOCK], value[start : start + BLOCK])
        time_s += period_s
        if turn == 1:
            tracemalloc.start()
            used = _resident_kib()
            traced = tracemalloc.get_traced_memory()[0]
    grown = tracemalloc.get_traced_memory()[0] - traced
    tracemalloc.stop()
    return (
        f"kernel: memory over {LONG_SAMPLES / 1e6:.0f} M samples: Python objects +{grown / 1024:.0f} KiB, "
        f"process +{_resident_kib() - used} KiB"
    )


def _resident_kib() -> int:
    """The process's largest resident size so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    print("\n".join(run()))
