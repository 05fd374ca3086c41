"""Other makers' devices: their logs through a real pty, hostile bytes, any cut."""

import os
import pty
import time
import tracemalloc
import tty
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.link.drivers import Driver, Samples, make_driver
from edge.link.drivers.lines import MAX_LINE_BYTES, Lines
from edge.link.sources import SerialSource
from station.config import Calibration, Port, StationFile, StationTable
from station.sim import foreign
from station.sim.device import Piece

Floats = NDArray[np.float64]
G = 9.80665
CALIBRATED = StationFile(
    station=StationTable("rack-1", "barbell"),
    calibration={"force_n": Calibration(zero_counts=5000.0, counts_per_unit=800.0)},
)
PLAIN = StationFile(station=StationTable("rack-1", "barbell"))


def position_m(time_s: Floats) -> Floats:
    return np.asarray(0.25 - 0.25 * np.cos(time_s))


def force_n(time_s: Floats) -> Floats:
    return np.asarray(600.0 + 100.0 * np.sin(2.0 * time_s))


MS = np.arange(0.001, 6.0, 0.001)
AT_80 = np.arange(0.0, 6.0, 1 / 80)
AT_10 = np.arange(0.0, 12.0, 0.1)


class Device(NamedTuple):
    """A device's log, and what must come out: per channel the truth over true time, and its resolution."""

    port: dict[str, Any]
    station: StationFile
    pieces: list[Piece]
    truth: dict[str, tuple[Callable[[Floats], Floats], float]]
    clocked: bool


HX = {"driver": "hx711"}
DEVICES = {
    "chronojump-encoder": Device(
        {"driver": "chronojump-encoder"},
        PLAIN,
        list(foreign.chronojump_encoder(position_m(MS))),
        {"position_m": (position_m, 0.001)},
        False,
    ),
    "chronojump-force": Device(
        {"driver": "chronojump-force"},
        PLAIN,
        list(foreign.chronojump_force(AT_80, force_n(AT_80), start_us=2**32 - 3_000_000)),
        {"force_n": (force_n, 0.01)},
        True,
    ),
    "chronojump-encoder-force": Device(
        {"driver": "chronojump-encoder-force"},
        PLAIN,
        list(foreign.chronojump_encoder_force(MS, position_m(MS), force_n(MS), start_us=2**32 - 1_000_000)),
        {"position_m": (position_m, 0.001), "force_n": (force_n, 0.25)},
        True,
    ),
    "openscale": Device(
        {"driver": "openscale", "baud": 9600},
        PLAIN,
        list(foreign.openscale(AT_10, force_n(AT_10) / G, raw=True)),
        {"force_n": (force_n, 0.3)},
        True,
    ),
    "openscale-lbs-unstamped": Device(
        {"driver": "openscale", "baud": 9600},
        PLAIN,
        list(foreign.openscale(AT_10, force_n(AT_10) / G / 0.45359237, unit="lbs", stamped=False)),
        {"force_n": (force_n, 0.1)},
        False,
    ),
    "hx711-plain": Device(
        HX,
        CALIBRATED,
        list(foreign.hx711(AT_80, force_n(AT_80) * 800.0 + 5000.0)),
        {"force_n": (force_n, 0.01)},
        False,
    ),
    "hx711-reading": Device(
        HX,
        PLAIN,
        list(foreign.hx711(AT_10, force_n(AT_10) / G, "reading")),
        {"force_n": (force_n, 0.6)},
        False,
    ),
    "hx711-average": Device(
        HX | {"baud": 38_400},
        StationFile(
            station=StationTable("rack-1", "barbell"), calibration={"force_n": Calibration(0.0, 1.0 / G)}
        ),
        list(foreign.hx711(AT_10, force_n(AT_10) / G, "average")),
        {"force_n": (force_n, 0.6)},
        False,
    ),
    "hx711-pattern": Device(
        HX | {"pattern": r"(?P<time_ms>\d+),(?P<value>[-\d.]+),(?P<position_m>[-\d.e]+)"},
        CALIBRATED,
        list(foreign.csv_lines(MS[::10], np.rint(force_n(MS[::10]) * 800 + 5000), position_m(MS[::10]))),
        {"force_n": (force_n, 20.0), "position_m": (position_m, 0.001)},
        True,
    ),
    "csv": Device(
        {"driver": "csv", "columns": ["time_ms", "position_m", "force_n"]},
        PLAIN,
        list(foreign.csv_lines(MS[::10], position_m(MS[::10]), force_n(MS[::10]), start_ms=4_294_967_000)),
        {"position_m": (position_m, 0.001), "force_n": (force_n, 0.2)},
        True,
    ),
}
every_device = pytest.mark.parametrize("name", DEVICES)


def driver_of(device: Device) -> Driver:
    return make_driver(Port("/dev/null", **device.port), device.station)


