"""An archive counted again: what comes out, twice, with bad files, and on whatever works on it."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pytest

from edge.tools import reprocess
from station.cli import main
from tests.ports import free_port

ROOT = Path(__file__).parents[3]
LONG_S = 240.0  # at most, for what takes seconds, beside much else
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


def asked(archive: Path, out: str) -> list[str]:
    station, folder = archive.parent / "rack.toml", archive.parent / out
    return [str(archive), "--station", str(station), "--exercise", "rdl", "--out", str(folder)]


def run(archive: Path, out: str, *more: str) -> int:
    return main(["reprocess", *asked(archive, out), *more])


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


def test_a_recording_whose_name_is_no_text_stops_none(archive: Path, capsys: Any) -> None:
    """A name from an old disk: Latin-1 where UTF-8 is spoken."""
    (archive / "one.csv").rename(archive / "\udce9.csv")
    assert run(archive, "out", "--workers", "2") == 1
    said = capsys.readouterr()
    assert "no text" in said.err and said.err.count("\n") == 1
    assert "1 not usable" in said.out and len(files(archive, "out")) == 2


def test_what_an_earlier_run_counted_otherwise_is_told(archive: Path, capsys: Any) -> None:
    assert run(archive, "out") == 0
    capsys.readouterr()
    assert run(archive, "again", "--against", str(archive.parent / "out")) == 0
    assert "0 differences" in capsys.readouterr().out
    row = {"number": 1, "counted": True, "concentric_end_s": 4.0, "end_s": 4.0, "rom_m": 0.5}
    row |= {"mean_concentric_velocity_mps": 0.4}
    told = reprocess.differences(
        {"r": [row, row | {"concentric_end_s": 9.0}], "all": [row]},
        {"r": [row | {"counted": False}], "all": []},
    )
    assert told == [
        "all at 4.00 s: no rep any more",
        "r at 4.00 s: counts no more",
        "r at 9.00 s: no rep any more",
    ]


# The command, with a worker that is killed at one recording for ever and at another once.
KILLED_ONCE = """
import os, signal, sys
from pathlib import Path
from edge.tools import reprocess

WORK = reprocess.work

def killed_once(job):
    mark = Path(job.out).parent / "killed"
    if job.name == "one.csv" or (job.name == "three.csv" and not mark.exists()):
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return WORK(job)

if __name__ == "__main__":
    reprocess.work = killed_once
    sys.exit(reprocess.reprocess(sys.argv[1:]))
"""


def test_a_worker_that_is_killed_takes_no_other_recording_with_it(archive: Path) -> None:
    script = archive.parent / "killed_once.py"
    script.write_text(KILLED_ONCE)
    done = subprocess.run(
        [sys.executable, str(script), *asked(archive, "out"), "--workers", "2"],
        env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done
    assert "one.csv: ended its worker" in done.stderr and len(files(archive, "out")) == 2


def test_a_process_with_threads_is_not_forked(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("forked beside the threads of a pool"))
    assert run(archive, "out", "--workers", "2") == 0


def test_the_workers_end_with_the_command_however_it_ends(archive: Path, until: Callable[..., None]) -> None:
    copies(archive, 20)
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "station.cli", "reprocess", *asked(archive, "out"), "--workers", "2"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert child.stdout is not None
    until(lambda: len(files(archive, "out")) >= 3, LONG_S)
    child.kill()
    child.stdout.read()  # comes back when the last that could write there has ended
    child.wait(LONG_S)


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


class Cluster:
    """A scheduler and two workers, each a process of its own that can be killed."""

    def __init__(self, folder: Path) -> None:
        self.address = f"tcp://127.0.0.1:{free_port()}"
        self._folder = folder
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str) -> None:
        """Start `scheduler` or a worker."""
        port = self.address.rpartition(":")[2]
        given = ["--host", "127.0.0.1", "--port", port, "--no-dashboard"]
        if name != "scheduler":
            given = [self.address, "--nthreads", "1", "--no-dashboard", "--no-nanny", "--name", name]
        kind = "scheduler" if name == "scheduler" else "worker"
        with (self._folder / "cluster.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", "distributed.cli.dask_" + kind, *given],
                stdout=log, stderr=log, cwd=self._folder, env=os.environ | {"PYTHONPATH": str(ROOT)},
            )  # fmt: skip

    def ready(self) -> None:
        """Wait until both workers are at the scheduler; each imports for a long time on a busy machine."""
        distributed = pytest.importorskip("distributed")
        with distributed.Client(self.address, timeout=LONG_S, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=LONG_S)

    def kill(self, name: str) -> None:
        """SIGKILL."""
        self.running[name].kill()
        self.running.pop(name).wait()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Running; what is left of it ends with the test."""
    pytest.importorskip("distributed")
    found = Cluster(tmp_path)
    try:
        for name in ("scheduler", "one", "two"):
            found.start(name)
        found.ready()
        yield found
    finally:
        for name in list(found.running):
            found.kill(name)


