"""Lines as sketches, plotters and loggers print them: read as they are, or shown with what would read."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.link.drivers import make_driver
from edge.link.drivers.proposal import propose
from station.config import Calibration, Port, StationFile, StationTable

RACK = StationFile(station=StationTable("rack-1", "barbell"))
BAND = StationFile(station=StationTable("band-1", "band"))
G = 9.80665
RATE_HZ = 80.0


def read(
    lines: list[str], station: StationFile = RACK, *, encoding: str = "utf-8", **port: Any
) -> tuple[dict[str, list[float]], Any]:
    """The values of each channel, in the order they came, and the driver."""
    driver = make_driver(Port("/dev/ttyACM0", rate_hz=RATE_HZ, **port), station)
    found: dict[str, list[float]] = {}
    for at, line in enumerate(lines):
        for samples in driver.feed(line.encode(encoding) + b"\r\n", 100.0 + at / RATE_HZ):
            found.setdefault(samples.channel, []).extend(samples.value.tolist())
    return found, driver


TWO = ["time_ms", "position_m"]
THREE = ["time_ms", "position_m", "force_n"]


@pytest.mark.parametrize(
    "columns, form",
    [
        (TWO, "{t},{p:.4f}"),
        (TWO, "{t},{p:+.4f}"),
        (TWO, "{t},{p:.4f},"),
        (TWO, "{t};{c}"),
        (TWO, "{t};{c};"),
        (TWO, "{t}\t{c}"),
        (TWO, "{t} {p:.4f}"),
        (TWO, "{t} {c}"),
        (TWO, "{t}|{c}"),
        (TWO, "t:{t},pos:{p:.4f}"),
        (TWO, "t:{t} pos:{p:.4f}"),
        (TWO, "t={t}, pos={p:.4f} m"),
        (TWO, "{t} ms, {mm:.1f} mm"),
        (TWO, "t: {t} | pos: {cm:.2f}cm"),
        (TWO, '{{"t":{t},"pos":{p:.4f}}}'),
        (TWO, '{{"t":{t},"enc":{{"pos":"{mm:.1f} mm"}}}}'),
        (TWO, "[{t}, {p:.4f}]"),
        (["position_m"], "Position: {p:.4f}"),
        (["position_m"], "Position: {c}"),
        (["position_m"], ">pos:{p:.4f}"),
        (["position_m"], ">pos:162755189{t}:{p:.4f}§m"),
        (
            ["position_m"],
            "[12:00:01][D][sensor:094]: 'Bar': Sending state {p:.5f} m with 4 decimals of accuracy",
        ),
        (["position_m"], "\x1b[0;36m[D][sensor:135]: 'Bar' >> {mm:.2f} mm\x1b[0m"),
        (["position_m", ""], "{p:.4f},{t}"),
        (["position_m", ""], "{c};{t}"),
        (["position_m", ""], "pos:{p:.4f},state:ready"),
        (["", "position_m"], "Kanal 1;{c}"),
    ],
)
def test_a_position_is_read_as_it_is_printed(columns: list[str], form: str) -> None:
    positions = [0.8418, 0.9003, 0.1, 1.25, 0.0, -0.0021, 2.5]
    lines = [
        form.format(t=1042 + 12 * at, p=p, c=f"{p:.4f}".replace(".", ","), mm=p * 1e3, cm=p * 1e2)
        for at, p in enumerate(positions)
    ]
    found, driver = read(lines, driver="csv", columns=columns)
    assert driver.stats.frames_corrupt == 0
    np.testing.assert_allclose(found["position_m"][-5:], positions[-5:], atol=1e-6)


@pytest.mark.parametrize(
    "columns, line",
    [
        (["position_m", ""], "0,8418"),
        (["position_m"], "0,8418"),
        (["force_n"], "1042,612"),
        (["force_n"], "1042,612 N"),
        (["position_m", "", ""], "0,8418,0,7311"),
        (["position_m", "force_n"], "0,8418"),
        (["time_s", "position_m"], "12,0418"),
        (["time_ms", "position_m", ""], "1042,0,8418"),
        (["force_n", ""], "612,25"),
        (TWO, "1042,0,8418"),
        (["position_m", ""], "0.84 furlongs,ready"),
        (["position_m", "force_n"], "pos:0.84,Temp:21.5 C"),
        (["force_n"], "position: 0.84 m"),
        (TWO, "1042;0.84;612"),
        (THREE, '{"t":1042,"pos":0.84}'),
    ],
)
def test_what_can_be_read_in_two_ways_or_none_gives_no_value_and_is_shown(
    columns: list[str], line: str
) -> None:
    found, driver = read([line] * 20, driver="csv", columns=columns)
    assert not any(np.isfinite(values).any() for values in found.values())
    assert driver.stats.frames_corrupt == 20
    assert driver.stats.not_understood == line
    assert repr(line) in driver.stats.device_problem and "doctor" in driver.stats.device_problem


def test_a_point_or_a_fine_scale_settles_what_a_comma_is() -> None:
    found, _ = read(["0,21", "0.25,22", "1,23", "0,24"], driver="csv", columns=["position_m", ""])
    assert found["position_m"] == [0.25, 1.0, 0.0]
    counts = StationFile(RACK.station, calibration={"force_n": Calibration(0.0, 800.0)})
    found, _ = read(["80,21", "160,22"], counts, driver="csv", columns=["force_n", ""])
    assert found["force_n"] == [0.1, 0.2]
    found, _ = read(["84112,21", "84200,22"], BAND, driver="csv", columns=["", "force_n"])
    assert found["force_n"] == [21.0, 22.0]


@pytest.mark.parametrize("lines", [["1042,612", "1054,598", "1067,1203"], ["1042,612"] * 3])
@pytest.mark.parametrize("driver", [{"driver": "csv", "columns": ["force_n"]}, {"driver": "hx711"}])
def test_a_time_and_a_force_are_never_one_number(lines: list[str], driver: dict[str, Any]) -> None:
    for unit in ("", " kg", "kg"):
        found, one = read([line + unit for line in lines], BAND, **driver)
        assert not found and one.stats.frames_corrupt == 3


def test_the_station_file_says_what_a_comma_is() -> None:
    cell = StationFile(BAND.station, calibration={"force_n": Calibration(0.0, 1.0)})
    for lines, value in (["1042,612", "1042,5", "-0,5"], 1042.612), (["1042,612 N"], 1042.612):
        for driver in ({"driver": "csv", "columns": ["force_n"]}, {"driver": "hx711"}):
            found, one = read(lines, cell, decimal=",", **driver)
            assert found["force_n"][0] == value and one.stats.frames_corrupt == 0
    found, _ = read(["1042,612"], BAND, driver="csv", columns=["", "force_n"], decimal=".")
    assert found["force_n"] == [612.0]
    found, _ = read(["0,8418", "1,21"], driver="csv", columns=["position_m", ""], decimal=".")
    assert found["position_m"] == [0.0, 1.0]
    found, one = read(["0,8418"], driver="csv", columns=["position_m", ""], decimal=",")
    assert not found and one.stats.frames_corrupt == 1
    found, _ = read(['{"t": 1042, "pos": "0,84"}'] * 2, driver="csv", columns=TWO, decimal=",")
    assert found["position_m"] == [0.84]


def test_a_label_whose_digits_vary_may_stand_before_two_numbers_and_is_read_no_more() -> None:
    lines = ["pos: 0,8418", "pos: 0,9003", "pos: 1042,25"] + ["pos: 0,5"] * 3
    found, driver = read(lines, driver="csv", columns=["position_m"])
    assert found["position_m"] == [0.8418, 0.9003]
    assert driver.stats.frames_corrupt == 4


def test_labels_that_change_places_are_not_read() -> None:
    lines = ["pos:0.8,F:600", "pos:0.9,F:601", "F:602,pos:0.9", "pos:1.0,F:603"]
    found, driver = read(lines, driver="csv", columns=["position_m", "force_n"])
    assert found == {"position_m": [0.8, 0.9, 1.0], "force_n": [600.0, 601.0, 603.0]}
    assert driver.stats.frames_corrupt == 1


@pytest.mark.parametrize(
    "line, newtons",
    [
        ("12.34 kg", 12.34 * G),
        ("12,34 kg", 12.34 * G),
        ("+12.34kg", 12.34 * G),
        ("+ 12.34 kg,", 12.34 * G),
        ("-   0,5 kg", -0.5 * G),
        ("Weight: 12.34 kg", 12.34 * G),
        ("Weight: 12,34 kg", 12.34 * G),
        ("Weight 500 g", 0.5 * G),
        ("Load_cell output val: 120.5 N", 120.5),
        ("Reading: 12.3 lbs calibration_factor: -7050.00", 12.3 * 0.45359237 * G),
        ("weight=12.34kg avg=12.30kg", 12.34 * G),
        ("12.3,kg", 12.3 * G),
        ('{"weight": 12.3, "unit": "kg"}', 12.3 * G),
        ('{"scale": {"weight": "12,3 kg", "battery": 3.7}}', 12.3 * G),
        (
            "[12:00:01][D][sensor:094]: 'Cell': Sending state 12.30000 kg with 2 decimals of accuracy",
            12.3 * G,
        ),
        (">force:1627551892437:612.4§N|g", 612.4),
    ],
)
def test_an_hx711_sketch_is_read_with_label_and_unit(line: str, newtons: float) -> None:
    found, driver = read([line] * 5, BAND, driver="hx711")
    assert driver.stats.frames_corrupt == 0
    assert found["force_n"][-1] == pytest.approx(newtons)


@pytest.mark.parametrize("line", ["+84112", "84112,", "raw: 84112", "HX711 reading: 84112", "84112 "])
def test_counts_with_a_label_go_by_the_calibration(line: str) -> None:
    station = StationFile(BAND.station, calibration={"force_n": Calibration(112.0, 100.0)})
    found, _ = read([line] * 4, station, driver="hx711")
    assert found["force_n"][-1] == 840.0


@pytest.mark.parametrize(
    "line",
    [
        "12,34",
        "1042,84112",
        "A: 1 B: 2",
        "84112;84100",
        "Temp: 21.4 C",
        "Weight: 12 V",
        "[1, 2]",
        "Scale not ready",
    ],
)
def test_an_hx711_line_of_several_numbers_or_another_thing_is_shown(line: str) -> None:
    found, driver = read([line] * 12, BAND, driver="hx711")
    assert not found
    assert driver.stats.not_understood == line and repr(line) in driver.stats.device_problem


def test_what_a_sketch_says_besides_its_readings_is_no_reading() -> None:
    banner = ["HX711 scale", "Calibration factor: -7050.00", "Zero factor: 8412", "Known mass: 5.00 kg"]
    log = "[12:00:0{}][D][sensor:094]: '{}': Sending state {} {} with 1 decimals of accuracy"
    found, _ = read([*banner, *(f"Weight: {kg} kg" for kg in (1, 2, 3, 4))], BAND, driver="hx711")
    assert found["force_n"] == pytest.approx([2 * G, 3 * G, 4 * G])
    lines = [log.format(s, "WiFi Signal", -61.0, "dBm") for s in range(3)]
    lines += [
        "[12:00:05][I][app:100]: ESPHome version 2025.1",
        *(log.format(s, "Cell", s, "kg") for s in range(4)),
    ]
    found, driver = read(lines, BAND, driver="hx711")
    assert found["force_n"] == pytest.approx([1 * G, 2 * G, 3 * G])
    assert driver.stats.frames_corrupt == 0


def test_a_pattern_takes_a_decimal_comma() -> None:
    pattern = r"(?P<time_ms>\d+),(?P<position_m>[+-]?\d+,\d+)"
    found, _ = read([f"{1000 + 10 * n},0,{n:04}" for n in range(9)], driver="hx711", pattern=pattern)
    np.testing.assert_allclose(found["position_m"], np.arange(9) / 1e4)


@pytest.mark.parametrize(
    "lines", [["0,8418", "0,9003"], ["0,84", "0,91"], ["0,8", "0,9"], ["649,0", "612,4"]]
)
def test_a_decimal_comma_is_no_time_of_less_than_a_second(lines: list[str]) -> None:
    for columns in (TWO, ["time_us", "force_n"]):
        found, driver = read(lines * 20, driver="csv", columns=columns)
        assert not found
        assert 'decimal one: write decimal = ","' in driver.stats.device_problem
    assert 'decimal = ","' in propose(lines, Port("/dev/ttyACM0", driver="csv", columns=TWO), RACK)[0]


def test_a_clock_that_was_just_switched_on_is_one_a_second_later() -> None:
    lines = [f"{12 * at},{600 + at % 7}" for at in range(200)]
    found, driver = read(lines, BAND, driver="csv", columns=["time_ms", "force_n"])
    assert len(found["force_n"]) == 200 - 84  # 999 ms and less may be halves of a number
    assert driver.stats.device_problem is None
    counts = StationFile(BAND.station, calibration={"force_n": Calibration(0.0, 800.0)})
    found, _ = read(lines, counts, driver="csv", columns=["time_ms", "force_n"])
    assert len(found["force_n"]) == 200


@pytest.mark.parametrize(
    ("named", "factor", "cure"),
    [
        ("time_ms", 1e-3, "name it time_s"),
        ("time_ms", 1e3, "name it time_us"),
        ("time_us", 1.0, "name it time_ms"),
        ("time_s", 1.0, "name it time_ms"),
        ("time_ms", 0.08, "name the field that is"),
    ],
)
def test_a_time_that_goes_too_fast_or_too_slowly_is_said_and_gives_no_more_samples(
    named: str, factor: float, cure: str
) -> None:
    lines = [f"{(500_000 + 12.5 * at) * factor:.4f},{0.5 + at / 1e3:.4f}" for at in range(800)]
    _, driver = read(lines, driver="csv", columns=[named, "position_m"])
    assert named in driver.stats.device_problem and cure in driver.stats.device_problem
    assert (driver.stats.last_sample_s or 0.0) < 4.0 or named == "time_s"
    given = driver.stats.samples
    for line in lines:
        driver.feed(line.encode() + b"\n", 200.0)
    assert driver.stats.samples == given


def test_lines_of_two_labels_that_come_in_turn_are_neither_of_them() -> None:
    lines = [f"vel:{0.01 * at:.2f}" if at % 2 else f"pos:{0.5 + 0.01 * at:.2f}" for at in range(60)]
    for both in (lines, lines[1:]):
        found, driver = read(both, driver="csv", columns=["position_m"])
        assert len(found["position_m"]) < 12
        assert "come in turn" in driver.stats.device_problem
        assert "'pos:(?P<position_m>" in propose(both, Port("/dev/ttyACM0"), RACK)[0]
    signal = [
        f"[D][sensor:1]: 'WiFi' >> -{at} dBm" if at % 2 else f"'Bar' >> 0.{at} m" for at in range(10, 60)
    ]
    found, driver = read(signal, driver="csv", columns=["position_m"])
    assert len(found["position_m"]) == 25 and driver.stats.device_problem is None


def test_a_degree_sign_of_one_byte_is_read() -> None:
    found, _ = read(["12.5\u00b0"] * 3, driver="csv", columns=["tether_angle_rad"], encoding="latin-1")
    np.testing.assert_allclose(found["tether_angle_rad"], np.radians(12.5))


def test_millimetres_without_a_unit_are_no_metres() -> None:
    found, driver = read(["841.8", "842.0", "0.8"], driver="csv", columns=["position_m"])
    assert np.isnan(found["position_m"][:2]).all()
    driver = read(["841.8", "842.0"], driver="csv", columns=["position_m"])[1]
    assert "position_m reads 842 m" in driver.stats.device_problem
    assert "counts_per_unit = 1000.0" in driver.stats.device_problem
    station = StationFile(RACK.station, calibration={"position_m": Calibration(0.0, 1000.0)})
    found, driver = read(["841.8", "842.0"], station, driver="csv", columns=["position_m"])
    assert found["position_m"] == [0.8418, 0.842] and driver.stats.device_problem is None


@pytest.mark.parametrize(
    "lines, station, proposed",
    [
        (["0,8418", "0,8420"], RACK, 'driver = "csv", columns = ["position_m"], decimal = ","'),
        (["1042,0.8418", "1052,0.8420"], RACK, 'driver = "csv", columns = ["time_ms", "position_m"]'),
        (["1042;0,8418", "1052;0,8420"], RACK, 'driver = "csv", columns = ["time_ms", "position_m"]'),
        (["F:612.4 N,pos:0.84"], RACK, 'driver = "csv", columns = ["force_n", "position_m"]'),
        (["1042,84112", "1055,84100"], BAND, 'driver = "csv", columns = ["time_ms", "force_n"]'),
        (['{"us":1,"raw":84112,"temp":21.5}'], BAND, 'driver = "csv", columns = ["time_us", "force_n", ""]'),
        (["1042,0,8418", "1052,0,8418"], RACK, r"""(?P<time_ms>\d+),(?P<position_m>[+-]?\d+(?:[.,]\d+)?)'"""),
        (
            ["Weight 12 of 30"],
            BAND,
            r"""pattern = 'Weight (?P<value>[+-]?\d+(?:[.,]\d+)?) of [+-]?[\d.,]+'""",
        ),
        (["<84112>"], BAND, r"""pattern = '<(?P<value>[+-]?\d+(?:[.,]\d+)?)>'"""),
    ],
)
def test_what_would_read_a_line_is_proposed(lines: list[str], station: StationFile, proposed: str) -> None:
    assert proposed in propose(lines, Port("/dev/ttyACM0", driver="hx711"), station)[0]
    assert propose(["no number here"], Port("/dev/ttyACM0"), station) == []


