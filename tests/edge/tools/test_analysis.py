"""`plumbline analyze` from end to end: files in; table, JSON, picture or one line of refusal out."""

import gzip
import json
import re
import subprocess
import sys
from functools import cache

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from edge.tools.analysis import table
from station.cli import main
from station.exercises import load_profile
from station.records import AnalysedSet, Analysis, Rep
from station.sim import Sensors, simulate_set, with_seed
from station.sim.recording import station_toml, write_recording

# What programs that read an analysis go by; a new number is in `Rep`, and here when they may go by it, too.
REP_KEYS = {
    *("number", "counted", "reason", "curve"),
    *("start_s", "end_s", "eccentric_end_s", "concentric_start_s", "concentric_end_s"),
    *("eccentric_s", "bottom_pause_s", "concentric_s", "top_pause_s"),
    *(
        "rom_m",
        "mean_concentric_velocity_mps",
        "peak_concentric_velocity_mps",
        "mean_propulsive_velocity_mps",
    ),
    *("mean_eccentric_velocity_mps", "peak_eccentric_velocity_mps"),
    *("mean_force_n", "peak_force_n", "mean_power_w", "peak_power_w", "work_j"),
    *("path_deviation_m", "path_drift_m", "path_deviation_sigma_m", "velocity_loss_pct"),
    *("rom_sigma_m", "mean_concentric_velocity_sigma_mps", "peak_concentric_velocity_sigma_mps"),
    *("eccentric_sigma_s", "bottom_pause_sigma_s", "concentric_sigma_s", "top_pause_sigma_s"),
    *("confidence", "repaired_samples", "signal_noise_m"),
    *("slack_s", "heel_pct", "heel_least_pct", "left_pct", "reason_code"),
    *("load_measured_kg", "load_measured_sigma_kg"),
}
SET_KEYS = {"number", "reps", "load_measured_kg", "load_measured_sigma_kg", "load_plate_kg"}
FORCE_KEYS = {"mean_force_n", "peak_force_n", "mean_power_w", "peak_power_w", "work_j"}
SIGMA_KEYS = {key for key in REP_KEYS if "sigma" in key} - {
    "path_deviation_sigma_m",
    "load_measured_sigma_kg",
}
# Of sensors and judges that the recordings here do not have.
OTHER_KEYS = {"reason_code", "slack_s", "heel_pct", "heel_least_pct", "left_pct"}
NOT_SAID = OTHER_KEYS
PATH_KEYS = {"path_deviation_m", "path_drift_m", "path_deviation_sigma_m"}
LENGTH_KEYS = {key for key in REP_KEYS if key.endswith("_mps")} | {
    "rom_m",
    "rom_sigma_m",
    "velocity_loss_pct",
    "work_j",
}
BARBELL = '[station]\nid = "rack-1"\nkind = "barbell"\n'
REASONS = "pick-up|set-down|unrack|re-rack|handle [a-z ]+|band [a-z ]+|too quick for a lifter[a-z :,]*"
NOT_REP = re.compile(rf" +(?P<start_s>[0-9.]+) to (?P<end_s>[0-9.]+) s  ({REASONS})")
GOOD = "time_s,position_m\n0,0.9\n0.02,0.91\n0.04,0.92\n"


@cache
def simulated(exercise, reps=3, seed=3, **sensors):
    return simulate_set(
        load_profile(exercise),
        reps=reps,
        rng=with_seed(seed),
        sensors=Sensors(**sensors) if sensors else None,
    )


@pytest.fixture
def analyze(tmp_path, capsys):
    """Run `plumbline analyze` on a recording and a station, each given as text, path or simulated."""

    def run(recording, station, exercise, *options):
        if not hasattr(recording, "is_file"):
            path = tmp_path / "rec.csv"
            if isinstance(recording, str):
                path.write_text(recording, encoding="utf-8")
            else:
                write_recording(path, recording)
            recording = path
        file = tmp_path / "station.toml"
        file.write_text(station, encoding="utf-8")
        status = main(["analyze", str(recording), "--station", str(file), "--exercise", exercise, *options])
        heard = capsys.readouterr()
        return status, heard.out, heard.err

    return run