def check_truth(found: dict[str, Samples], device: Device) -> None:
    """Values are the truth at their times, up to where the session's clock began."""
    assert found.keys() == device.truth.keys()
    for name, (truth, resolution) in device.truth.items():
        time_s, value = found[name].time_s, found[name].value
        assert (np.diff(time_s) > 0).all()
        # The session begins at its first sample, wherever that was; the truth tells where.
        starts = np.arange(0.0, 3.0, 0.005)
        errors = [np.abs(truth(time_s + start) - value).max() for start in starts]
        slope = 0.25 if name == "position_m" else 200.0
        assert min(errors) <= resolution + 0.006 * slope


@every_device
def test_a_log_replayed_through_a_pty_comes_out_as_it_was_measured(joined: Any, name: str) -> None:
    device = DEVICES[name]
    far, near = pty.openpty()
    tty.setraw(near)
    driver, given_samples, at_s = driver_of(device), list[Samples](), 0.0
    with SerialSource(Port(os.ttyname(near), **device.port)) as source:
        for at_s, data in device.pieces:
            os.write(far, data)
            waiting = len(data)
            while waiting:
                got = source.read(5.0)
                assert got
                waiting -= len(got)
                given_samples += driver.feed(got, 100.0 + at_s)
    os.close(far)
    os.close(near)
    check_truth(joined(given_samples), device)
    assert driver.stats.frames_corrupt == driver.stats.bytes_discarded == driver.stats.spikes == 0
    assert driver.board is not None
    assert {sensor.channel for sensor in driver.sensors} == device.truth.keys()


@every_device
def test_late_reads_move_no_sample(joined: Any, name: str) -> None:
    device, rng = DEVICES[name], np.random.default_rng(3)
    read_s = np.maximum.accumulate([at_s + rng.exponential(0.004) for at_s, _ in device.pieces])
    prompt_driver, late_driver = driver_of(device), driver_of(device)
    prompt = joined(s for at_s, data in device.pieces for s in prompt_driver.feed(data, at_s))
    late = zip(read_s.tolist(), device.pieces, strict=True)
    delayed = joined(s for at_s, (_, data) in late for s in late_driver.feed(data, at_s))
    for channel, samples in prompt.items():
        n = len(delayed[channel].value)
        np.testing.assert_array_equal(delayed[channel].value, samples.value[-n:])
        assert n >= len(samples.value) - 2  # learning the rate may take another reading
        if device.clocked or name == "chronojump-encoder":
            np.testing.assert_array_equal(delayed[channel].time_s, samples.time_s)
        else:
            steps_s = np.diff(delayed[channel].time_s)
            np.testing.assert_allclose(steps_s, np.median(steps_s), rtol=0.12)  # never as they arrived


