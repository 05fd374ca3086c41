"""What peers' programs and devices write, in the shape their sources show: read, or refused by name."""

import os
import random

import numpy as np
import pytest

from edge.link.recording import read_recording
from edge.tools.importing import import_command
from station.errors import RecordingError

CASES = int(os.environ.get("PLUMBLINE_CASES", "200"))
TIMES_MS = np.arange(0, 6000, 10)
PLACE_MM = np.round(800 - 200 * (1 - np.cos(TIMES_MS / 500.0)), 1)


def convert(tmp_path, text, *options, encoding="utf-8"):
    source, result = tmp_path / "their.txt", tmp_path / "ours.csv"
    source.write_bytes(text.encode(encoding))
    assert import_command([str(source), "-o", str(result), *options]) == 0
    return read_recording(result)


def log(form, header=""):
    """A row per sample; {t} ms, {s} s, {p} mm, {cm}, {m}, {c} mm with a decimal comma, {clock} of the day."""
    rows = [header] if header else []
    for t, p in zip(TIMES_MS.tolist(), PLACE_MM.tolist(), strict=True):
        clock = f"12:59:{54 + t // 1000:02d}.{t % 1000:03d}" if t < 6000 else ""
        rows.append(
            form.format(
                t=t,
                s=t / 1e3,
                p=p,
                whole=round(p),
                cm=p / 10,
                m=p / 1e3,
                c=f"{p:.1f}".replace(".", ","),
                sc=f"{t / 1e3:.2f}".replace(".", ","),
                clock=clock,
            )
        )
    return "\n".join(rows) + "\n"


@pytest.mark.parametrize(
    ("text", "options"),
    [
        pytest.param(
            log(
                "{t};{p:.0f};{c};0,1;1,5E-50",
                "Time (ms);Raw coordinate (mm);Filtered coordinate (mm);Velocity (mm/ms);"
                "Acceleration (mm/ms²)",
            ),
            [],
            id="chronojump-filter",
        ),
        pytest.param(log("{clock} -> {p}"), ["--column", "2=position_mm"], id="arduino-monitor"),
        pytest.param(
            log("{clock} -> {t},{p}"),
            ["--column", "2=time_ms", "--column", "3=position_mm"],
            id="arduino-monitor-with-its-own-time",
        ),
        pytest.param(log("{clock} -> pos: {p} mm"), [], id="arduino-monitor-labels"),
        pytest.param(log("t:{t} ms pos:{p} mm"), [], id="serial-plotter-units"),
        pytest.param(log("time_ms={t}; position_mm={c}"), [], id="equals"),
        pytest.param(
            "Ready\n" + log('{{"t":{t},"pos":{p}}}'),
            ["--column", "t=time_ms", "--column", "pos=position_mm"],
            id="json-lines",
        ),
        pytest.param(log("{t} {p}", "time_ms position_mm"), [], id="blanks"),
        pytest.param(log("{t:>8} {p:>9}", "   time_ms  position_mm"), [], id="fixed-width"),
        pytest.param(log("{t} {p}"), ["--column", "1=time_ms", "--column", "2=position_mm"], id="gnuplot"),
        pytest.param(log("2030-01-31T{clock}Z,{p}", "timestamp,position_mm"), [], id="iso-time"),
        pytest.param(log("2030-01-31T{clock}+0100,{p}", "timestamp,position_mm"), [], id="iso-time-offset"),
        pytest.param(log("31.01.2030 {clock};{c}", "Zeit;Weg (mm)"), [], id="german-date"),
        pytest.param(log("{sc};{c}", "Tiempo (s);Posición (mm)"), [], id="spanish"),
        pytest.param(log("{sc};{c};1", "Temps (s);Déplacement (mm);Essai"), [], id="french"),
        pytest.param(log("{t}\t{s:.2f}\t{m:.4f}", "\tTime [s]\tPosition [m]"), [], id="pandas-tabs"),
        pytest.param(log("{s:.2f},{m:.4f}", '"Time\n(s)","Position\n(m)"'), [], id="line-break-in-a-name"),
        pytest.param(
            "Logger v2\nSerial: 1234; firmware 3\n\n" + log("{t},{p}", "Time (ms),Position (mm)"),
            [],
            id="lines-above-the-header",
        ),
        pytest.param(
            log("{s:.2f},{m:.4f},0.1,0.2", "Time (s),Position (m),Velocity (m/s),Acceleration (m/s2)"),
            [],
            id="tracker",
        ),
    ],
)
def test_a_log_of_positions_is_read(tmp_path, text, options):
    recording = convert(tmp_path, text, *options)
    assert list(recording.columns) == ["position_m"]
    np.testing.assert_allclose(recording.time_s - recording.time_s[0], TIMES_MS / 1e3, atol=1e-6)
    np.testing.assert_allclose(recording.columns["position_m"], PLACE_MM / 1e3, atol=6e-4)


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        (
            log("t:{t},pos:{c}"),
            ["--column", "t=time_ms", "--column", "pos=position_mm"],
            "has a number without",
        ),
        (
            log("{clock} -> {c}"),
            ["--column", "2=position_mm"],
            "line 1: '800' and '0' are two numbers, or one, 800.0 with a decimal comma; write",
        ),
        (log("{c}"), ["--rate", "100", "--column", "1=position_mm"], "--column 2=none if they are two"),
    ],
)
def test_a_comma_that_may_be_a_decimal_one_is_never_dropped(tmp_path, text, options, says):
    with pytest.raises(RecordingError) as refused:
        convert(tmp_path, text, *options)
    assert says in str(refused.value)


