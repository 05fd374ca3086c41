"""A picture of an analysis: the motion with its phases, the velocity, and the path."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from station.errors import RecordingError
from station.exercises import Profile
from station.motion import spans_of
from station.program.distribution import install_with
from station.records import Analysis, Rep

Floats = NDArray[np.float64]

# Blue and orange stay apart for every common kind of colour blindness (Okabe and Ito 2008).
ECCENTRIC, CONCENTRIC, PAUSE, PARTIAL = "#E69F00", "#0072B2", "#BBBBBB", "#CC79A7"  # as on the screens


def draw_analysis(path: Path, analysis: Analysis, trace: Floats, profile: Profile) -> None:
    """Write a PNG (or what the suffix says).

    Parameters
    ----------
    trace : float64, shape (4, n)
        Time, motion coordinate, horizontal place, force on the kernel's grid.

    Raises RecordingError where matplotlib is missing or the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise RecordingError(f"--plot needs matplotlib; {install_with('plot')}") from error
    time_s, place, x, _ = trace
    reps = [rep for a_set in analysis.sets for rep in a_set.reps]
    on_tension = all(rep.rom_m is None for rep in reps) and bool(reps)
    has_path = bool(np.isfinite(x).any())
    figure = Figure(figsize=(14, 8), layout="constrained")
    grid = figure.add_gridspec(2, 2 if has_path else 1, width_ratios=[3, 1] if has_path else [1])
    above = figure.add_subplot(grid[0, 0])
    below = figure.add_subplot(grid[1, 0], sharex=above)
    above.plot(time_s, place, color="black", linewidth=1)
    above.set_ylabel("tension (N)" if on_tension else "position (m), up = lockout")
    speed = np.gradient(_smoothed(place), time_s) if time_s.size > 2 else np.zeros_like(time_s)
    below.plot(time_s, speed, color="black", linewidth=1)
    below.axhline(0.0, color=PAUSE, linewidth=0.8)
    below.set_ylabel("tension rate (N/s)" if on_tension else "velocity (m/s)")
    below.set_xlabel("time (s)")
    for rep in reps:
        for axes in (above, below):
            _shade(axes, rep)
        middle = (rep.start_s + rep.end_s) / 2
        label = f"{rep.number}" if rep.counted else f"({rep.number})"
        above.annotate(
            label, (middle, 1.0), xycoords=("data", "axes fraction"), ha="center", va="bottom", fontsize=11
        )
    for rejected in analysis.rejected:
        above.axvspan(rejected.start_s, rejected.end_s, color=PAUSE, alpha=0.25, hatch="//", linewidth=0)
        above.annotate(
            rejected.reason,
            ((rejected.start_s + rejected.end_s) / 2, 0.02),
            xycoords=("data", "axes fraction"),
            ha="center",
            fontsize=8,
        )
    counted = sum(rep.counted for rep in reps)
    above.set_title(
        f"{profile.title} at {analysis.station}: {counted} reps in {len(analysis.sets)} sets   "
        "(orange eccentric, blue concentric, grey pause, hatched no rep)",
        loc="left",
        pad=18,
        fontsize=11,
    )
    if has_path:
        _draw_path(figure.add_subplot(grid[:, 1]), time_s, place, x, reps)
    try:
        figure.savefig(path, dpi=110)
    except (OSError, ValueError) as error:
        raise RecordingError(f"{path}: the plot cannot be written ({error}); give another path") from error


def _shade(axes, rep: Rep) -> None:  # type: ignore[no-untyped-def]
    """Colour a rep's phases."""
    for phase, start_s, end_s in spans_of(rep):
        lift = {"eccentric": ECCENTRIC, "concentric": CONCENTRIC}.get(phase)
        colour = PAUSE if lift is None else lift if rep.counted else PARTIAL
        axes.axvspan(start_s, end_s, color=colour, alpha=0.35, linewidth=0)


def _draw_path(axes, time_s: Floats, place: Floats, x: Floats, reps: list[Rep]) -> None:  # type: ignore[no-untyped-def]
    """The bar from the side, one line a rep, seen from where the rep started."""
    for rep in reps:
        inside = (time_s >= rep.start_s) & (time_s < rep.end_s) & np.isfinite(x)
        if inside.sum() > 10:
            side = _smoothed(x[inside])
            axes.plot((side - side[0]) * 100.0, place[inside], linewidth=1, label=str(rep.number))
    axes.axvline(0.0, color=PAUSE, linewidth=0.8)
    left, right = axes.get_xlim()
    axes.set_xlim(min(left, -6.0), max(right, 6.0))  # a straight path looks straight
    axes.set_xlabel("forward of the start (cm)")
    axes.set_title("bar path", fontsize=11)
    axes.set_ylabel("height (m)")


def _smoothed(values: Floats) -> Floats:
    """A moving mean over 0.11 s, for the eye only; the numbers come from the kernel."""
    width = 11
    if values.size < width:
        return values
    padded = np.pad(values, width // 2, mode="edge")
    return np.convolve(padded, np.full(width, 1.0 / width), mode="valid")