@pytest.fixture
def reps_of(analyze):
    """The reps in the JSON of a simulated set, all sets after each other; checks the frame around them."""

    def run(set_, exercise):
        status, out, err = analyze(set_.recording, station_toml(set_.station), exercise, "--json")
        assert (status, err) == (0, "")
        found = json.loads(out, parse_constant=pytest.fail)
        assert set(found) == {"schema", "station", "exercise", "sets", "rejected", "signal"}
        assert found["schema"] == "plumbline/analysis/1"
        assert found["station"] == "sim-1"
        assert [a_set["number"] for a_set in found["sets"]] == list(range(1, len(found["sets"]) + 1))
        assert all(set(a_set) == SET_KEYS for a_set in found["sets"])
        assert all(
            set(rejected) == {"start_s", "end_s", "reason", "reason_code"} for rejected in found["rejected"]
        )
        reps = [rep for a_set in found["sets"] for rep in a_set["reps"]]
        assert all(REP_KEYS <= set(rep) == set(Rep.__struct_fields__) for rep in reps)
        return reps

    return run


def test_the_json_of_a_barbell_with_tilt_and_load_cell_has_every_number(reps_of):
    reps = reps_of(simulated("romanian-deadlift"), "romanian-deadlift")
    assert [rep["number"] for rep in reps] == [1, 2, 3]
    for rep in reps:
        absent = {key for key in REP_KEYS if rep[key] is None}
        last = {"top_pause_s", "top_pause_sigma_s"} if rep["number"] == 3 else set()
        assert absent == {"reason"} | NOT_SAID | last
        assert rep["start_s"] < rep["eccentric_end_s"] <= rep["concentric_start_s"] < rep["concentric_end_s"]
        assert rep["end_s"] == rep["concentric_end_s"]
        assert rep["path_deviation_m"] == pytest.approx(abs(rep["path_drift_m"]))
    assert reps[0]["velocity_loss_pct"] == 0.0


def test_a_lift_from_the_floor_starts_with_the_concentric(reps_of):
    reps = reps_of(simulated("deadlift"), "deadlift")
    assert len(reps) == 3
    for rep in reps:
        assert rep["start_s"] == rep["concentric_start_s"] < rep["concentric_end_s"] < rep["eccentric_end_s"]
        assert rep["end_s"] == rep["eccentric_end_s"]
    assert [rep["bottom_pause_s"] is None for rep in reps] == [False, False, True]
    assert None not in [rep["top_pause_s"] for rep in reps]


def test_a_band_has_times_and_force_but_no_lengths(reps_of):
    reps = reps_of(simulated("banded-hinge"), "banded-hinge")
    assert len(reps) == 3
    for rep in reps:
        assert {key for key in LENGTH_KEYS | PATH_KEYS if rep[key] is not None} == set()
        assert None not in (
            rep["eccentric_s"],
            rep["bottom_pause_s"],
            rep["concentric_s"],
            rep["peak_force_n"],
        )


def test_a_cable_has_a_path_without_a_side_and_no_propulsive_phase(reps_of):
    reps = reps_of(simulated("cable-pull-through"), "cable-pull-through")
    assert len(reps) == 3
    for rep in reps:
        assert rep["path_drift_m"] is rep["mean_propulsive_velocity_mps"] is None
        assert rep["slack_s"] == 0.0
        assert None not in (rep["path_deviation_m"], rep["path_deviation_sigma_m"], rep["mean_power_w"])


def test_one_tether_alone_sees_neither_path_nor_force(analyze):
    whole = simulated("romanian-deadlift")
    tether = {"position_m": whole.recording["position_m"]}
    _, out, _ = analyze(tether, BARBELL, "rdl", "--json")
    (a_set,) = json.loads(out)["sets"]
    assert len(a_set["reps"]) == 3
    for rep in a_set["reps"]:
        assert {key for key in FORCE_KEYS | PATH_KEYS if rep[key] is not None} == set()
        assert None not in (rep["rom_m"], rep["mean_concentric_velocity_mps"])


def test_gzip_and_parquet_give_the_same_analysis(analyze, tmp_path):
    whole = simulated("romanian-deadlift")
    station = station_toml(whole.station)
    plain = analyze(whole.recording, station, "rdl", "--json")
    text = (tmp_path / "rec.csv").read_bytes()
    packed, table = tmp_path / "rec.csv.gz", tmp_path / "rec.parquet"
    packed.write_bytes(gzip.compress(text))
    rows = np.genfromtxt(text.decode().splitlines(), delimiter=",", names=True)
    pq.write_table(
        pa.table({name: pa.array(rows[name], from_pandas=True) for name in rows.dtype.names}), table
    )
    assert analyze(packed, station, "rdl", "--json") == plain
    assert analyze(table, station, "rdl", "--json") == plain


