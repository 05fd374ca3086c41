"""`plumbline reprocess` with one worker and with two, in turn in one run; and what does not share out."""

import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from multiprocessing import get_context
from pathlib import Path

from edge.tools.reprocess import Job, on_pool, work
from station.cli import main
from station.config import StationFile, load_station
from station.exercises import Profile, load_profile

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
    ratios, machine, shares, took = [], [], [], []
    for turn in range(ROUNDS):
        seconds, without = {}, {}
        for workers in (1, 2):
            jobs = _jobs(folder, f"out-{turn}-{workers}", station, profile)
            own_s, began_s = time.process_time(), time.perf_counter()
            bad = [one for one in on_pool(jobs, workers) if one.problem is not None]
            seconds[workers] = time.perf_counter() - began_s
            assert not bad, bad
            own_s, theirs_s = time.process_time() - own_s, _of_children_s()
            without[workers] = _without_pool(
                _jobs(folder, f"plain-{turn}-{workers}", station, profile), workers
            )
            theirs_s = _of_children_s() - theirs_s  # a pool's are no children of ours; their work is the same
            shares.append(own_s / (own_s + theirs_s))
        ratios.append(seconds[1] / seconds[2])
        machine.append(without[1] / without[2])
        took.append(seconds[1])
    yield (
        f"reprocess: {RECORDINGS} recordings of {REPS} reps, one worker {statistics.median(took):.1f} s;"
        f" two are {statistics.median(ratios):.2f} times as fast (median of {ROUNDS} pairs)"
    )
    yield (
        f"       {statistics.median(machine):.2f} times are two processes without a pool, half of it each;"
        f" {100 * max(shares):.1f} % of the processor is the one that hands the work out"
    )


def _jobs(folder: Path, out: str, station: StationFile, profile: Profile) -> list[Job]:
    return [
        Job(str(path), path.name, station, profile, str(folder / out))
        for path in sorted(folder.glob("*.csv"))
    ]


def _without_pool(jobs: list[Job], processes: int) -> float:
    """What the machine itself gives: seconds until as many processes have each done their share."""
    began_s = time.perf_counter()
    context = get_context("fork")
    some = [context.Process(target=_all_of, args=(jobs[n::processes],)) for n in range(processes)]
    for one in some:
        one.start()
    for one in some:
        one.join()
    return time.perf_counter() - began_s


def _all_of(jobs: list[Job]) -> None:
    for job in jobs:
        work(job)


def _of_children_s() -> float:
    """The processor's time of children that have ended, s."""
    theirs = resource.getrusage(resource.RUSAGE_CHILDREN)
    return theirs.ru_utime + theirs.ru_stime