def test_a_column_that_is_none_is_left_out(tmp_path):
    options = ["--column", "1=time_ms", "--column", "2=position_mm", "--column", "3=none"]
    recording = convert(tmp_path, log("{t},{whole},7"), *options)
    assert list(recording.columns) == ["position_m"]


def test_a_date_may_change_at_midnight_only(tmp_path):
    rows = [f"01.02.2030 00:00:{n:02d}.000;{700 + n}" for n in range(4)]
    night = ["31.01.2030 23:59:58.000;698", "31.01.2030 23:59:59.000;699", *rows]
    text = "Zeit;Position (mm)\n" + "\n".join(night)
    with pytest.raises(RecordingError, match="too slow for any rep"):
        convert(tmp_path, text)
    text = text.replace(" 00:", " 23:").replace("23:59", "22:59")
    with pytest.raises(RecordingError, match=r"line 4: the date goes from 31\.01\.2030 to 01\.02\.2030"):
        convert(tmp_path, text)


CHRONOJUMP_REPS = ",".join(
    f'"{name} {rep} \n({unit})"'
    for rep in (1, 2)
    for name, unit in (("DIST.", "mm"), ("DIST. +", "mm"), ("SPEED", "m/s"), ("FORCE", "N"), ("POWER", "W"))
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param(
            '"",' + CHRONOJUMP_REPS + '\n"MEAN",,,0.5,200,100,,,0.5,200,100\n'
            '"1",0,1,0.3,200,60,0,1,0.3,200,60\n',
            "line 1: Chronojump's export of reps side by side, without the time between them; give its",
            id="chronojump-export",
        ),
        pytest.param(
            "series,exercise,mass,start,width,height,meanSpeed,maxSpeed,maxSpeedT,meanPower,peakPower\n"
            "1,1,60,1,2,3,4,5,6,7,8\n",
            "a table of reps (meanSpeed, maxSpeed",
            id="chronojump-table",
        ),
        pytest.param(
            "Pulses;Time(useconds);Force(N)\n10;3087688;0\n10;3435324;0\n",
            "Chronojump's race analyzer",
            id="chronojump-race",
        ),
        pytest.param(
            "Exercise,Set,Rep,Weight,Metric,Set RPE,Tags,Workout Start Time,Rest Time,"
            "Concentric Avg Velocity (m/s),"
            "Concentric Range of Motion (mm),Eccentric Avg Velocity (m/s),\n",
            "a table of reps",
            id="repone",
        ),
        pytest.param(
            "# Set,# Rep.,Weight (kg),Mean Velocity (m/s),ROM (Range of Motion) (m)\n1,1,100,0.4,0.45\n",
            "a table of reps",
            id="vitruve",
        ),
        pytest.param(
            "first name: A,last name: B,date: 2030-01-31,exercise: Deadlift,set id: 1001,sensor: g.test\n"
            "Row Type,Rep Number,Conc Mean Velocity,Conc Peak Velocity (m/s),Conc Peak Power (W)\n"
            "Rep,1,0.4,0.7,500\n",
            "line 2: a table of reps (Rep Number, Conc Mean Velocity",
            id="gymaware-set",
        ),
        pytest.param(
            "Firstname,Lastname,Date,SetNumber,Exercise,MeanPower_bestrep,MeanVelocity_bestrep\n",
            "a table of reps",
            id="gymaware-summary",
        ),
        pytest.param(
            '{"reference":"1","meanVelocity":0.4,"peakVelocity":0.7}\n' * 3,
            "a table of reps (meanVelocity, peakVelocity",
            id="gymaware-api-lines",
        ),
        pytest.param(
            '[{"reference":"1","meanVelocity":0.4,"peakVelocity":0.7}]',
            "line 1: this is JSON; save the table as CSV",
            id="gymaware-api",
        ),
        pytest.param(
            '{"id":"w",\n "exercises":[{"name":"Deadlift"}]}', "line 1: this is JSON", id="vitruve-api"
        ),
        pytest.param("<!DOCTYPE html>\n<html><body>Log in", "line 1: this is a page (HTML", id="login-page"),
        pytest.param(
            log("t:{t} pos:{p}"), "'t' names no unit; say it, for example --column 't=time_ms'", id="no-unit"
        ),
        pytest.param(
            log("t:{t} ms pos:{p} mm") + "t:6000 ms po",
            "line 601: 't:6000 ms po' is not like the lines above it; delete it",
            id="cut-short",
        ),
        pytest.param(log("{clock} -> {p}"), "--column '2=position_mm'", id="arduino-monitor"),
        pytest.param(log("{s:.3f},{m}", "time_sec,encoder"), "no column is a channel", id="encoder"),
    ],
)
def test_what_holds_no_positions_or_does_not_say_its_units_is_refused_by_name(tmp_path, text, says):
    with pytest.raises(RecordingError) as refused:
        convert(tmp_path, text)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "ours.csv").exists()


