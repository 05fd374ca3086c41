"""`plumbline reprocess`: an archive of recordings through today's kernels, on all cores or on a Dask cluster.

    recording -> pipeline -> OUT/exercise=NAME/station=ID/KEY.parquet, a row per rep

KEY is of the recording's bytes, the settings and this release, so what is there is not done again, wherever
it was done; each file is written whole or not at all. The bytes do not depend on who works on them.
"""

import hashlib
import os
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import NamedTuple

import msgspec

from edge.counting.pipeline import StationPipeline
from edge.link.capture import Capture, is_capture
from edge.link.recording import read_recording
from edge.tools.analysis import RepBook, analyse, check_channels
from edge.tools.dispute_replay import SAME_REP_S, TOLERANCE, driver_of
from edge.tools.stored_reps import Place, Row, place, stored, within
from station.config import StationFile, load_station
from station.errors import ConfigError, PlumblineError, RecordingError
from station.exercises import Profile, load_profile, own_exercises
from station.program.distribution import install_with, release
from station.program.process import whole_file
from station.program.usage import command_parser
from station.records import Analysis, Rep, plain_types

SUFFIXES = (".csv", ".csv.gz", ".parquet", ".plc")
ATTEMPTS = 3  # a recording that ends its worker so often is put down as bad
SHOWN = 200  # rows of the table of differences
SAME = 1e-9  # between two runs over one recording
COMPARED = ("number", "rom_m", "mean_concentric_velocity_mps")
COLUMNS = ("counted", "start_s", "end_s", "concentric_end_s", *COMPARED)

EPILOG = """\
examples:
  plumbline reprocess archive/ --station rack.toml --exercise rdl --out reps/
  plumbline reprocess archive/ --station rack.toml --exercise rdl --out reps-new/ --against reps/
  plumbline reprocess disputes/ --station rack.toml --exercise rdl --out reps/ --against history.db
  plumbline reprocess disputes/ --station rack.toml --exercise rdl --out reps/ --site gym-a \\
      --against postgresql://ana@db.example/chain       password: PGPASSWORD or ~/.pgpass
  plumbline reprocess /shared/archive --station /shared/rack.toml --exercise rdl --out /shared/reps \\
      --scheduler tcp://scheduler.example:8786        all of them see the same paths
"""


class Job(NamedTuple):
    """One recording: a name in the archive, and how it is to be counted."""

    path: str
    name: str
    station: StationFile
    profile: Profile
    out: str


class JobResult(NamedTuple):
    """What came of a recording."""

    name: str
    reps: int
    problem: str | None
    there: bool = False  # it had been done before


def work(job: Job) -> JobResult:
    """Count one recording and write its reps; on whatever machine."""
    try:
        target = _target(job)
        if target.exists():
            return JobResult(job.name, 0, None, there=True)
        analysis = _counted(Path(job.path), job.station, job.profile)
        target.parent.mkdir(parents=True, exist_ok=True)
        return JobResult(job.name, _write(target, job.name, analysis), None)
    except UnicodeEncodeError:
        return JobResult(job.name, 0, "its name is no text, and a row of the table names it; rename it")
    except (PlumblineError, OSError) as error:
        return JobResult(job.name, 0, str(error))


def _target(job: Job) -> Path:
    settings = msgspec.json.encode((release(), job.name, job.station, job.profile))
    found = hashlib.sha256(settings)
    with Path(job.path).open("rb") as file:
        found.update(hashlib.file_digest(file, "sha256").digest())
    folder = Path(job.out) / f"exercise={job.profile.name}" / f"station={job.station.station.id}"
    return folder / f"{found.hexdigest()[:32]}.parquet"


def _counted(path: Path, station: StationFile, profile: Profile) -> Analysis:
    if not is_capture(path):
        recording = read_recording(path)
        check_channels(recording, station, path)
        return analyse(recording, station, profile)
    capture = Capture(path)
    driver, book = driver_of(capture, station), RepBook()
    pipeline = StationPipeline(station, profile, live_s=0.0)
    for received in capture:
        samples = driver.feed(received.data, received.received_s)
        if samples:
            book.take(pipeline.feed(samples))
    book.take(pipeline.finish())
    return book.analysis(station.station.id, profile.name)


def _write(target: Path, name: str, analysis: Analysis) -> int:
    """A row per rep, rejected movements left out. Raises ConfigError without pyarrow."""
    try:
        import pyarrow as pa  # noqa: PLC0415  an extra
        import pyarrow.parquet as pq  # noqa: PLC0415
    except ImportError:
        raise ConfigError(f"reprocess needs pyarrow; {install_with('parquet')}") from None
    rows = [
        {"recording": name, "set_number": a_set.number} | msgspec.structs.asdict(rep)
        for a_set in analysis.sets
        for rep in a_set.reps
    ]
    for row in rows:
        row["curve"] = None if row["curve"] is None else msgspec.json.encode(row["curve"]).decode()
        row["reason_code"] = None if row["reason_code"] is None else str(row["reason_code"])
    types = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}
    fields = [("recording", pa.string()), ("set_number", pa.int64())]
    fields += [(name, types[kind]) for name, kind in plain_types(Rep).items()]
    with whole_file(target) as draft:
        pq.write_table(pa.Table.from_pylist(rows, schema=pa.schema(fields)), draft, compression="zstd")
    return len(rows)


