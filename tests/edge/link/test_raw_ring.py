"""The newest bytes of a port in memory: what is kept, how much, and where its clock stood."""

from operator import itemgetter
from pathlib import Path
from random import Random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge.link.capture import Capture, CaptureInfo, CaptureWriter, Received, record
from edge.link.raw_ring import BLOCK_BYTES, BLOCK_S, KEEP_S, RawRing
from edge.node.flight_recorder import NODE_BYTES
from station.exercises import load_profile
from station.sim.devices.board import board_bytes
from station.sim.devices.sensors import Sensors
from station.sim.session import simulate_set
from station.timing.clock import ClockMark, DeviceClock

INFO = CaptureInfo(station="rack-1", url="/dev/x", driver="plumbline", baud=115200, started_utc="2026")


def clock_at(session_s: float) -> DeviceClock:
    """A device's clock; at 0 it has not begun."""
    clock = DeviceClock()
    if session_s:
        clock.go_on(ClockMark(7, 0, round(session_s * 1e6), 1000.0 + session_s))
    return clock


def test_ten_minutes_are_kept_and_no_more() -> None:
    ring = RawRing(1 << 30)
    for number in range(20_000):
        ring.take(number * 0.1, b"abc", clock_at(number * 0.1))
    stretch = ring.since(0.0)
    newest_s = 1999.9
    assert newest_s - KEEP_S - 2 * BLOCK_S <= stretch[0][0] <= newest_s - KEEP_S
    assert 0 < ring.size_bytes < sum(len(records) for _, _, records in stretch)


def test_a_line_that_never_stops_does_not_fill_the_memory() -> None:
    ring, noise = RawRing(1 << 21), Random(1)  # that nothing packs
    for number in range(3000):
        ring.take(number * 0.001, noise.randbytes(5000), DeviceClock())
        assert ring.size_bytes <= 1 << 21
    assert ring.size_bytes > 1 << 20


@given(
    sizes=st.lists(st.integers(1, 9000), min_size=1, max_size=300),
    gaps_s=st.lists(st.sampled_from([0.0, 0.02, 0.5, 6.0]), min_size=300, max_size=300),
    max_bytes=st.integers(10_000, 400_000),
    seed=st.integers(0, 99),
)
def test_what_is_kept_is_the_newest_as_it_came_whatever_the_sizes(
    sizes: list[int], gaps_s: list[float], max_bytes: int, seed: int
) -> None:
    noise, at_s = Random(seed), 100.0
    ring, sent = RawRing(max_bytes), list[bytes]()
    for size, gap_s in zip(sizes, gaps_s, strict=False):
        at_s += gap_s
        data = noise.randbytes(size) if seed % 2 else bytes(size)
        ring.take(at_s, data, DeviceClock())
        sent.append(record(at_s, data))
        stretch = ring.since(0.0)
        kept = b"".join(records for _, _, records in stretch)
        assert b"".join(sent).endswith(kept) and kept.endswith(sent[-1])
        assert stretch == sorted(stretch, key=itemgetter(0))
        assert ring.size_bytes <= max_bytes + BLOCK_BYTES + 9100, "and the block that is being filled"
        if seed % 2 == 0 and sum(map(len, sent)) < max_bytes:
            assert kept == b"".join(sent)


def test_sixteen_boards_keep_a_set_and_what_came_before_it_in_what_a_node_has_for_them() -> None:
    simulated = simulate_set(
        load_profile("rdl"), reps=12, rng=np.random.default_rng(5), approach="none",
        sensors=Sensors(position_hz=1000.0, force_hz=80.0),
    )  # fmt: skip
    pieces = list(board_bytes(simulated, np.random.default_rng(6)))
    span_s, ring = pieces[-1][0] + 0.02, RawRing(NODE_BYTES // 16)
    sent = [Received(turn * span_s + at_s, data) for turn in range(20) for at_s, data in pieces]
    for at_s, data in sent:
        ring.take(at_s, data, clock_at(at_s))
        assert ring.size_bytes <= NODE_BYTES // 16
    stretch = ring.since(0.0)
    assert sent[-1].received_s - stretch[0][0] > 100.0
    kept = b"".join(records for _, _, records in stretch)
    assert kept == b"".join(record(*one) for one in sent if one.received_s >= stretch[0][0])


def test_a_stretch_is_a_capture_from_the_block_its_beginning_lies_in(tmp_path: Path) -> None:
    ring = RawRing(1 << 30)
    for number in range(1000):
        ring.take(1000.0 + number * 0.1, bytes([number % 256]), clock_at(number * 0.1))
    stretch = ring.stretch(42.0)
    start_s, clock, _ = stretch[0]
    assert clock is not None and 42.0 - BLOCK_S <= clock.session_us / 1e6 <= 42.0
    with CaptureWriter(tmp_path / "a.plc", INFO) as writer:
        writer.write_records(b"".join(records for _, _, records in stretch))
    read = list(Capture(tmp_path / "a.plc"))
    assert read[0].received_s == start_s and read[-1] == Received(1099.9, bytes([999 % 256]))
    assert len(read) == round((1099.9 - start_s) * 10) + 1
    assert ring.stretch(-5.0)[0][1] is None  # the clock had not begun