@pytest.mark.parametrize("text", ['[{"time_s": 0, "position_m": 1}]', "<html><body>Log in", '{"a":\n1}'])
def test_json_and_pages_are_no_recordings_either(tmp_path, text):
    path = tmp_path / "set.csv"
    path.write_text(text)
    with pytest.raises(RecordingError, match="line 1: this is"):
        read_recording(path)


QUANTITIES = {  # in what programs of six countries call it; the unit may stand in the name in several ways
    "time": ("Time", "t", "Elapsed time", "Zeit", "Tiempo", "Temps", "Tempo"),
    "position": ("Position", "pos", "Height", "Weg", "Posición", "Déplacement", "Spostamento", "Posição"),
    "force": ("Force", "Load", "Kraft", "Fuerza", "Forza", "Força"),
}
FACTORS = {"s": 1.0, "ms": 1e3, "us": 1e6, "m": 1.0, "mm": 1e3, "cm": 1e2, "in": 1 / 0.0254, "ft": 1 / 0.3048}
FACTORS |= {"N": 1.0, "kN": 1e-3, "kgf": 1 / 9.80665, "lbf": 1 / 4.4482216152605}


def test_two_hundred_random_logs_of_other_programs_are_read_alike_or_refused(tmp_path):
    draw, refused = random.Random(8), {}
    time_s, place_m = TIMES_MS / 1e3, PLACE_MM / 1e3
    force_n = np.round(600 + 40 * np.sin(time_s * 3), 1)
    for _ in range(CASES):
        separator = draw.choice([",", ";", "\t", " ", " -> "])
        comma = draw.random() < 0.4
        units = [draw.choice(["s", "ms", "us", "clock"]), draw.choice(["m", "mm", "cm", "in", "ft"])]
        units.append(draw.choice(["N", "kN", "kgf", "lbf"]))
        named = draw.choice([True, True, False])  # units in the header, or on the command line
        names, cells, options = [], [], []
        truth = zip(QUANTITIES, (time_s, place_m, force_n), units, strict=True)
        for number, (quantity, values, unit) in enumerate(truth, 1):
            word = draw.choice(QUANTITIES[quantity])
            form = draw.choice(["{} ({})", "{} [{}]", "{}_{}", "{}/{}", "{}({})"]) if named else "{}"
            if unit == "clock":
                day = draw.choice(["", "", "2030-01-31T", "31/01/2030 "]) if separator != " " else ""
                names.append(word)
                cells.append([f"{day}12:59:{54 + t:09.6f}" for t in values.tolist()])
            else:
                names.append(form.format(word, unit))
                cells.append([f"{value * FACTORS[unit]:.7f}" for value in values.tolist()])
                if not named:
                    stem = {"time": "time", "position": "position", "force": "force"}[quantity]
                    options += ["--column", f"{number}={stem}_{unit.lower()}"]
        if draw.random() < 0.4:
            names.append(draw.choice(["Velocity (m/s)", "Battery", "Sample", "Geschwindigkeit"]))
            cells.append([f"{0.25 * n:.2f}" for n in range(len(time_s))])
        rows = [list(row) for row in zip(*cells, strict=True)]
        if comma:
            rows = [[cell.replace(".", ",") if ":" not in cell else cell for cell in row] for row in rows]
        above = draw.choice([[], [], ["Logger v2", "Serial: 12; firmware 3", ""], ["# by Ann"]])
        lines = [*above, separator.join(names), *(separator.join(row) for row in rows)]
        text = draw.choice(["\n", "\r\n"]).join(lines)
        encoding = draw.choice(["utf-8", "utf-8-sig", "utf-16"])
        try:
            recording = convert(tmp_path, text, *options, encoding=encoding)
        except RecordingError as error:
            assert "\n" not in str(error)
            reason = str(error).partition(": ")[2]
            refused[reason[:60]] = refused.get(reason[:60], 0) + 1
            assert separator in (" ", " -> ") or (comma and separator == ","), (str(error), lines[:6])
            continue
        np.testing.assert_allclose(recording.time_s - recording.time_s[0], time_s, atol=2e-6)
        np.testing.assert_allclose(recording.columns["position_m"], place_m, atol=2e-6)
        np.testing.assert_allclose(recording.columns["force_n"], force_n, atol=2e-3)
    assert sum(refused.values()) < 0.6 * CASES, refused


