"""How fast the frames of a sensor board are read, against the same in plain Python."""

import struct
import time
import zlib
from collections.abc import Callable

import numpy as np

from edge.link.drivers import make_driver
from kernels import FrameDecoder
from station import wire
from station.config import Port, StationFile, StationTable
from station.sim.devices.device import BoardChannel, LineFaults, SimulatedBoard, spoil

READ_BYTES = 65_536
DRIVER_READ_BYTES = 4096
REPEATS = 5
LINES = 20_000


def run() -> list[str]:
    """Lines to print: MB/s clean and spoilt, the ratio to plain Python, samples/s through the driver."""
    clean = _stream(LineFaults())
    spoilt = _stream(LineFaults(bit_flip_rate=0.01))
    clean_mbps = _best(lambda: _decode(clean), len(clean)) / 1e6
    spoilt_mbps = _best(lambda: _decode(spoilt), len(spoilt)) / 1e6
    part = clean[: len(clean) // 20]
    python_mbps = _best(lambda: plain_python(part), len(part)) / 1e6
    samples = _drive(clean)
    driver_msps = _best(lambda: _drive(clean), samples) / 1e6
    lines_per_s = _best(_print, LINES)
    return [
        f"frames: {clean_mbps:.0f} MB/s clean, {spoilt_mbps:.0f} MB/s with 1 % of the bytes spoilt, "
        f"reads of {READ_BYTES // 1024} kB",
        f"frames: {clean_mbps / python_mbps:.0f} × plain Python with zlib.crc32 ({python_mbps:.1f} MB/s)",
        f"driver: {driver_msps:.1f} M samples/s from bytes to SI, reads of {DRIVER_READ_BYTES // 1024} kB",
        f"lines: {lines_per_s:.0f} a second of ms, position and force, twenty in a read",
    ]


def _stream(faults: LineFaults) -> bytes:
    """Six minutes of three channels at 1 kHz in 20 ms frames."""
    rng = np.random.default_rng(1)
    channels = [
        BoardChannel(wire.Channel(name, 1000.0, 20_000.0), width)
        for name, width in (("position_m", 3), ("force_n", 3), ("tether_angle_rad", 2))
    ]
    time_s = np.arange(0.0, 360.0, 0.001)
    counts = np.rint(8000.0 * np.sin(time_s) + rng.normal(0.0, 30.0, len(time_s)))
    pieces = SimulatedBoard(channels, rng=rng, frame_s=0.02).send([(time_s, counts)] * 3)
    return b"".join(data for _, data in spoil(pieces, faults, rng))


def _best(work: Callable[[], object], amount: int) -> float:
    """Amount per second in the fastest of a few runs."""
    fastest_s = float("inf")
    for _ in range(REPEATS):
        start_s = time.perf_counter()
        work()
        fastest_s = min(fastest_s, time.perf_counter() - start_s)
    return amount / fastest_s


def _decode(stream: bytes) -> int:
    decoder = FrameDecoder()
    for start in range(0, len(stream), READ_BYTES):
        decoder.feed(stream[start : start + READ_BYTES])
    return decoder.frames


def _drive(stream: bytes) -> int:
    driver = make_driver(Port("/dev/null"), StationFile(station=StationTable("rack-1", "barbell")))
    for start in range(0, len(stream), DRIVER_READ_BYTES):
        driver.feed(stream[start : start + DRIVER_READ_BYTES], 0.0)
    return driver.stats.samples


def _print() -> None:
    """A sketch that prints its readings, as many a second as a fast one does in twenty seconds."""
    port = Port("/dev/null", driver="csv", columns=["time_ms", "position_m", "force_n"])
    driver = make_driver(port, StationFile(station=StationTable("rack-1", "barbell")))
    for start in range(0, LINES, 20):
        driver.feed(b"".join(b"%d,0.5,600\n" % ms for ms in range(start, start + 20)), start / 1000)


def plain_python(stream: bytes) -> list[tuple[int, ...]]:
    """COBS by slices, zlib's CRC-32, struct for the fields: what one writes without a compiler."""
    found = []
    for piece in stream.split(b"\0"):
        raw = bytearray()
        at = 0
        while at < len(piece):
            code = piece[at]
            raw += piece[at + 1 : at + code]
            at += code
            if code < 255 and at < len(piece):
                raw.append(0)
        if len(raw) < 16 or zlib.crc32(raw[:-4]) != int.from_bytes(raw[-4:], "little"):
            continue
        at = 12
        while raw[1] == wire.DATA and at < len(raw) - 4:
            _, width, count, _, _ = struct.unpack_from("<BBHII", raw, at)
            at += 12
            ends = range(at + width, at + width * count + 1, width)
            found.append(tuple(int.from_bytes(raw[e - width : e], "little", signed=True) for e in ends))
            at += width * count
    return found


if __name__ == "__main__":
    print("\n".join(run()))
