"""`plumbline analyze`: a recording through the same pipeline and kernels as a live station."""

import sys
from collections.abc import Callable, Iterable, Sequence
from math import ceil, floor
from pathlib import Path
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.counting.pipeline import Event, StationPipeline
from edge.counting.signal import MOTION_CHANNEL
from edge.link.drivers import Samples
from edge.link.recording import Recording, read_recording
from station.config import StationFile, load_station
from station.errors import RecordingError
from station.exercises import Profile, load_profile, own_exercises
from station.exercises.judge import is_doubtful
from station.exercises.surety import is_rough
from station.program.usage import command_parser
from station.records import BOUNDARIES, AnalysedSet, Analysis, Rejected, Rep, RepEvent
from station.text.output import print_data
from station.weighing import nearest_plate, of_set

Floats = NDArray[np.float64]

BLOCK_S = 10.0
LONG_S = 600.0  # a recording that is worth a progress line

_Record = TypeVar("_Record", Rep, Rejected)

EPILOG = """\
examples:
  plumbline analyze rec.csv --station rack.toml --exercise rdl
  plumbline analyze rec.csv.gz --station rack.toml --exercise back-squat --json
  plumbline analyze rec.csv --station rack.toml --exercise rdl --plot set.png
"""


def analyse(
    recording: Recording,
    station: StationFile,
    profile: Profile,
    *,
    progress: Callable[[float], None] | None = None,
    keep_trace: list[Floats] | None = None,
) -> Analysis:
    """The sets, reps and rejected movements of a recording.

    `progress` is called with the share done; `keep_trace` collects the grid (time, place, x, force).
    """
    # The kernels' clock begins at 0; by whole seconds, so that nothing but the zero is another.
    early_s = min(0.0, floor(recording.time_s[0]))
    recording = Recording(recording.time_s - early_s, recording.columns)
    pipeline = StationPipeline(station, profile, live_s=0.0)
    book = RepBook(early_s, station.stack.plates_kg if station.stack else ())
    seen_s = float(recording.time_s[0])
    for block in recording.samples(BLOCK_S):
        book.take(pipeline.feed(block))
        if keep_trace is not None:
            piece = pipeline.counter.trace(seen_s)
            if piece.shape[1]:
                seen_s = float(piece[0, -1]) + 0.0075  # into the next grid sample
                piece[0] += early_s
                keep_trace.append(piece)
        if progress is not None:
            progress((_last_time(block) - recording.time_s[0]) / max(recording.duration_s, 1e-9))
    book.take(pipeline.finish())
    return msgspec.structs.replace(book.analysis(station.station.id, profile.name), signal=pipeline.signal)


class RepBook:
    """The newest revision of every rep, in order.

    early_s: added to all times; plates_kg: of the station's stack.
    """

    def __init__(self, early_s: float = 0.0, plates_kg: Sequence[float] = ()) -> None:
        self._early_s = early_s
        self._plates_kg = plates_kg
        self._reps: dict[str, RepEvent] = {}
        self._rejected: list[Rejected] = []

    def take(self, events: Iterable[Event]) -> None:
        for event in events:
            if isinstance(event, RepEvent):
                self._reps[event.event_id] = event
            elif isinstance(event, Rejected):
                self._rejected.append(event)

    def analysis(self, station: str, exercise: str) -> Analysis:
        sets: dict[int, list[Rep]] = {}
        for event in self._reps.values():
            if event.state != "rejected":
                sets.setdefault(event.set_number, []).append(_later(event.rep, self._early_s))
        return Analysis(
            station=station,
            exercise=exercise,
            sets=[
                _weighed(number, reps, self._plates_kg)
                for number, (_, reps) in enumerate(sorted(sets.items()), 1)
            ],
            rejected=[
                _later(one, self._early_s) for one in sorted(self._rejected, key=lambda one: one.start_s)
            ],
        )


def _weighed(number: int, reps: list[Rep], plates_kg: Sequence[float]) -> AnalysedSet:
    weighed = of_set(reps)
    if weighed is None:
        return AnalysedSet(number, reps)
    plate = nearest_plate(weighed.kg, plates_kg) if plates_kg else None
    return AnalysedSet(number, reps, weighed.kg, weighed.sigma_kg, plate)


def _later(record: _Record, by_s: float) -> _Record:
    """A rep or a movement with its times moved."""
    if not by_s:
        return record
    moved = {
        name: at_s + by_s
        for name in record.__struct_fields__
        if name in BOUNDARIES and (at_s := getattr(record, name)) is not None
    }
    if isinstance(record, Rep) and record.curve is not None:
        curve = msgspec.structs.replace(record.curve, start_s=record.curve.start_s + by_s)
        return msgspec.structs.replace(record, **moved, curve=curve)
    return msgspec.structs.replace(record, **moved)


def check_channels(recording: Recording, station: StationFile, path: Path) -> None:
    """Raise RecordingError where the recording lacks the channel that carries the station's motion."""
    kind = station.station.kind
    needed = MOTION_CHANNEL[kind]
    if needed not in recording.columns:
        raise RecordingError(
            f"{path}: a {kind} station needs column {needed};"
            f" the recording has {', '.join(recording.columns)}"
        )
    if np.isnan(recording.columns[needed]).all():
        raise RecordingError(
            f"{path}: a {kind} station needs column {needed}, and there is no value in it;"
            " was the sensor plugged in?"
        )


