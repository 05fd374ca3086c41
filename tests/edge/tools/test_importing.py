import numpy as np
import pytest

from edge.link.recording import read_recording
from edge.tools.importing import import_command
from station.errors import RecordingError

TIMES_MS = np.arange(0, 4000, 20)
PLACE_MM = np.round(800 - 200 * np.abs(np.sin(TIMES_MS / 1000.0)), 1)


def log(time="{:d}", place="{:.1f}", separator=",", header="Time (ms),Position (mm)"):
    rows = [
        f"{time.format(int(t))}{separator}{place.format(p)}" for t, p in zip(TIMES_MS, PLACE_MM, strict=True)
    ]
    return "\n".join([*([header] if header else []), *rows]) + "\n"


def convert(tmp_path, text, *options):
    source, result = tmp_path / "their.csv", tmp_path / "ours.csv"
    source.write_bytes(text.encode() if isinstance(text, str) else text)
    assert import_command([str(source), "-o", str(result), *options]) == 0
    return read_recording(result)


@pytest.mark.parametrize(
    ("header", "options"),
    [
        ("Time (ms),Position (mm)", []),
        ("time_ms,Position [mm]", []),
        ("millis,distance_mm", []),
        ("t/ms,pos/mm", []),
        ("Elapsed time (millis),Displacement(mm)", []),
        ("clock,place", ["--column", "clock=time_ms", "--column", "place=position_mm"]),
        ("a,b", ["--column", "1=time_ms", "--column", "2=position_mm"]),
        ("", ["--column", "1=time_ms", "--column", "2=position_mm"]),
        ("Time (ms),Distance", ["--column", "Distance=position_mm"]),
    ],
)
def test_a_log_is_read_by_what_its_names_or_the_command_line_say(tmp_path, header, options):
    recording = convert(tmp_path, log(header=header), *options)
    np.testing.assert_allclose(recording.time_s, TIMES_MS / 1e3)
    np.testing.assert_allclose(recording.columns["position_m"], PLACE_MM / 1e3, atol=1e-7)


@pytest.mark.parametrize(
    ("unit", "factor"), [("m", 1e-3), ("cm", 0.1), ("in", 1 / 25.4), ("ft", 1 / 304.8), ("inches", 1 / 25.4)]
)
def test_lengths_in_other_units_are_converted(tmp_path, unit, factor):
    rows = [f"{t},{p * factor:.6f}" for t, p in zip(TIMES_MS, PLACE_MM, strict=True)]
    recording = convert(tmp_path, f"time_ms,position ({unit})\n" + "\n".join(rows))
    np.testing.assert_allclose(recording.columns["position_m"], PLACE_MM / 1e3, atol=1e-6)


@pytest.mark.parametrize("comma", [False, True])
def test_a_chronojump_force_file_is_read_also_with_a_decimal_comma(tmp_path, comma):
    rows = [f"{t * 1000};{100 + t / 50:.2f}" for t in TIMES_MS]
    text = "\n".join(rows).replace(".", ",") if comma else "\n".join(rows)
    recording = convert(tmp_path, "Time (micros);Force(N)\n" + text)
    np.testing.assert_allclose(recording.columns["force_n"], 100 + TIMES_MS / 50, atol=1e-4)


def test_a_chronojump_encoder_signal_is_the_millimetres_of_each_millisecond(tmp_path):
    steps = np.round(np.sin(np.arange(3000) / 300.0)).astype(int)
    recording = convert(tmp_path, ", ".join(map(str, steps)) + ",")
    np.testing.assert_allclose(recording.columns["position_m"], np.cumsum(steps) / 1e3, atol=1e-9)
    assert recording.time_s[-1] == pytest.approx(2.999)