def test_the_table_has_a_row_for_every_rep_and_says_what_was_none(analyze):
    whole = simulated("romanian-deadlift")
    status, out, err = analyze(whole.recording, station_toml(whole.station), "rdl")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "romanian-deadlift at sim-1"
    assert [line for line in lines if re.fullmatch(r"set 1: 3 reps, weighed [0-9.]+ ± [0-9.]+ kg", line)]
    rows = [line.split() for line in lines if line.startswith("    ") and line.split()[0].isdigit()]
    assert [row[0] for row in rows] == ["1", "2", "3"]
    assert rows[2][2].endswith("-·"), "the last rep of a set has no top pause"
    others = [NOT_REP.fullmatch(line) for line in lines[lines.index("not reps:") + 1 :]]
    assert len(others) >= 2
    assert None not in others
    first_s, last_s = float(rows[0][1]), float(rows[2][1])
    assert any(float(other["end_s"]) < first_s for other in others if other), "taking the bar"
    assert any(float(other["start_s"]) > last_s for other in others if other), "putting it back"


def test_a_partial_rep_is_in_the_table_and_not_counted(analyze):
    time_s = np.arange(0.0, 30.0, 0.01)
    phase = np.clip((time_s - 2.0) % 5.0 / 3.0, 0.0, 1.0)  # 3 s down and up, 2 s at the top
    depth = np.select([time_s < 2, time_s < 7, time_s < 12, time_s < 17], [0.0, 0.4, 0.4, 0.2], 0.4)
    depth[time_s > 22.0] = 0.0
    place = 1.0 - depth * 0.5 * (1.0 - np.cos(2.0 * np.pi * phase))
    rows = "".join(f"{t:.2f},{s:.5f}\n" for t, s in zip(time_s, place, strict=True))
    _, out, _ = analyze("time_s,position_m\n" + rows, BARBELL, "rdl")
    assert "set 1: 3 reps" in out
    partial = [line for line in out.splitlines() if "not counted" in line]
    assert len(partial) == 1
    assert partial[0].split()[0] == "3"
    assert "partial: 50 % of the set's median range" in partial[0]


def test_a_recording_without_a_rep_says_so(analyze):
    assert analyze(GOOD, BARBELL, "rdl") == (0, "romanian-deadlift at rack-1\nno reps\n", "")
    _, out, _ = analyze(GOOD, BARBELL, "rdl", "--json")
    assert json.loads(out)["sets"] == []


def test_a_pause_of_ages_costs_nothing(analyze):
    status, out, _ = analyze("time_s,position_m\n0,0.9\n1e300,0.9\n", BARBELL, "rdl")
    assert (status, out) == (0, "romanian-deadlift at rack-1\nno reps\n")


@pytest.mark.parametrize("exercise", ["romanian-deadlift", "banded-hinge"])
def test_a_plot_is_a_picture(analyze, tmp_path, exercise):
    whole = simulated(exercise)
    picture = tmp_path / "set.png"
    status, out, err = analyze(whole.recording, station_toml(whole.station), exercise, "--plot", str(picture))
    assert (status, err) == (0, "")
    assert "set 1: 3 reps" in out
    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert picture.stat().st_size > 20_000


@pytest.mark.parametrize("name", ["none/set.png", "set.txt"])
def test_a_plot_that_cannot_be_written_is_refused(analyze, tmp_path, name):
    whole = simulated("romanian-deadlift")
    station = station_toml(whole.station)
    status, out, err = analyze(whole.recording, station, "rdl", "--plot", str(tmp_path / name))
    assert (status, out) == (1, "")
    assert "the plot cannot be written" in err


def test_a_gyms_own_exercises_lie_beside_the_station_file(analyze, tmp_path):
    (tmp_path / "own").mkdir()
    own = 'name = "drill"\ntitle = "Drill"\nstarts_with = "eccentric"\nload = "none"\nmin_rom_m = 0.1\n'
    (tmp_path / "own" / "drill.toml").write_text(own, encoding="utf-8")
    status, out, _ = analyze(GOOD, 'exercises_dir = "own"\n' + BARBELL, "drill")
    assert (status, out) == (0, "drill at rack-1\nno reps\n")


