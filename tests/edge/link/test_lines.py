"""Devices that print lines: cutting, a clock without a checksum, damage that no line shows."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.link.drivers import Driver, Samples, make_driver
from edge.link.drivers.lines import MAX_LINE_BYTES, LineSplitter
from station.config import Port
from tests.edge.link import foreign
from tests.edge.link.logs import AT_80, LOGS, Log, force_n


def driver_of(log: Log) -> Driver:
    return make_driver(Port("/dev/null", **log.port), log.station)


@given(st.lists(st.binary(max_size=600) | st.just(b"\n"), max_size=20))
def test_every_byte_of_a_line_is_given_discarded_or_kept_back(pieces: list[bytes]) -> None:
    lines = LineSplitter()
    out = [line for piece in pieces for line in lines.feed(piece)]
    lines.clear()
    sent = b"".join(pieces)
    ends = sent.count(b"\r") + sent.count(b"\n")
    assert sum(map(len, out)) + lines.bytes_discarded + ends == len(sent)
    assert all(0 < len(line) <= MAX_LINE_BYTES for line in out)


def test_a_reading_lost_digits_and_no_time_went_wrong(joined: Any) -> None:
    log = LOGS["chronojump-force"]
    driver = driver_of(log)
    given_samples: list[Samples] = []
    for index, (at_s, data) in enumerate(log.pieces):
        if index % 40 == 20:
            data = data[1:]  # noqa: PLW2901 - the first digit of the time
        if index % 40 == 30:
            data = data.replace(b";", b"7;")  # noqa: PLW2901 - or one too many
        given_samples += driver.feed(data, at_s)
    found = joined(given_samples)["force_n"]
    np.testing.assert_allclose(found.value, force_n(found.time_s), atol=0.02)
    assert 20 <= driver.stats.samples_rejected + driver.stats.frames_corrupt <= 26
    assert len(found.time_s) >= len(log.pieces) - 28


def test_flipped_bits_shift_no_time_and_seldom_pass_for_a_value(joined: Any) -> None:
    time_s = np.arange(0.0, 120.0, 1 / 80)
    log = b"".join(data for _, data in foreign.chronojump_force(time_s, force_n(time_s)))
    raw, rng = np.frombuffer(log, dtype=np.uint8).copy(), np.random.default_rng(1)
    hit = rng.random(len(raw)) < 1e-3
    raw[hit] ^= (1 << rng.integers(0, 8, int(hit.sum()))).astype(np.uint8)
    driver = driver_of(LOGS["chronojump-force"])
    found = joined(driver.feed(raw.tobytes(), 100.0))["force_n"]
    assert found.time_s[-1] == pytest.approx(time_s[-1], abs=0.03)
    wrong = np.abs(found.value - force_n(found.time_s)) > 1.0
    assert wrong.sum() < 0.15 * hit.sum()
    lines = len(found.time_s) + driver.stats.frames_corrupt + driver.stats.samples_rejected
    assert lines == pytest.approx(len(time_s), abs=15)  # a line end that is hit makes one of two


def test_a_sensor_that_began_anew_goes_on_later_by_the_hosts_clock(joined: Any) -> None:
    log = LOGS["chronojump-force"]
    driver = driver_of(log)
    first = joined(s for at_s, data in log.pieces for s in driver.feed(data, at_s))["force_n"]
    driver.opened()
    again = foreign.chronojump_force(AT_80, force_n(AT_80), start_us=0)
    second = joined(s for at_s, data in again for s in driver.feed(data, 10.0 + at_s))["force_n"]
    assert second.time_s[0] - first.time_s[-1] == pytest.approx(10.0 - first.time_s[-1], abs=0.05)