@pytest.mark.parametrize(
    "stamp", ["23:59:59", "2030-01-31 23:59:59", "2030-01-31T23:59:59", "2030/01/31 23:59:59"]
)
def test_a_wall_clock_is_turned_into_seconds_also_over_midnight(tmp_path, stamp):
    def at(ms):
        if ms < 1000:
            return f"{stamp}.{ms:03d}"
        return stamp.replace("01-31", "02-01").replace("01/31", "02/01").replace("23:59:59", "") + (
            f"00:00:{ms // 1000 - 1:02d}.{ms % 1000:03d}"
        )

    rows = [f"{at(int(t))};{p}" for t, p in zip(TIMES_MS, PLACE_MM, strict=True)]
    recording = convert(tmp_path, "Time (s);Position (mm)\n" + "\n".join(rows))
    np.testing.assert_allclose(recording.time_s, TIMES_MS / 1e3, atol=1e-6)


def test_rows_that_share_a_rounded_time_are_spread_when_asked_for(tmp_path, capsys):
    rows = [f"{t // 100 / 10},{p}" for t, p in zip(TIMES_MS, PLACE_MM, strict=True)]
    text = "time_s,position_mm\n" + "\n".join(rows)
    with pytest.raises(RecordingError, match="plumbline import --spread"):
        convert(tmp_path, text)
    recording = convert(tmp_path, text, "--spread")
    np.testing.assert_allclose(recording.time_s, TIMES_MS / 1e3, atol=1e-6)
    assert "good to that step only" in capsys.readouterr().out


def test_without_a_time_the_rate_is_told(tmp_path):
    text = "Position (mm)\n" + "\n".join(map(str, PLACE_MM))
    with pytest.raises(RecordingError, match="no column is the time; say --column NAME=time_ms, or --rate"):
        convert(tmp_path, text)
    recording = convert(tmp_path, text, "--rate", "50")
    np.testing.assert_allclose(recording.time_s, TIMES_MS / 1e3)


def test_it_says_what_was_taken_for_what(tmp_path, capsys):
    rows = [f"{t},{p},9" for t, p in zip(TIMES_MS, PLACE_MM, strict=True)]
    convert(tmp_path, "Time (ms),Distance (mm),Battery\n" + "\n".join(rows))
    said = capsys.readouterr().out
    assert "'Time (ms)' is time_ms" in said
    assert "'Distance (mm)' is position_mm" in said
    assert "not used: Battery" in said


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "Time (ms),Distance\n0,1\n",
            "'Distance' names no unit; say it, for example --column 'Distance=position_mm'",
        ),
        (
            "Exercise,Set,Rep,Weight,Metric,Set RPE,Tags,Workout Start Time,Rest Time,Avg Velocity (m/s),"
            "Range of Motion (mm),Peak Velocity (m/s),Peak Velocity Location (%),Duration of rep (sec)\n",
            "a table of reps",
        ),
        (
            "Mean Velocity (m/s),Mean Propulsive Velocity (m/s),ROM (Range of Motion) (m)\n0.5,0.5,0.4\n",
            "no positions",
        ),
        ("Rep #,Mean Velocity (m/s),Peak Velocity (m/s),ROM (cm)\n1,0.5,0.9,40\n", "a table of reps"),
        ("temperature\n1\n2\n", "no column is the time"),
        ("time_s,position_mm\n0,1\n0.1,x\n", "line 3, column position_mm: 'x' is not a number"),
        ("time_s,position_mm\n0.2,1\n0.1,2\n", "line 3: time_s goes from 0.2 to 0.1"),
        ("time_s,position_m,Distance (mm)\n0,1,1\n", "'position_m' and 'Distance (mm)' are both position_m"),
        ("1;2\n3;4\n", "no column is the time"),
    ],
)
def test_what_would_be_a_guess_is_refused_with_what_to_say(tmp_path, text, says):
    with pytest.raises(RecordingError) as refused:
        convert(tmp_path, text)
    assert says in str(refused.value)
    assert not (tmp_path / "ours.csv").exists()


def test_the_file_that_is_read_is_not_written_over(tmp_path):
    source = tmp_path / "their.csv"
    source.write_text(log())
    (tmp_path / "link.csv").symlink_to(source)
    for name in ("their.csv", "link.csv"):
        with pytest.raises(RecordingError, match="give another name"):
            import_command([str(source), "-o", str(tmp_path / name)])
    assert source.read_text() == log()
