"""One set as people's programs write it: read to the same numbers, or refused; never read otherwise."""

import gzip
import os
import random

import numpy as np
import pytest

from edge.link.recording import read_recording
from edge.tools.analysis import analyse
from station.config import StationFile, StationTable
from station.errors import RecordingError
from station.exercises import load_profile

STATION = StationFile(StationTable("rack-1", "barbell"))
FACTORS = {"s": 1.0, "ms": 1e3, "us": 1e6, "m": 1.0, "mm": 1e3, "cm": 1e2, "n": 1.0}
FACTORS |= {"kgf": 1 / 9.80665, "lbf": 1 / 4.4482216152605, "rad": 1.0, "deg": 180 / np.pi, "in": 1 / 0.0254}


def reps(count=5, rate_hz=25.0):
    """A held top, then again and again down for two seconds and up for one; 0.35 m, to 0.1 mm."""
    time_s = 0.004816 + np.arange(int((4 * count + 4) * rate_hz)) / rate_hz
    phase = np.clip((time_s - 2.0) % 4.0, 0.0, 3.0)
    down = np.where(
        phase < 2.0, 0.5 - 0.5 * np.cos(np.pi * phase / 2.0), 0.5 + 0.5 * np.cos(np.pi * (phase - 2.0))
    )
    down[(time_s < 2.0) | (time_s > 4 * count + 2.0)] = 0.0
    return {
        "time_s": np.round(time_s, 6),
        "position_m": np.round(0.842 - 0.35 * down, 4),
        "tether_angle_rad": np.round(0.05 * down, 4),
        "force_n": np.round(600.0 + 20.0 * down, 1),
    }


SET = reps()
CASES = int(os.environ.get("PLUMBLINE_CASES", "200"))
FORMS = {  # of the text of a number
    "as it is": str,
    "plus": lambda text: text if text[:1] == "-" else f"+{text}",
    "minus sign": lambda text: text.replace("-", "\u2212"),
    "no zero": lambda text: text.replace("0.", ".", 1) if text[:2] == "0." else text,
    "blanks": lambda text: f"  {text} ",
    "exponent": lambda text: f"{float(text):.12e}",
}


def write(
    path,
    columns,
    *,
    separator=",",
    comma=False,
    quotes=False,
    encoding="utf-8",
    end="\n",
    header=None,
    before=(),
    after=(),
    blank_every=0,
    tail="",
    packed=False,
    places=7,
    form="as it is",
    missing="",
    last="",
):
    """Write {name: values}; a name's unit is what the values are in."""

    def cell(value):
        text = f"{value:.{places}f}".rstrip("0").rstrip(".") if np.isfinite(value) else missing
        text = FORMS[form](text) if np.isfinite(value) else text
        text = text.replace(".", ",") if comma else text
        return f'"{text}"' if quotes else text

    lines = [*before, separator.join(header or list(columns)) + tail, *after]
    for number, row in enumerate(zip(*columns.values(), strict=True)):
        if blank_every and number % blank_every == blank_every - 1:
            lines.append("")
        lines.append(separator.join(cell(value) for value in row) + tail)
    data = (end.join(lines) + (end if last is not None else "") + (last or "")).encode(encoding)
    path.write_bytes(gzip.compress(data) if packed else data)
    return path


def in_units(columns, time="s", length="m", angle="rad", force="n"):
    given = {}
    for name, values in columns.items():
        stem, _, unit = name.rpartition("_")
        other = {"s": time, "m": length, "rad": angle, "n": force}[unit]
        given[f"{stem}_{other}"] = values * FACTORS[other]
    return given


def events(recording):
    found = analyse(recording, STATION, load_profile("rdl"))
    return [
        (rep.number, round(rep.start_s, 3), round(rep.rom_m, 4)) for one in found.sets for rep in one.reps
    ]


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    recording = read_recording(write(tmp_path_factory.mktemp("plain") / "plain.csv", SET))
    found = events(recording)
    assert len(found) == 5
    return recording, found