@settings(max_examples=150, deadline=None)
@given(text=st.text(max_size=80) | st.from_regex(r"[a-z0-9 ,;:=.{}\[\]\"'>§+-]{1,60}", fullmatch=True))
def test_no_line_raises_and_none_proposes_what_does_not_read_it(text: str) -> None:
    for port in (
        {"driver": "csv", "columns": ["position_m", ""]},
        {"driver": "csv", "columns": ["position_m"]},
        {"driver": "hx711"},
    ):
        read([text] * 3, **port)
    for lines in propose([text], Port("/dev/ttyACM0"), RACK):
        assert "csv" in lines or "hx711" in lines


@settings(max_examples=200, deadline=None)
@given(
    metres=st.lists(st.floats(-2.0, 4.9), min_size=4, max_size=8),
    mark=st.sampled_from(".,"),
    separator=st.sampled_from([",", ";", "\t", " ", ", ", " | "]),
    decimals=st.integers(0, 6),
    label=st.sampled_from(["", "pos:", "pos: ", "pos="]),
    unit=st.sampled_from(["", " m", "m"]),
    columns=st.sampled_from([["position_m"], TWO, ["position_m", ""], THREE]),
)
def test_in_any_dialect_a_position_is_read_right_or_not_at_all(
    metres: list[float], mark: str, separator: str, decimals: int, label: str, unit: str, columns: list[str]
) -> None:
    lines = []
    for at, metre in enumerate(metres):
        number = {
            "time_ms": str(1000 + 13 * at),
            "position_m": f"{label}{metre:.{decimals}f}{unit}".replace(".", mark),
            "force_n": "612",
            "": "7",
        }
        lines.append(separator.join(number[column] for column in columns))
    found, _ = read(lines, driver="csv", columns=columns)
    truth = [round(metre, decimals) for metre in metres]
    for value in found.get("position_m", []):
        assert np.isnan(value) or np.isclose(value, truth, atol=1e-9).any()
