"""What every driver promises: one suite for all of them, and for the example of docs/drivers.md.

A driver is found in the registry, its log in logs.py.
"""

import os
import pty
import tracemalloc
import tty
from collections.abc import Iterable, Iterator
from itertools import islice, pairwise
from typing import Any, get_args

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.link.drivers import DRIVERS, Driver, Samples, make_driver
from edge.link.sources import SerialSource
from station.config import Calibration, Port
from station.errors import CalibrationError
from station.ports import DRIVER_CHANNELS, DriverName, port_channels
from station.sim.devices.device import Piece
from tests.edge.link import written
from tests.edge.link.logs import LOGS, Log
from tests.edge.link.play import over_and_over

CASES = LOGS | written.LOGS
# Bytes that belong to no device: no ASCII, no end of a line or frame, no step that a tether can make.
GARBAGE = bytes([0x80, 0x7F, 0xE0, 0xC3, 0x9C, 0xA0]) * 20


@pytest.fixture(scope="module", params=CASES)
def log(request: pytest.FixtureRequest) -> Log:
    return CASES[request.param]


@pytest.fixture(scope="module", autouse=True)
def _the_page_is_followed() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for known, added in ((DRIVERS, written.DRIVERS), (DRIVER_CHANNELS, written.DRIVER_CHANNELS)):
            for name, entry in added.items():
                patch.setitem(known, name, entry)
        yield


def driver_of(log: Log) -> Driver:
    return make_driver(Port("/dev/null", **log.port), log.station)


def play(driver: Driver, pieces: Iterable[Piece], start_s: float = 0.0) -> Iterator[Samples]:
    for at_s, data in pieces:
        yield from driver.feed(data, start_s + at_s)


def at_once(log: Log) -> Log:
    """The same device with a rate that need not be learned, during which readings have no time."""
    return log if log.clocked else log._replace(port=log.port | {"rate_hz": 80.0})


def lost(driver: Driver) -> int:
    """What the driver says went wrong, of every kind."""
    stats = driver.stats
    frames = stats.frames_corrupt + stats.frames_lost + stats.frames_unsupported
    return frames + stats.samples_rejected + stats.bytes_discarded + stats.spikes


def check_nothing_made_up(found: dict[str, Samples], log: Log, joined: Any, least_share: float = 0.6) -> None:
    """Every value is one that the undisturbed log has too, and most of them are there."""
    undisturbed = joined(play(driver_of(at_once(log)), log.pieces))
    for name, samples in found.items():
        known = np.sort(undisturbed[name].value[~np.isnan(undisturbed[name].value)])
        value = samples.value[~np.isnan(samples.value)]
        right = np.clip(np.searchsorted(known, value), 1, len(known) - 1)
        nearest = np.minimum(np.abs(known[right] - value), np.abs(known[right - 1] - value))
        assert nearest.max() <= log.truth[name][1]
        assert len(value) >= least_share * len(known)


def check_truth(found: dict[str, Samples], log: Log) -> None:
    """Values are the truth at their times, up to where the session's clock began."""
    assert found.keys() == log.truth.keys()
    for name, (truth, resolution) in log.truth.items():
        time_s, value = found[name].time_s, found[name].value
        # The session begins at its first sample, wherever that was; the truth tells where.
        starts = np.arange(0.0, 3.0, 0.005)
        errors = [np.abs(truth(time_s + start) - value).max() for start in starts]
        slope = 0.25 if name.startswith("position") else 200.0
        sent = truth(np.array([at_s for at_s, _ in log.pieces]))
        assert min(errors) <= resolution + 0.006 * slope, (
            f"{name} came as {value.min():g} to {value.max():g} over {time_s[-1] - time_s[0]:g} s;"
            f" the log has {sent.min():g} to {sent.max():g} over {log.pieces[-1][0]:g} s"
        )


def test_its_name_stands_in_every_table(log: Log) -> None:
    name = log.port["driver"]
    assert name in DRIVERS, f"give {name} an entry in DRIVERS of edge/link/drivers/__init__.py"
    assert name in {*get_args(DriverName), *written.DRIVERS}, f"add {name} to DriverName in station/ports.py"
    channels = set(port_channels(Port("/dev/null", **log.port)))
    if name != "plumbline":  # a board says it itself
        assert channels == set(log.truth), f"DRIVER_CHANNELS of station/ports.py and {name}'s log differ"


def test_every_driver_has_a_log() -> None:
    without = set(DRIVERS) - {log.port["driver"] for log in CASES.values()}
    assert without == set(), "write one in tests/edge/link/logs.py"


def test_every_name_that_a_station_file_may_give_has_a_driver() -> None:
    without = set(get_args(DriverName)) - set(DRIVERS)
    assert without == set(), "give it an entry in DRIVERS of edge/link/drivers/__init__.py"