@pytest.mark.parametrize(
    ("header", "units"),
    [("Time,Position", "s,mm"), ("Zeit,Weg,Temp", "[s],[mm],[\u00b0C]"), ("t,pos", "(sec),(millimetres)")],
)
def test_a_row_below_the_names_says_their_units(tmp_path, header, units):
    rows = [
        f"{t / 1e3},{p}" + ",21" * (header.count(",") - 1) for t, p in zip(TIMES_MS, PLACE_MM, strict=True)
    ]
    units = units.replace("millimetres", "mm")
    recording = convert(tmp_path, "\n".join([header, units, *rows]))
    np.testing.assert_allclose(recording.time_s, TIMES_MS / 1e3)
    np.testing.assert_allclose(recording.columns["position_m"], PLACE_MM / 1e3)


def test_a_row_of_units_that_says_another_unit_than_the_name_is_refused(tmp_path):
    with pytest.raises(RecordingError, match="line 2: the column 'position_m' is said to be in mm; name it"):
        convert(tmp_path, "time_s,position_m\ns,mm\n0,1\n")


def test_minutes_without_hours_as_a_spreadsheet_shows_them_go_over_the_hour(tmp_path):
    rows = [f"{(59 + t // 1000 // 3) % 60:02d}:{t // 50 / 20 % 3 + 57:04.1f}" for t in range(0, 6000, 100)]
    text = "\n".join(["Time,Position (mm)", *(f"{time},{700 + 5 * n}" for n, time in enumerate(rows))])
    recording = convert(tmp_path, text)
    np.testing.assert_allclose(recording.time_s, np.arange(60) / 10 + 57 * (np.arange(60) >= 30))


def test_a_reading_that_comes_again_is_no_second_header(tmp_path):
    text = "\n".join(f"{p:.0f}" for p in PLACE_MM) + "\n"
    recording = convert(tmp_path, text, "--rate", "100", "--column", "1=position_mm")
    np.testing.assert_allclose(recording.columns["position_m"], np.round(PLACE_MM) / 1e3)


@pytest.mark.parametrize(
    "form",
    [
        '{{"time":"2030-01-31T{clock}+01:00","position_mm":{p}}}',
        '{{"position_mm":{p},"timestamp":"2030-01-31 {clock}Z","id":"bar"}}',
        '{{"Time":"{clock}","data":{{"position":"{p} mm"}}}}',
        "[{clock}][D][sensor:094]: 'Position': Sending state {m:.4f} m with 4 decimals of accuracy",
    ],
)
def test_a_clock_in_the_lines_of_a_logger_is_the_time(tmp_path, form):
    recording = convert(tmp_path, log(form))
    np.testing.assert_allclose(recording.time_s, TIMES_MS / 1e3, atol=1e-9)
    np.testing.assert_allclose(recording.columns["position_m"], PLACE_MM / 1e3, atol=1e-7)


@pytest.mark.parametrize(
    "above", ["=~=~= PuTTY log 2030.01.31 12:59 =~=~=\n", "Encoder 1.2\nready\n", "42\n", ",800.0\n", "a;b\n"]
)
def test_what_a_board_says_before_numbers_without_names_is_passed_over(tmp_path, above):
    columns = ("--column", "1=time_ms", "--column", "2=position_mm")
    recording = convert(tmp_path, above + log("{t},{p}"), *columns)
    np.testing.assert_allclose(recording.time_s[-1], TIMES_MS[-1] / 1e3)
    np.testing.assert_allclose(recording.columns["position_m"][-100:], PLACE_MM[-100:] / 1e3)


def test_names_that_say_nothing_are_found_below_settings(tmp_path):
    text = "LabVIEW Measurement\t\nSeparator\tTab\n***End_of_Header***\t\nX_Value\tUntitled\n" + log(
        "{s}\t{m}"
    )
    recording = convert(tmp_path, text, "--column", "X_Value=time_s", "--column", "Untitled=position_m")
    np.testing.assert_allclose(recording.columns["position_m"], PLACE_MM / 1e3)
    with pytest.raises(RecordingError, match=r"no column is the time.* there are 'X_Value', 'Untitled'"):
        convert(tmp_path, text)