def test_two_hundred_random_dialects_and_units_read_to_the_same_events(tmp_path, truth):
    plain, expected = truth
    draw = random.Random(15)
    refused = 0
    holes = SET | {"force_n": np.where(np.arange(len(SET["force_n"])) % 3, np.nan, SET["force_n"])}
    for number in range(CASES):
        counted = number % 8 == 0  # the numbers are the same within their last digit; the events follow
        part = slice(None) if counted else slice(200)
        units = {
            "time": draw.choice(["s", "ms", "us"]),
            "length": draw.choice(["m", "mm", "cm"]),
            "angle": draw.choice(["rad", "deg"]),
            "force": draw.choice(["n", "kgf", "lbf"]),
        }
        given = {name: values[part] for name, values in (holes if number % 4 == 1 else SET).items()}
        columns = in_units(given, **units)
        names = list(columns)
        draw.shuffle(names)
        columns = {name: columns[name] for name in names}
        separator = draw.choice([",", ";", "\t"])
        comma = draw.random() < 0.5
        quotes = draw.random() < 0.3 or (comma and separator == "," and draw.random() < 0.5)
        header = [draw.choice([str, str.upper, str.title, "  {} ".format])(name) for name in columns]
        before = draw.choice([[], ["# exported 2030-01-31"], [""], [f"sep={separator}"]])
        said = [name.rpartition("_")[2] for name in columns]
        after = draw.choice([[], [separator.join(said)], [separator.join(f"[{unit}]" for unit in said)]])
        path = write(
            tmp_path / "set.csv",
            columns,
            separator=separator,
            comma=comma,
            quotes=quotes,
            encoding=draw.choice(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]),
            end=draw.choice(["\n", "\r\n", "\r"]),
            header=header,
            before=before,
            after=after,
            blank_every=draw.choice([0, 0, 17]),
            tail=draw.choice(["", "", separator, separator * 3]),
            packed=draw.random() < 0.2,
            places=draw.choice([7, 9]),
            form=draw.choice(["as it is", "as it is", *FORMS]),
            missing=draw.choice(["", "", "NaN", "null", "#N/A", "-"]),
            last=draw.choice(["", None, f"{separator * (len(columns) - 1)}\n" * 4, "# the end\n"]),
        )
        try:
            recording = read_recording(path)
        except RecordingError as error:
            assert separator == "," and comma and not quotes, str(error)
            assert "with a decimal comma; separate the columns by" in str(error)
            refused += 1
            continue
        np.testing.assert_allclose(recording.time_s, plain.time_s[part], atol=2e-6)
        for name, values in plain.columns.items():
            there = ~np.isnan(recording.columns[name])
            assert there.sum() == (~np.isnan(given[name])).sum()
            np.testing.assert_allclose(recording.columns[name][there], values[part][there], atol=2e-6)
        if counted:
            assert events(recording) == expected
    assert CASES / 40 < refused < CASES / 3


@pytest.mark.parametrize("rate_hz", [10.0, 25.0, 80.0, 100.0, 200.0, 1000.0])
@pytest.mark.parametrize(
    ("name", "unit", "says"),
    [
        ("time_s", "ms", "time_ms if it is in ms"),
        ("time_s", "us", "time_us if it is in us"),
        ("time_ms", "us", "time_us if it is in us"),
        ("time_ms", "s", "time_s if it is in s"),
        ("time_us", "ms", "time_ms if it is in ms"),
        ("time_us", "s", "time_s if it is in s"),
        ("position_m", "mm", "position_mm if it is in mm"),
        ("position_m", "cm", "position_cm if it is in cm"),
        ("position_m", "in", "position_cm if it is in inches"),
        ("position_cm", "mm", "position_mm if it is in mm"),
        ("position_mm", "m", "position_m if it is in m"),
        ("position_mm", "cm", "position_cm if it is in cm"),
        ("position_mm", "in", "position_cm if it is in inches"),
        ("position_cm", "m", "position_m if it is in m"),
        ("tether_angle_rad", "deg", "tether_angle_deg if it is in deg"),
    ],
)
def test_numbers_in_another_unit_than_their_name_says_are_refused_with_the_unit(
    tmp_path, rate_hz, name, unit, says
):
    columns = {}
    for key, values in reps(1, rate_hz).items():
        stem, _, si = key.rpartition("_")
        if name.rpartition("_")[0] == stem:
            assert si != unit or name != key
            columns[name] = values * FACTORS[unit]
        else:
            columns[key] = values
    with pytest.raises(RecordingError) as refused:
        read_recording(write(tmp_path / "wrong.csv", columns, places=9))
    assert says in str(refused.value)


def test_counts_of_a_converter_are_no_newtons(tmp_path):
    columns = SET | {"force_n": SET["force_n"] * 1000.0}
    with pytest.raises(RecordingError, match="converter's counts"):
        read_recording(write(tmp_path / "counts.csv", columns))


def test_spikes_and_a_unit_kicked_aside_do_not_make_a_recording_impossible(tmp_path):
    place_m = SET["position_m"].copy()
    place_m[100:102] = 65.5
    place_m[300] = -40.0
    place_m[400:] += 1.2
    read_recording(write(tmp_path / "spikes.csv", SET | {"position_m": place_m}))


def test_time_may_start_below_zero(tmp_path, truth):
    recording = read_recording(write(tmp_path / "early.csv", SET | {"time_s": SET["time_s"] - 10.0}))
    assert recording.time_s[0] < 0.0
    assert events(recording) == [(n, pytest.approx(at_s - 10.0), rom_m) for n, at_s, rom_m in truth[1]]