def on_pool(jobs: Sequence[Job], workers: int) -> Iterator[JobResult]:
    """Outcomes as they come, from processes of this machine; one that dies takes no other with it."""
    # Forked from one that has loaded this and runs nothing: a fork of a process with threads may hang.
    context = get_context("forkserver")
    context.set_forkserver_preload([__name__])
    left, tried = dict(enumerate(jobs)), dict.fromkeys(range(len(jobs)), 0)
    while left:
        alone = any(tried[number] for number in left)  # after a death: one at a time shows whose it was
        with ProcessPoolExecutor(1 if alone else workers, context, _end_with_us) as pool:
            some = [min(left, key=lambda number: -tried[number])] if alone else list(left)
            asked = {pool.submit(work, left[number]): number for number in some}
            for future in as_completed(asked):
                number = asked[future]
                try:
                    yield future.result()
                    del left[number]
                except BrokenProcessPool:
                    tried[number] += 1
                    if alone and tried[number] >= ATTEMPTS:
                        yield JobResult(left.pop(number).name, 0, "ended its worker each time it was tried")


def _end_with_us() -> None:
    """In a worker: end when whoever asked for it has ended, be it by kill -9; nobody else would tell."""
    parent = parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def on_cluster(jobs: Sequence[Job], address: str) -> Iterator[JobResult]:
    """The same on a Dask cluster. Raises ConfigError where it cannot be reached or is lost."""
    try:
        from distributed import Client, as_completed  # noqa: PLC0415  an extra
    except ImportError:
        raise ConfigError(f"--scheduler needs Dask; {install_with('chain')}") from None
    done: set[str] = set()
    gone = f"{address}: the scheduler is gone; begin again, what is done is kept"
    reached = False
    try:
        with Client(address, timeout="10s") as client:  # type: ignore[no-untyped-call]
            reached = True
            futures = client.map(work, jobs, pure=False, retries=ATTEMPTS)
            names = {future.key: job.name for future, job in zip(futures, jobs, strict=True)}
            for future in as_completed(futures):  # type: ignore[no-untyped-call]
                if future.status == "lost" or future.cancelled():
                    raise ConfigError(gone)
                problem = future.exception()
                yield (
                    future.result()
                    if problem is None
                    else JobResult(names[future.key], 0, str(problem)[:200])
                )
                done.add(names[future.key])
    except (OSError, TimeoutError, ValueError) as error:
        if reached:
            raise ConfigError(gone) from error
        said = str(error).partition("\n")[0] or "does not answer"
        raise ConfigError(f"--scheduler {address}: {said[:200]}; is it running?") from error
    if len(done) < len(jobs):
        raise ConfigError(gone)


def differences(
    before: Mapping[str, Sequence[Row]], now: Mapping[str, Sequence[Row]], same: float = SAME
) -> list[str]:
    """What the newer kernels count otherwise, a line each, by recording and time of lockout.

    same: by how much a number may differ, as a share of one above 1.
    """
    lines = []
    for name in sorted(before.keys() & now.keys()):
        free = sorted(before[name], key=_lockout_s)
        for row in sorted(now[name], key=_lockout_s):
            match = min(free, key=lambda one: abs(_lockout_s(one) - _lockout_s(row)), default=None)
            at = f"{name} at {_lockout_s(row):.2f} s"
            if match is None or abs(_lockout_s(match) - _lockout_s(row)) > SAME_REP_S:
                if not row.get("cut"):
                    lines.append(f"{at}: a rep that was none")
                continue
            free.remove(match)
            if match.get("cut") or row.get("cut"):
                continue
            if match["counted"] not in (None, row["counted"]):
                lines.append(f"{at}: {'counts now' if row['counted'] else 'counts no more'}")
            for field in COMPARED:
                a, b = match[field], row[field]
                if field == "number" and None in (a, b):
                    continue
                if (a is None) != (b is None) or (a is not None and abs(a - b) > same * max(1.0, abs(a))):
                    lines.append(f"{at}: {field} {a} was, {b} is")
        gone = [one for one in free if not (one.get("cut") or one.get("by_person"))]
        lines += [f"{name} at {_lockout_s(one):.2f} s: no rep any more" for one in gone]
    return lines


def _lockout_s(row: Row) -> float:
    found: float = row["concentric_end_s"] if row["concentric_end_s"] is not None else row["end_s"]
    return found


def _rows(where: Path) -> dict[str, list[Row]]:
    """By recording, the reps of an earlier run's folder, or of one of its files."""
    import pyarrow.dataset as ds  # noqa: PLC0415  an extra

    try:
        table = ds.dataset(where, format="parquet").to_table(["recording", *COLUMNS])
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(f"{where}: not the reps of an earlier `plumbline reprocess` ({error})") from error
    found: dict[str, list[Row]] = {}
    for row in table.to_pylist():
        found.setdefault(row["recording"], []).append(row)
    return found