@every_device
@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 10**6), max_size=12), noise=st.booleans())
def test_values_do_not_depend_on_how_the_bytes_are_cut(
    joined: Any, name: str, cuts: list[int], noise: bool
) -> None:
    device = DEVICES[name]
    stream = b"".join(data for _, data in device.pieces)
    if noise:
        raw = bytearray(stream)
        for index in np.random.default_rng(len(cuts)).integers(0, len(raw), len(raw) // 300):
            raw[index] ^= 0x11
        stream = bytes(raw)
    if not device.clocked:
        device = device._replace(port=device.port | {"rate_hz": 80.0})  # nothing to be learned
    edges = sorted({0, len(stream), *(cut % len(stream) for cut in cuts)})
    whole, cut = driver_of(device), driver_of(device)
    expected = joined(whole.feed(stream, 0.0))
    found = joined(s for a, b in pairwise(edges) for s in cut.feed(stream[a:b], 0.0))
    for channel, samples in expected.items():
        np.testing.assert_array_equal(found[channel].value, samples.value)
        if device.clocked:
            np.testing.assert_array_equal(found[channel].time_s, samples.time_s)
    assert cut.stats.frames == whole.stats.frames
    assert cut.stats.frames_corrupt == whole.stats.frames_corrupt
    assert cut.stats.bytes_discarded == whole.stats.bytes_discarded
    assert cut.stats.samples == whole.stats.samples


FRAGMENTS = st.sampled_from(
    [b"\r\n", b"\n", b",", b";", b"\t", b"-1\r\n", b"3;1;", b"4;9\n", b"reading,1.0kg,-1.00\n", b"1,2,3\n"]
)


@every_device
@settings(max_examples=60, deadline=None)
@given(
    pieces=st.lists(
        st.binary(max_size=400) | FRAGMENTS | st.from_regex(rb"\d{1,12};-?\d{1,9}\n"), max_size=30
    )
)
def test_no_bytes_in_no_pieces_raise(name: str, pieces: list[bytes]) -> None:
    device = DEVICES[name]
    driver = driver_of(device)
    newest: dict[str, float] = {}
    for index, piece in enumerate(pieces):
        for samples in driver.feed(piece, 10.0 + 0.01 * index):
            assert samples.channel in device.truth
            assert np.isfinite(samples.time_s).all() and len(samples.time_s) == len(samples.value)
            assert (np.diff(samples.time_s) > 0).all()
            assert samples.time_s[0] > newest.get(samples.channel, -1.0)
            newest[samples.channel] = samples.time_s[-1]
        driver.request(10.0 + 0.01 * index)
    driver.opened()
    driver.opened()
    assert isinstance(driver.sensors, list)


@every_device
@pytest.mark.parametrize("ends", [b"", b"\n"], ids=["no line ends", "lines"])
def test_memory_stays_bounded_under_noise(name: str, ends: bytes) -> None:
    driver, rng = driver_of(DEVICES[name]), np.random.default_rng(1)
    kept = []
    tracemalloc.start()
    for index in range(120):
        noise = rng.bytes(800).replace(b"\n", b"x").replace(b"\r", b"x")
        driver.feed(noise + ends, 0.7 * index)
        kept.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert kept[-1] - kept[60] < 60_000


@given(st.lists(st.binary(max_size=600) | st.just(b"\n"), max_size=20))
def test_every_byte_of_a_line_is_given_discarded_or_kept_back(pieces: list[bytes]) -> None:
    lines = Lines()
    out = [line for piece in pieces for line in lines.feed(piece)]
    lines.clear()
    sent = b"".join(pieces)
    ends = sent.count(b"\r") + sent.count(b"\n")
    assert sum(map(len, out)) + lines.bytes_discarded + ends == len(sent)
    assert all(0 < len(line) <= MAX_LINE_BYTES for line in out)


def test_after_noise_the_next_good_line_is_read(joined: Any) -> None:
    for name, device in DEVICES.items():
        if name == "chronojump-encoder":
            continue
        driver = driver_of(device)
        driver.feed(b"\xff\xfe garbage " * 100 + b"\n", 0.0)
        assert driver.stats.frames == 0
        pieces = [s for at_s, data in device.pieces for s in driver.feed(data, 1.0 + at_s)]
        check_truth(joined(pieces), device)


def test_a_reading_lost_digits_and_no_time_went_wrong(joined: Any) -> None:
    device = DEVICES["chronojump-force"]
    driver = driver_of(device)
    given_samples: list[Samples] = []
    for index, (at_s, data) in enumerate(device.pieces):
        if index % 40 == 20:
            data = data[1:]  # noqa: PLW2901 - the first digit of the time
        if index % 40 == 30:
            data = data.replace(b";", b"7;")  # noqa: PLW2901 - or one too many
        given_samples += driver.feed(data, at_s)
    found = joined(given_samples)["force_n"]
    np.testing.assert_allclose(found.value, force_n(found.time_s), atol=0.02)
    assert 20 <= driver.stats.samples_rejected + driver.stats.frames_corrupt <= 26
    assert len(found.time_s) >= len(device.pieces) - 28


def test_flipped_bits_shift_no_time_and_seldom_pass_for_a_value(joined: Any) -> None:
    time_s = np.arange(0.0, 120.0, 1 / 80)
    log = b"".join(data for _, data in foreign.chronojump_force(time_s, force_n(time_s)))
    raw, rng = np.frombuffer(log, dtype=np.uint8).copy(), np.random.default_rng(1)
    hit = rng.random(len(raw)) < 1e-3
    raw[hit] ^= (1 << rng.integers(0, 8, int(hit.sum()))).astype(np.uint8)
    driver = driver_of(DEVICES["chronojump-force"])
    found = joined(driver.feed(raw.tobytes(), 100.0))["force_n"]
    assert found.time_s[-1] == pytest.approx(time_s[-1], abs=0.03)
    wrong = np.abs(found.value - force_n(found.time_s)) > 1.0
    assert wrong.sum() < 0.15 * hit.sum()
    lines = len(found.time_s) + driver.stats.frames_corrupt + driver.stats.samples_rejected
    assert lines == pytest.approx(len(time_s), abs=15)  # a line end that is hit makes one of two


def test_a_sensor_that_began_anew_goes_on_later_by_the_hosts_clock(joined: Any) -> None:
    device = DEVICES["chronojump-force"]
    driver = driver_of(device)
    first = joined(s for at_s, data in device.pieces for s in driver.feed(data, at_s))["force_n"]
    driver.opened()
    again = foreign.chronojump_force(AT_80, force_n(AT_80), start_us=0)
    second = joined(s for at_s, data in again for s in driver.feed(data, 10.0 + at_s))["force_n"]
    assert second.time_s[0] - first.time_s[-1] == pytest.approx(10.0 - first.time_s[-1], abs=0.05)


def test_a_thousand_lines_a_second_cost_little() -> None:
    driver = driver_of(DEVICES["csv"])
    lines = [b"%d,0.5,600\n" % ms for ms in range(20_000)]
    start_s = time.process_time()
    for at in range(0, len(lines), 20):
        driver.feed(b"".join(lines[at : at + 20]), at / 1000)
    assert time.process_time() - start_s < 2.0  # 20 s of the line
