"""What is one maker's own: being asked to start, triggers, spikes, a word in a column."""

from typing import Any

import numpy as np
import pytest

from edge.link.drivers import Driver, make_driver
from station.config import Calibration, Port, StationFile, StationTable
from tests.edge.link import foreign

PLAIN = StationFile(station=StationTable("rack-1", "barbell"))
CALIBRATED = StationFile(
    station=StationTable("rack-1", "barbell"),
    calibration={"force_n": Calibration(zero_counts=5000.0, counts_per_unit=800.0)},
)


def driver_for(name: str, station: StationFile = PLAIN, **port: Any) -> Driver:
    return make_driver(Port("/dev/null", driver=name, **port), station)


class TestChronojumpForce:
    def ask(self, driver: Driver, until_s: float, **lines: bytes) -> list[tuple[float, bytes]]:
        asked = []
        for step in range(int(until_s * 20)):
            now_s = step / 20
            if data := lines.get(f"at_{step}"):
                driver.feed(data, now_s)
            if sent := driver.request(now_s):
                asked.append((now_s, sent))
        return asked

    def test_is_asked_to_start_until_it_does(self) -> None:
        driver = driver_for("chronojump-force")
        driver.opened()
        asked = self.ask(driver, 4.0, at_35=b"Starting capture...\r\n1000;5.00\r\n")
        assert [sent for _, sent in asked] == [b"start_capture:\n"] * len(asked)
        assert [at_s for at_s, _ in asked] == pytest.approx([0.5, 1.5, 2.75, 3.75], abs=0.06)

    def test_that_is_capturing_already_is_not_disturbed(self) -> None:
        driver = driver_for("chronojump-force")
        driver.opened()
        lines = {f"at_{step}": b"%d;5.00\r\n" % (50_000 * step) for step in range(60)}
        assert self.ask(driver, 3.0, **lines) == []

    def test_triggers_are_no_force(self) -> None:
        driver = driver_for("chronojump-force")
        data = b"Force_Sensor-0.6\r\n1000;1.00\r\n1500;R\r\n2000;2.00\r\n2500;r\r\n3000;3.00\r\n"
        (samples,) = driver.feed(data, 0.0)
        assert samples.value.tolist() == [1.0, 2.0, 3.0]
        assert (driver.stats.frames_corrupt, driver.board) == (0, "Force_Sensor-0.6")


class TestChronojumpEncoder:
    def test_triggers_take_no_time_and_absurd_bytes_no_way(self) -> None:
        driver = driver_for("chronojump-encoder")
        (samples,) = driver.feed(bytes([1, 84, 2, 116, 100, 0xFF]), 0.0)
        np.testing.assert_allclose(samples.value, [0.001, 0.003, 0.003, 0.002])
        np.testing.assert_allclose(np.diff(samples.time_s), 0.001, atol=1e-6)
        assert driver.stats.frames_corrupt == 1

    def test_bytes_missing_for_a_second_are_a_second_of_time(self, joined: Any) -> None:
        driver = driver_for("chronojump-encoder")
        pieces = list(foreign.chronojump_encoder(np.zeros(8000)))
        kept = [(at_s, data) for at_s, data in pieces if not 3.0 < at_s <= 4.0]
        found = joined(s for at_s, data in kept for s in driver.feed(data, at_s))["position_m"]
        assert found.time_s[-1] == pytest.approx(8.0, abs=0.02)
        assert np.diff(found.time_s).max() == pytest.approx(1.0, abs=0.02)

    def test_bytes_held_up_for_a_second_keep_their_times(self, joined: Any) -> None:
        driver = driver_for("chronojump-encoder")
        pieces = list(foreign.chronojump_encoder(np.zeros(8000)))
        late = [(4.0 if 3.0 < at_s < 4.0 else at_s, data) for at_s, data in pieces]
        found = joined(s for at_s, data in late for s in driver.feed(data, at_s))["position_m"]
        np.testing.assert_allclose(np.diff(found.time_s), 0.001, atol=2e-6)

    def test_an_opened_port_goes_on_by_the_hosts_clock(self) -> None:
        driver = driver_for("chronojump-encoder")
        driver.feed(bytes(1000), 1.0)
        driver.opened()
        (samples,) = driver.feed(bytes(16), 3.5)
        assert samples.time_s[-1] == pytest.approx(3.5, abs=0.01)

    def test_can_be_the_second_tether(self) -> None:
        driver = driver_for("chronojump-encoder", channel="position_2_m")
        (samples,) = driver.feed(bytes([1, 1]), 0.0)
        assert samples.channel == "position_2_m"


class TestHx711:
    def values(self, text: bytes, station: StationFile = CALIBRATED) -> tuple[Driver, list[float]]:
        driver = driver_for("hx711", station, rate_hz=80.0)
        given_samples = driver.feed(text, 0.0)
        return driver, [value for samples in given_samples for value in samples.value.tolist()]

    def test_a_minus_one_from_nowhere_has_no_value_and_counts_as_a_spike(self) -> None:
        driver, values = self.values(b"5000\n5800\n-1\n6600\n")
        np.testing.assert_array_equal(values, [0.0, 1.0, np.nan, 2.0])
        assert driver.stats.spikes == 1

    def test_a_minus_one_among_its_like_is_a_reading(self) -> None:
        driver, values = self.values(b"reading,-0.8kg,1\nreading,-1.0kg,1\nreading,-1.2kg,1\n")
        assert len(values) == 3 and not np.isnan(values).any()
        assert driver.stats.spikes == 0

    def test_lone_jumps_are_counted_and_steps_are_not(self) -> None:
        rng = np.random.default_rng(2)
        numbers = np.concatenate([np.full(200, 9000.0), np.full(200, 90_000.0)]) + rng.normal(0, 20, 400)
        numbers[[50, 150, 300]] = [40_000.0, -70_000.0, 900_000.0]
        driver, _ = self.values(b"".join(b"%d\n" % round(number) for number in numbers))
        assert driver.stats.spikes == 3

    def test_the_ends_of_its_range_are_counted_as_saturation(self) -> None:
        driver, values = self.values(b"8388607\n8388607\n-8388608\n5000\n")
        np.testing.assert_array_equal(values, [np.nan, np.nan, np.nan, 0.0])
        assert driver.stats.saturated == {"force_n": 3}

    def test_a_number_without_a_unit_is_no_force_until_calibrated(self) -> None:
        driver, values = self.values(b"5000\n5800\n", PLAIN)
        assert np.isnan(values).all() and len(values) == 2
        assert driver.sensors[0].counts_per_unit is None


def test_an_empty_csv_field_is_no_sample_and_a_strange_one_no_line(joined: Any) -> None:
    driver = driver_for("csv", columns=["time_ms", "position_m", "force_n"])
    found = joined(
        driver.feed(b"time,position,force\n10,0.5,\n20,,7\n30,0.6,nan\n40,0.7,ready\n50,0.8,8\n", 0.0)
    )
    assert found["position_m"].value.tolist() == [0.5, 0.6, 0.8]
    assert found["force_n"].value.tolist() == [7.0, 8.0]
    np.testing.assert_allclose(found["force_n"].time_s, [0.01, 0.04])
    assert driver.stats.frames_corrupt == 2  # the header, and the word