def test_a_row_per_sensor_at_one_time_is_one_row(tmp_path, truth):
    nothing = np.full_like(SET["time_s"], np.nan)
    pairs = {
        "time_s": np.repeat(SET["time_s"], 2),
        "position_m": np.ravel([SET["position_m"], nothing], "F"),
        "tether_angle_rad": np.ravel([SET["tether_angle_rad"], nothing], "F"),
        "force_n": np.ravel([nothing, SET["force_n"]], "F"),
    }
    recording = read_recording(write(tmp_path / "pairs.csv", pairs))
    for name, values in truth[0].columns.items():
        np.testing.assert_array_equal(recording.columns[name], values)


def test_times_that_were_rounded_are_refused_with_a_way_out(tmp_path):
    rounded = SET | {"time_s": np.round(SET["time_s"], 1)}
    with pytest.raises(RecordingError, match=r"different readings .* plumbline import --spread"):
        read_recording(write(tmp_path / "rounded.csv", rounded))


def test_names_behind_a_hash_as_numpy_writes_them_are_read(tmp_path, truth):
    table = np.column_stack(list(SET.values()))
    np.savetxt(tmp_path / "numpy.csv", table, delimiter=",", header=",".join(SET), fmt="%.7g")
    assert events(read_recording(tmp_path / "numpy.csv")) == truth[1]


def test_rows_that_a_spreadsheet_cut_short_are_read_where_a_cell_is_empty(tmp_path):
    path = tmp_path / "short.csv"
    path.write_text("time_s,position_m,force_n\n0,0.9,500\n0.02,0.91\n0.04,0.92,510\n")
    recording = read_recording(path)
    assert np.isnan(recording.columns["force_n"][1])
    assert recording.columns["position_m"][1] == 0.91


@pytest.mark.parametrize(
    ("form", "separator"),
    [
        ("{:,.1f}", '";"'),
        ("{:,.1f}", '","'),
        ("german", ";"),
        ("'", ";"),
        ("\u2019", "\t"),
        ("\u202f", ";"),
    ],
)
def test_thousands_that_can_be_nothing_else_are_read(tmp_path, truth, form, separator):
    def cell(value):
        text = f"{value:,.1f}"
        if form == "german":
            return text.translate({ord(","): ".", ord("."): ","})
        return text if "{" in form else text.replace(",", form)

    rows = zip(SET["time_s"] * 1e3 + 5000.0, SET["position_m"] * 1e3 + 900.0, strict=True)
    quote = separator.strip(";,\t")[:1]
    lines = [quote + separator.join(map(cell, row)) + quote for row in rows]
    path = tmp_path / "grouped.csv"
    path.write_text("\n".join([quote + separator.join(("time_ms", "position_mm")) + quote, *lines]))
    recording = read_recording(path)
    np.testing.assert_allclose(recording.columns["position_m"], SET["position_m"] + 0.9, atol=1e-4)
    np.testing.assert_allclose(recording.time_s, SET["time_s"] + 5.0, atol=1e-4)


@pytest.mark.parametrize("lost", ["#NV", "#N/D", "\\N", "#n/a", "--"])
def test_what_spreadsheets_of_other_countries_write_for_nothing_is_no_sample(tmp_path, lost):
    path = tmp_path / "lost.csv"
    path.write_text(f"force_n;time_s;position_m\n{lost};0;0,9\n500,5;0,02;{lost}\n")
    recording = read_recording(path)
    assert np.isnan(recording.columns["force_n"]).tolist() == [True, False]
    assert np.isnan(recording.columns["position_m"]).tolist() == [False, True]


def test_whole_metres_before_a_comma_are_halves_of_numbers(tmp_path):
    rows = [f"{int(t * 1e3)},{p:.4f}" for t, p in zip(SET["time_s"], SET["position_m"], strict=True)]
    path = tmp_path / "halves.csv"
    path.write_text("\n".join(["time_ms,position_m,force_n", *rows]).replace(".", ","))
    with pytest.raises(
        RecordingError, match="line 2: 0 and 8420 are position_m and force_n, or one number 0,8420"
    ):
        read_recording(path)


def test_degrees_that_are_too_many_are_not_told_to_be_named_degrees(tmp_path):
    columns = {"time_s": SET["time_s"], "tether_angle_deg": SET["tether_angle_rad"] * 1e5}
    with pytest.raises(RecordingError, match=r"tilted by \d+\.\d rad; check the unit"):
        read_recording(write(tmp_path / "steep.csv", columns))


def test_a_mark_that_stands_twice_and_the_end_of_a_file_in_dos_are_no_text(tmp_path, truth):
    path = write(tmp_path / "plain.csv", SET)
    path.write_bytes(b"\xef\xbb\xbf" * 2 + path.read_bytes() + b"\x1a")
    assert events(read_recording(path)) == truth[1]