def test_a_log_replayed_through_a_pty_comes_out_as_it_was_measured(joined: Any, log: Log) -> None:
    far, near = pty.openpty()
    tty.setraw(near)
    driver, given_samples = driver_of(log), list[Samples]()
    with SerialSource(Port(os.ttyname(near), **log.port)) as source:
        for at_s, data in log.pieces:
            os.write(far, data)
            waiting = len(data)
            while waiting:
                got = source.read(5.0)
                assert got
                waiting -= len(got)
                given_samples += driver.feed(got, 100.0 + at_s)
    os.close(far)
    os.close(near)
    check_truth(joined(given_samples), log)
    stats = driver.stats
    refused = f"refused {stats.not_understood!r}; what is understood and holds no reading is NOTHING"
    assert stats.frames_corrupt == stats.bytes_discarded == stats.spikes == 0, refused
    assert driver.board is not None
    assert {sensor.channel for sensor in driver.sensors} == log.truth.keys()


def test_a_log_that_is_played_on_goes_on_where_it_ended() -> None:
    pieces = [(0.0, b"a"), (1.0, b"b")]
    assert list(islice(over_and_over(pieces), 4)) == [*pieces, (1.0, b"a"), (2.0, b"b")]


def test_what_is_given_is_float64_rises_in_time_and_is_counted(log: Log) -> None:
    driver = driver_of(log)
    newest: dict[str, float] = {}
    count = 0
    for samples in play(driver, log.pieces):
        assert samples.time_s.dtype == samples.value.dtype == np.float64
        assert len(samples.time_s) == len(samples.value) > 0
        assert samples.time_s[0] > newest.get(samples.channel, -1.0)
        assert (np.diff(samples.time_s) > 0.0).all()
        newest[samples.channel] = samples.time_s[-1]
        count += len(samples.time_s)
    assert driver.stats.samples == count > 0
    assert driver.stats.frames > 0
    assert driver.stats.last_sample_s == max(newest.values())
    assert driver.feed(b"", 20.0) == []


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 10**6), max_size=12), noise=st.booleans())
def test_values_do_not_depend_on_how_the_bytes_are_cut(
    joined: Any, log: Log, cuts: list[int], noise: bool
) -> None:
    stream = b"".join(data for _, data in log.pieces)
    if noise:
        raw = bytearray(stream)
        for index in np.random.default_rng(len(cuts)).integers(0, len(raw), len(raw) // 300):
            raw[index] ^= 0x11
        stream = bytes(raw)
    log = at_once(log)
    edges = sorted({0, len(stream), *(cut % len(stream) for cut in cuts)})
    whole, cut = driver_of(log), driver_of(log)
    expected = joined(whole.feed(stream, 0.0))
    found = joined(s for a, b in pairwise(edges) for s in cut.feed(stream[a:b], 0.0))
    for channel, samples in expected.items():
        np.testing.assert_array_equal(found[channel].value, samples.value)
        if log.clocked:
            np.testing.assert_array_equal(found[channel].time_s, samples.time_s)
    for name in ("frames", "frames_corrupt", "frames_lost", "bytes_discarded", "samples", "saturated"):
        assert getattr(cut.stats, name) == getattr(whole.stats, name)


def check_times(late: dict[str, Samples], prompt: dict[str, Samples], log: Log) -> None:
    """Same values, at the same times where the device says them; else never at the times of arrival."""
    for channel, samples in prompt.items():
        n = len(late[channel].value)
        np.testing.assert_array_equal(late[channel].value, samples.value[-n:])
        assert n >= len(samples.value) - 2  # learning the rate may take another reading
        if log.clocked or not log.framed:
            np.testing.assert_allclose(late[channel].time_s, samples.time_s, atol=2e-6)
        else:
            steps_s = np.diff(late[channel].time_s)
            np.testing.assert_allclose(steps_s, np.median(steps_s), rtol=0.12)


def test_late_reads_move_no_sample(joined: Any, log: Log) -> None:
    rng = np.random.default_rng(3)
    read_s = np.maximum.accumulate([at_s + rng.exponential(0.004) for at_s, _ in log.pieces]).tolist()
    late = [(at_s, data) for at_s, (_, data) in zip(read_s, log.pieces, strict=True)]
    check_times(joined(play(driver_of(log), late)), joined(play(driver_of(log), log.pieces)), log)


def test_a_backlog_that_comes_at_once_keeps_its_times(joined: Any, log: Log) -> None:
    late = [(4.0 if 3.0 < at_s < 4.0 else at_s, data) for at_s, data in log.pieces]
    check_times(joined(play(driver_of(log), late)), joined(play(driver_of(log), log.pieces)), log)


def test_garbage_before_inside_and_after_good_data_is_counted(joined: Any, log: Log) -> None:
    driver = driver_of(log)
    middle = len(log.pieces) // 2
    found = list(driver.feed(GARBAGE, 0.0))
    found += play(driver, log.pieces[:middle])
    before = lost(driver)
    assert before > 0
    at_s, data = log.pieces[middle]
    found += driver.feed(data[: len(data) // 2] + GARBAGE + data[len(data) // 2 :], at_s)
    found += play(driver, log.pieces[middle + 1 :])
    inside = lost(driver)
    assert inside > before
    found += driver.feed(GARBAGE, log.pieces[-1][0] + 0.1)
    driver.opened()
    found += driver.feed(b"", log.pieces[-1][0] + 0.2)
    assert lost(driver) > inside
    check_nothing_made_up(joined(found), log, joined)


def test_a_line_without_an_end_takes_no_memory_and_good_data_is_read_behind_it(joined: Any, log: Log) -> None:
    driver, endless = driver_of(log), b"\xa0" * 4000
    kept = []
    tracemalloc.start()
    for index in range(30):
        driver.feed(endless, 4.0 * index)
        kept.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert kept[-1] - kept[10] < 60_000
    found = joined(play(driver, log.pieces, 120.0))
    assert driver.stats.bytes_discarded >= 29 * len(endless)
    if log.framed:
        check_nothing_made_up(found, log, joined)


def test_nul_bytes_make_no_value(joined: Any, log: Log) -> None:
    driver = driver_of(log)
    pieces = [
        (at_s, data[: len(data) // 2] + b"\0\0" + data[len(data) // 2 :] if index % 20 == 10 else data)
        for index, (at_s, data) in enumerate(log.pieces)
    ]
    found = joined(play(driver, pieces))
    assert lost(driver) > 0 or not log.framed
    check_nothing_made_up(found, log, joined)


@pytest.mark.parametrize("opened", [True, False], ids=["port opened again", "port stays open"])
def test_a_device_that_begins_anew_goes_on_later(joined: Any, log: Log, opened: bool) -> None:
    driver = driver_of(log)
    first = joined(play(driver, log.pieces))
    if opened:
        driver.opened()
    second = joined(play(driver, log.pieces, 20.0))
    check_nothing_made_up(second, log, joined)
    for name, samples in second.items():
        assert samples.time_s[0] > first[name].time_s[-1]
        assert (np.diff(samples.time_s) > 0.0).all()
        if log.clocked:
            half = len(samples.time_s) // 2
            steps_s = np.diff(first[name].time_s[-half:])
            np.testing.assert_allclose(np.diff(samples.time_s[-half:]), steps_s, atol=2e-6)


@pytest.mark.parametrize("ends", [b"", b"\n", b"\0"], ids=["no ends", "lines", "frames"])
def test_memory_stays_bounded_under_noise(log: Log, ends: bytes) -> None:
    driver, rng = driver_of(log), np.random.default_rng(1)
    kept = []
    tracemalloc.start()
    for index in range(60):
        noise = rng.bytes(800).replace(b"\n", b"x").replace(b"\r", b"x")
        driver.feed(noise + ends, 0.7 * index)
        kept.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert kept[-1] - kept[30] < 60_000


def test_memory_stays_bounded_under_good_data(log: Log) -> None:
    driver = driver_of(log)
    kept = []
    tracemalloc.start()
    for index in range(4):
        for _ in play(driver, log.pieces, 20.0 * index):
            pass
        kept.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert kept[-1] - kept[1] < 60_000


FRAGMENTS = st.sampled_from(
    [
        b"\r\n",
        b"\n",
        b",",
        b";",
        b"\t",
        b"\0",
        b"-1\r\n",
        b"3;1;",
        b"4;9\n",
        b"reading,1.0kg,-1.00\n",
        b"1,2,3\n",
    ]
)


@settings(max_examples=40, deadline=None)
@given(
    pieces=st.lists(
        st.binary(max_size=400) | FRAGMENTS | st.from_regex(rb"\d{1,12};-?\d{1,9}\n"), max_size=30
    )
)
def test_no_bytes_in_no_pieces_raise(log: Log, pieces: list[bytes]) -> None:
    driver = driver_of(log)
    newest: dict[str, float] = {}
    for index, piece in enumerate(pieces):
        for samples in driver.feed(piece, 10.0 + 0.01 * index):
            assert samples.channel in log.truth
            assert np.isfinite(samples.time_s).all() and len(samples.time_s) == len(samples.value)
            assert (np.diff(samples.time_s) > 0).all()
            assert samples.time_s[0] > newest.get(samples.channel, -1.0)
            newest[samples.channel] = samples.time_s[-1]
        driver.request(10.0 + 0.01 * index)
    driver.opened()
    driver.opened()
    assert isinstance(driver.sensors, list)


def test_a_silent_device_is_asked_little(log: Log) -> None:
    driver = driver_of(log)
    driver.opened()
    asked = [sent for step in range(200) if (sent := driver.request(step / 20))]
    assert len(asked) <= 20, f"request asked {len(asked)} times in ten seconds; let a second pass in between"
    assert sum(map(len, asked)) < 1000


def test_a_calibration_that_cannot_be_is_refused(log: Log) -> None:
    channel = (*port_channels(Port("/dev/null", **log.port)), "force_n")[0]
    spoilt = msgspec.structs.replace(log.station, calibration={channel: Calibration(counts_per_unit=0.0)})
    with pytest.raises(CalibrationError, match=rf"calibration\.{channel}\.counts_per_unit"):
        make_driver(Port("/dev/null", **log.port), spoilt)
