"""`plumbline reprocess` with one worker and with two, in turn in one run; and what does not share out."""

import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

from edge.tools.reprocess import Job, on_pool
from station.cli import main
from station.config import load_station
from station.exercises import load_profile

RECORDINGS = 24
REPS = 60  # in each, some eight minutes at 1000 samples a second
ROUNDS = 3
STATION = '[station]\nid = "rack-1"\nkind = "barbell"\n[geometry]\nlpt_anchor_m = [0.0, 0.0]\n'


def run() -> Iterator[str]:
    """The lines of the table."""
    folder = Path(tempfile.mkdtemp(prefix="plumbline-reprocess-"))
    try:
        yield from _measured(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _measured(folder: Path) -> Iterator[str]:
    (folder / "rack.toml").write_text(STATION, encoding="utf-8")
    first = folder / "0.csv"
    with redirect_stdout(StringIO()):
        main(["simulate", "--exercise", "rdl", "--reps", str(REPS), "--seed", "1", "--out", str(first)])
    for number in range(1, RECORDINGS):
        shutil.copyfile(first, folder / f"{number}.csv")
    station, profile = load_station(folder / "rack.toml"), load_profile("rdl", None)
    ratios, shares, took = [], [], []
    for turn in range(ROUNDS):
        seconds = {}
        for workers in (1, 2):
            out = str(folder / f"out-{turn}-{workers}")
            jobs = [Job(str(path), path.name, station, profile, out) for path in sorted(folder.glob("*.csv"))]
            own_s, theirs_s = _cpu_s()
            began_s = time.perf_counter()
            bad = [one for one in on_pool(jobs, workers) if one.problem is not None]
            seconds[workers] = time.perf_counter() - began_s
            assert not bad, bad
            own_s, theirs_s = (now - then for now, then in zip(_cpu_s(), (own_s, theirs_s), strict=True))
            shares.append(own_s / (own_s + theirs_s))
        ratios.append(seconds[1] / seconds[2])
        took.append(seconds[1])
    yield (
        f"reprocess: {RECORDINGS} recordings of {REPS} reps, one worker {statistics.median(took):.1f} s;"
        f" two are {statistics.median(ratios):.2f} times as fast (median of {ROUNDS} pairs)"
    )
    yield f"       {100 * max(shares):.1f} % of the processor is the one process that hands the work out"


def _cpu_s() -> tuple[float, float]:
    """The processor's time of this process and of its children that have ended, s."""
    own, theirs = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime, theirs.ru_utime + theirs.ru_stime