@pytest.mark.parametrize(
    ("recording", "station", "exercise", "says"),
    [
        ("", BARBELL, "rdl", "rec.csv: empty; the first line names the columns"),
        ("time_s,position_m\n", BARBELL, "rdl", "rec.csv: no samples below the header"),
        (
            "time_s,positon_m\n0,1\n",
            BARBELL,
            "rdl",
            "line 1: unknown column 'positon_m'; did you mean position_m?",
        ),
        ("position_m\n1\n", BARBELL, "rdl", "line 1: column time_s is missing"),
        (
            "time_s,force_n\n0,1\n",
            BARBELL,
            "rdl",
            "a barbell station needs column position_m; the recording has",
        ),
        ("time_s,position_m\n0,\n", BARBELL, "rdl", "needs column position_m, and there is no value in it"),
        (
            GOOD + "0.03,0.9\n",
            BARBELL,
            "rdl",
            "line 5: time_s goes from 0.04 to 0.03; device time rises strictly",
        ),
        (GOOD + "0.04,0.9\n", BARBELL, "rdl", "lines 4 and 5: time_s is 0.04 in both"),
        (GOOD + "0.06,high\n", BARBELL, "rdl", "line 5, column position_m: 'high' is not a number"),
        (GOOD + "0.06\n", BARBELL, "rdl", "line 5 has 1 cell, the header names 2 columns"),
        (GOOD + '0.06,"0.9\n', BARBELL, "rdl", "line 5: a quotation mark is opened and never closed"),
        (
            GOOD,
            BARBELL + "[geometry]\ntravel_ration = 2.0\n",
            "rdl",
            "unknown key geometry.travel_ration; did you",
        ),
        (GOOD, BARBELL.replace('"rack-1"', "1"), "rdl", "station.id: expected `str`, got `int`"),
        (
            GOOD,
            BARBELL.replace("barbell", "barbel"),
            "rdl",
            "station.kind is 'barbel'; did you mean barbell?",
        ),
        (GOOD, "[station", "rdl", "write key = value"),
        (GOOD, 'exercises_dir = "own"\n' + BARBELL, "rdl", "own: no such folder"),
        (
            GOOD,
            BARBELL,
            "romanian-deadlfit",
            "no exercise 'romanian-deadlfit'; did you mean romanian-deadlift?",
        ),
    ],
)
def test_bad_input_is_refused_in_one_line_that_names_it(analyze, recording, station, exercise, says):
    status, out, err = analyze(recording, station, exercise)
    assert (status, out) == (1, "")
    assert err.startswith("plumbline analyze: ")
    assert says in err
    assert err.count("\n") == 1


def test_a_missing_recording_and_a_folder_are_refused(analyze, tmp_path):
    for path, says in ((tmp_path / "none.csv", "No such file"), (tmp_path, "Is a directory")):
        status, _, err = analyze(path, BARBELL, "rdl")
        assert status == 1
        assert f"{path}: cannot be read ({says}" in err


def test_the_installed_command_prints_no_traceback(tmp_path):
    recording, station = tmp_path / "rec.csv", tmp_path / "station.toml"
    recording.write_text(GOOD + "0.06,high\n", encoding="utf-8")
    station.write_text(BARBELL, encoding="utf-8")
    command = [sys.executable, "-m", "station.cli", "analyze", str(recording), "--station", str(station)]
    done = subprocess.run(
        [*command, "--exercise", "rdl"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"plumbline analyze: {recording}: line 5, column position_m: 'high' is not a number; "
        "leave a cell empty where there is no sample\n"
    )


def test_the_table_says_which_rep_is_doubtful():
    rep = msgspec.convert(
        dict.fromkeys(Rep.__struct_fields__)
        | {"number": 1, "counted": True, "start_s": 1.0, "end_s": 3.0, "confidence": 0.31},
        Rep,
    )
    sure = msgspec.structs.replace(rep, number=2, confidence=0.8)
    sets = [AnalysedSet(1, [rep, sure])]
    found = Analysis(station="rack-1", exercise="deadlift", sets=sets, rejected=[])
    said = [line.endswith("? doubtful, 31 % sure") for line in table(found).splitlines()[-2:]]
    assert said == [True, False]


def test_a_stack_s_plate_is_named_where_the_station_file_has_its_plates(analyze):
    whole = simulated("cable-row")
    true_kg = whole.truth["sets"][0]["reps"][0]["load_measured_kg"]
    plates = f"[stack]\nplates_kg = [{true_kg - 5.0}, {true_kg}, {true_kg + 5.0}]\n"
    _, out, _ = analyze(whole.recording, station_toml(whole.station) + plates, "cable-row", "--json")
    (a_set,) = json.loads(out)["sets"]
    assert a_set["load_plate_kg"] == true_kg
    assert a_set["load_measured_kg"] == pytest.approx(true_kg, rel=0.02)
    _, out, _ = analyze(whole.recording, station_toml(whole.station) + plates, "cable-row")
    assert f"kg, the pin at {true_kg:g} kg" in out