def reprocess(argv: Sequence[str]) -> int:
    """`plumbline reprocess`; 1 where a recording could not be used."""
    parser = command_parser(
        "reprocess", "Count an archive of recordings again, with the kernels of this release.", EPILOG
    )
    parser.add_argument("recordings", nargs="+", type=Path, metavar="FILE|DIR")
    parser.add_argument("--station", type=Path, required=True, metavar="STATION.toml")
    parser.add_argument("--exercise", required=True, metavar="NAME")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="Parquet, a file per recording"
    )
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count() or 1, metavar="N", help="default: a core each"
    )
    parser.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster, instead of this machine")
    parser.add_argument(
        "--against",
        metavar="DIR|PATH|URL",
        help="print what differs from an earlier DIR, or from the reps that a history holds of the"
        " recordings: a file or postgresql://…, a chain's too",
    )
    parser.add_argument("--site", metavar="ID", help="of the stations, where that history is of several")
    args = parser.parse_args(argv)
    if args.workers < 1:
        raise ConfigError(f"--workers is {args.workers}; give 1 or more")
    station = load_station(args.station)
    profile = load_profile(args.exercise, own_exercises(args.station, station))
    out = args.out.absolute()
    jobs = [Job(str(path), name, station, profile, str(out)) for path, name in _found(args.recordings)]
    baseline = None if args.against is None else _baseline(jobs, args.against, args.site)
    outcomes = on_cluster(jobs, args.scheduler) if args.scheduler else on_pool(jobs, args.workers)
    bad = _reported(outcomes, len(jobs))
    if baseline is not None:
        _print_differences(jobs, baseline)
    return 1 if bad else 0


def _reported(outcomes: Iterator[JobResult], count: int) -> int:
    """Print what comes; returns how many could not be used."""
    bad = reps = there = 0
    live = sys.stderr.isatty()
    for number, one in enumerate(outcomes, 1):
        reps, there = reps + one.reps, there + one.there
        if one.problem is not None:
            bad += 1
            print(f"{one.name}: {one.problem}", file=sys.stderr, flush=True)
        if live:
            print(f"\r{number} of {count}", end="" if number < count else "\n", file=sys.stderr, flush=True)
    print(f"{count} recordings: {reps} reps written, {there} done before, {bad} not usable")
    return bad


class Baseline(NamedTuple):
    """What a run is compared with: earlier reps of each recording, and which are not compared and why."""

    name: str
    reps: dict[str, list[Row]]
    same: float = SAME
    places: dict[str, Place] = {}  # noqa: RUF012  nobody writes to it
    apart: dict[str, str] = {}  # noqa: RUF012


def _baseline(jobs: Sequence[Job], where: str, site: str | None) -> Baseline:
    """Read before anything is counted: that it cannot be read is said at once."""
    if Path(where).is_dir():
        return Baseline(where, _rows(Path(where)))
    if "://" not in where and not Path(where).exists():
        raise ConfigError(f"--against {where}: no such folder or file; give an earlier --out, or a history")
    found: dict[str, Place | str] = {}
    for job in jobs:
        again = "several recordings are called so; give the folder above them"
        found[job.name] = again if job.name in found else place(Path(job.path), job.station)
    places = {name: one for name, one in found.items() if isinstance(one, Place)}
    reps = stored(places, where, site, jobs[0].profile.name, COLUMNS)
    apart = {name: one for name, one in (found | reps).items() if isinstance(one, str)}
    kept = {name: one for name, one in reps.items() if not isinstance(one, str)}
    return Baseline("the history", kept, TOLERANCE, places, apart)


def _print_differences(jobs: Sequence[Job], baseline: Baseline) -> None:
    now: dict[str, list[Row]] = {}
    for job in jobs:
        with suppress(OSError):  # it was named as not usable
            if (target := _target(job)).exists():
                rows = _rows(target).get(job.name, [])
                at = baseline.places.get(job.name)
                now.setdefault(job.name, []).extend(rows if at is None else within(at, rows))
    for name, why in sorted(baseline.apart.items()):
        print(f"{name}: not compared: {why}")
    lines = differences(baseline.reps, now, baseline.same)
    print(*lines[:SHOWN], sep="\n", end="\n" if lines else "")
    compared = len(baseline.reps.keys() & now.keys())
    more = f", {SHOWN} shown" if len(lines) > SHOWN else ""
    print(f"{len(lines)} differences from {baseline.name} in {compared} recordings{more}")


def _found(given: Sequence[Path]) -> list[tuple[Path, str]]:
    """Every recording, and its name within what was given. Raises RecordingError for none."""
    found: dict[Path, str] = {}
    for one in given:
        if one.is_dir():
            inside = sorted(path for path in one.rglob("*") if path.name.endswith(SUFFIXES))
            found |= {path.absolute(): str(path.relative_to(one)) for path in inside}
        elif one.exists():
            found[one.absolute()] = one.name
        else:
            raise RecordingError(f"{one}: no such file; give recordings, captures or folders of them")
    if not found:
        raise RecordingError(f"{given[0]}: holds no recording; looked for {', '.join(SUFFIXES)}")
    return sorted(found.items())