def table(analysis: Analysis) -> str:
    """The analysis as a text table."""
    lines = [f"{analysis.exercise} at {analysis.station}"]
    for a_set in analysis.sets:
        counted = sum(rep.counted for rep in a_set.reps)
        lines += [
            "",
            f"set {a_set.number}: {counted} rep{'s' if counted != 1 else ''}{_load(a_set)}",
            "  rep   start   tempo e-b-c-t             ROM ±        MCV ±        PCV ±   loss   path",
            "            s   s                             m          m/s          m/s      %     mm",
        ]
        lines += [_row(rep) for rep in a_set.reps]
    if not analysis.sets:
        lines.append("no reps")
    if analysis.signal is not None and not analysis.signal.fit:
        lines += ["", f"signal unfit for velocities and boundaries: {analysis.signal.reason}"]
    if analysis.rejected:
        lines += ["", "not reps:"]
        lines += [f"  {r.start_s:8.2f} to {r.end_s:.2f} s  {r.reason}" for r in analysis.rejected]
    return "\n".join(lines)


def _load(a_set: AnalysedSet) -> str:
    if a_set.load_measured_kg is None or a_set.load_measured_sigma_kg is None:
        return ""
    plate = "" if a_set.load_plate_kg is None else f", the pin at {a_set.load_plate_kg:g} kg"
    sigma = max(0.1, a_set.load_measured_sigma_kg)
    return f", weighed {a_set.load_measured_kg:.1f} ± {sigma:.1f} kg{plate}"


def _row(rep: Rep) -> str:
    tempo = "-".join(
        _number(value, ".2f")
        for value in (rep.eccentric_s, rep.bottom_pause_s, rep.concentric_s, rep.top_pause_s)
    )
    path = _number(rep.path_deviation_m, ".0f", 1000.0)
    if rep.path_deviation_sigma_m is not None:
        path += f" ±{rep.path_deviation_sigma_m * 1000.0:.0f}"
    mark = "" if rep.counted else f"  not counted: {rep.reason}"
    if is_doubtful(rep):
        mark += f"  ? doubtful, {100 * (rep.confidence or 0.0):.0f} % sure"
    return (
        f"  {rep.number:3d} {rep.start_s:7.2f}   {tempo:<22}"
        f"{_sure(rep.rom_m, rep.rom_sigma_m):>11}"
        f"  {_sure(rep.mean_concentric_velocity_mps, rep.mean_concentric_velocity_sigma_mps):>11}"
        f"  {_sure(rep.peak_concentric_velocity_mps, rep.peak_concentric_velocity_sigma_mps):>11}"
        f" {_number(rep.velocity_loss_pct, '.1f'):>6}"
        f"  {path}{mark}"
    )


def _sure(value: float | None, sigma: float | None) -> str:
    """A number and its standard uncertainty, to a thousandth and rounded up; ≈ before a rough one."""
    if value is None or sigma is None:
        return _number(value, ".3f")
    rough = "≈" if is_rough(value, sigma) else ""
    return f"{rough}{value:.3f} ±{ceil(round(1000.0 * sigma, 3)) / 1000.0:.3f}".replace("±0.", "±.")


def _number(value: float | None, form: str, factor: float = 1.0) -> str:
    return "·" if value is None else format(value * factor, form)


def analyze_command(argv: Sequence[str]) -> int:
    """`plumbline analyze`."""
    parser = command_parser("analyze", "Count and measure the reps of a recording.", EPILOG)
    parser.add_argument("recording", type=Path, metavar="RECORDING", help="CSV (gzip or not) or Parquet")
    parser.add_argument("--station", type=Path, required=True, metavar="STATION.toml")
    parser.add_argument("--exercise", required=True, metavar="NAME")
    parser.add_argument("--json", action="store_true", help="print plumbline/analysis/1 instead of a table")
    parser.add_argument("--plot", type=Path, metavar="OUT.png", help="draw motion, phases, velocity and path")
    args = parser.parse_args(argv)
    station = load_station(args.station)
    profile = load_profile(args.exercise, own_exercises(args.station, station))
    recording = read_recording(args.recording)
    check_channels(recording, station, args.recording)
    trace: list[Floats] | None = [] if args.plot else None
    progress = _show_progress if recording.duration_s > LONG_S and sys.stderr.isatty() else None
    analysis = analyse(recording, station, profile, progress=progress, keep_trace=trace)
    if progress:
        print(file=sys.stderr)
    if trace is not None:
        if not trace:
            raise RecordingError(f"{args.recording}: too short to draw")
        from edge.tools.plot import draw_analysis  # noqa: PLC0415 - matplotlib is an extra and slow to import

        draw_analysis(args.plot, analysis, np.concatenate(trace, axis=1), profile)
    if args.json:
        print_data(msgspec.json.format(msgspec.json.encode(analysis), indent=1).decode())
    else:
        print(table(analysis))
    return 0


def _show_progress(share: float) -> None:
    width = 40
    done = round(width * min(1.0, share))
    print(f"\ranalyzing {'█' * done}{'·' * (width - done)} {share:4.0%}", end="", file=sys.stderr, flush=True)


def _last_time(block: list[Samples]) -> float:
    return max(float(samples.time_s[-1]) for samples in block)
