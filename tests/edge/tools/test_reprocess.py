"""An archive counted again: what comes out, twice, with bad files, and on whatever works on it."""

import os
import signal
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pytest

from edge.tools import reprocess
from station.cli import main

STATION = '[station]\nid = "rack-1"\nkind = "barbell"\n[geometry]\nlpt_anchor_m = [0.0, 0.0]\n'


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Three recordings, one of them deeper in."""
    folder = tmp_path / "archive"
    (folder / "deeper").mkdir(parents=True)
    for name, reps in (("one.csv", 2), ("deeper/two.csv", 3), ("three.csv", 2)):
        asked = ["simulate", "--exercise", "rdl", "--reps", str(reps), "--seed", str(reps)]
        assert main([*asked, "--out", str(folder / name)]) == 0
    (tmp_path / "rack.toml").write_text(STATION)
    return folder


def run(archive: Path, out: str, *more: str) -> int:
    station = archive.parent / "rack.toml"
    return main(
        ["reprocess", str(archive), "--station", str(station), "--exercise", "rdl", "--out",
         str(archive.parent / out), *more]
    )  # fmt: skip


def files(archive: Path, out: str) -> dict[str, bytes]:
    folder = archive.parent / out
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.parquet")}


def test_one_process_and_two_write_the_same_bytes_and_a_second_run_nothing(
    archive: Path, capsys: Any
) -> None:
    assert run(archive, "one", "--workers", "1") == 0
    assert run(archive, "two", "--workers", "2") == 0
    assert files(archive, "one") == files(archive, "two") and len(files(archive, "one")) == 3
    rows = ds.dataset(archive.parent / "one", format="parquet", partitioning="hive").to_table().to_pylist()
    assert {(row["recording"], row["exercise"]) for row in rows} == {
        (name, "romanian-deadlift") for name in ("one.csv", "three.csv", "deeper/two.csv")
    }
    assert sum(row["counted"] for row in rows) == 7
    capsys.readouterr()
    assert run(archive, "one") == 0
    assert "0 reps written, 3 done before" in capsys.readouterr().out


def test_a_bad_recording_is_named_and_stops_none(archive: Path, capsys: Any) -> None:
    (archive / "bad.csv").write_text("time_s,position_m\n1,x\n")
    assert run(archive, "out", "--workers", "2") == 1
    said = capsys.readouterr()
    assert said.err.startswith("bad.csv: ") and said.err.count("\n") == 1
    assert "1 not usable" in said.out and len(files(archive, "out")) == 3


def test_what_an_earlier_run_counted_otherwise_is_told(archive: Path, capsys: Any) -> None:
    assert run(archive, "out") == 0
    capsys.readouterr()
    assert run(archive, "again", "--against", str(archive.parent / "out")) == 0
    assert "0 differences" in capsys.readouterr().out
    row = {"recording": "r", "counted": True, "concentric_end_s": 4.0, "end_s": 4.0, "rom_m": 0.5}
    row |= {"mean_concentric_velocity_mps": 0.4}
    told = reprocess.differences([row, row | {"concentric_end_s": 9.0}], [row | {"counted": False}])
    assert told == ["r at 4.00 s: counts no more", "r at 9.00 s: no rep any more"]


def killed_once(job: reprocess.Job) -> reprocess.Outcome:
    """A worker that the kernel kills, at one recording for ever and at another once."""
    mark = Path(job.out).parent / "killed"
    if job.name == "one.csv" or (job.name == "three.csv" and not mark.exists()):
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return WORK(job)


WORK = reprocess.work


def test_a_worker_that_is_killed_takes_no_other_recording_with_it(
    archive: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reprocess, "work", killed_once)
    assert ProcessPoolExecutor is reprocess.ProcessPoolExecutor
    assert run(archive, "out", "--workers", "2") == 1
    said = capsys.readouterr()
    assert "one.csv: ended its worker" in said.err and len(files(archive, "out")) == 2


@pytest.mark.long
def test_a_cluster_writes_the_same_bytes(archive: Path) -> None:
    distributed = pytest.importorskip("distributed")
    assert run(archive, "pool") == 0
    with distributed.LocalCluster(n_workers=2, processes=True, dashboard_address=None) as cluster:
        assert run(archive, "cluster", "--scheduler", cluster.scheduler_address) == 0
    assert files(archive, "cluster") == files(archive, "pool")


@pytest.mark.long
def test_a_scheduler_that_is_not_there_is_said_in_a_line(archive: Path, capsys: Any) -> None:
    pytest.importorskip("distributed")
    capsys.readouterr()
    assert run(archive, "out", "--scheduler", "tcp://127.0.0.1:1") == 1
    assert capsys.readouterr().err.count("\n") == 1