def copies(archive: Path, count: int) -> None:
    """More recordings, so that something is left to be done in the middle."""
    for number in range(count):
        (archive / f"more-{number}.csv").write_bytes((archive / "deeper/two.csv").read_bytes())


@pytest.mark.long
@pytest.mark.timeout(5 * LONG_S)
@pytest.mark.parametrize("victim", ["one", "scheduler"])
def test_what_is_killed_in_the_middle_is_gone_on_with_and_nothing_is_done_twice(
    archive: Path, cluster: Cluster, victim: str, until: Callable[..., None], capsys: Any
) -> None:
    copies(archive, 60)
    out = archive.parent / "cluster"
    status: list[int] = []
    told = threading.Thread(
        target=lambda: status.append(run(archive, "cluster", "--scheduler", cluster.address)), daemon=True
    )
    told.start()
    until(lambda: len(list(out.rglob("*.parquet"))) >= 5 or status, LONG_S)
    cluster.kill(victim)
    in_the_middle = {path: path.stat().st_mtime_ns for path in out.rglob("*.parquet")}
    assert 5 <= len(in_the_middle) < 63
    until(lambda: not told.is_alive(), LONG_S)
    said = capsys.readouterr()
    if victim == "scheduler":
        assert status == [1] and "what is done is kept" in said.err and said.err.count("\n") == 1
        for name in [*cluster.running, "scheduler", "one", "two"]:
            if name in cluster.running:
                cluster.kill(name)
        for name in ("scheduler", "one", "two"):
            cluster.start(name)
        cluster.ready()
        status.clear()
        status.append(run(archive, "cluster", "--scheduler", cluster.address))
    assert status == [0]
    assert all(path.stat().st_mtime_ns == at for path, at in in_the_middle.items())
    assert run(archive, "pool") == 0
    assert files(archive, "cluster") == files(archive, "pool")
    rows = ds.dataset(out, format="parquet").to_table(["recording", "concentric_end_s"]).to_pylist()
    assert len({tuple(row.values()) for row in rows}) == len(rows) == 7 + 3 * 60


@pytest.mark.timeout(2 * LONG_S)
def test_a_run_that_is_killed_goes_on_where_it_was(archive: Path, until: Callable[..., None]) -> None:
    copies(archive, 20)
    out = archive.parent / "out"
    child = subprocess.Popen(
        [sys.executable, "-P", "-m", "station.cli", "reprocess", *asked(archive, "out"), "--workers", "2"],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    until(lambda: len(list(out.rglob("*.parquet"))) >= 3, LONG_S)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait(LONG_S)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.parquet")}
    assert run(archive, "out") == 0
    assert all(path.stat().st_mtime_ns == at for path, at in before.items())
    assert run(archive, "whole") == 0
    assert files(archive, "out") == files(archive, "whole")
