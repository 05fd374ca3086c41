"""Pictures of how an exercise develops from set to set. No text from outside is in them."""

from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo
from importlib import import_module
from typing import TYPE_CHECKING, Any

from dashboard.floor.times import instant
from dashboard.history.figures import BLUE, GREY, INK, ORANGE, Plot, drawn, from_zero, limit
from dashboard.history.kept import KeptSet
from dashboard.history.load_velocity import LoadVelocity
from dashboard.history.trends import Measure, TrendPoint, trend
from station.exercises import Profile

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def athlete_plots(
    done: Sequence[KeptSet], profile: Profile | None, fit: LoadVelocity, zone: tzinfo | None = None
) -> Iterator[Plot]:
    """How one exercise develops over its sets, oldest first. What was not measured has no plot.

    `profile` gives the targets, `fit` is drawn too. Raises StoreError without matplotlib.
    """
    profiles = {profile.name: profile} if profile else {}
    points = trend(done, "fastest_mean_concentric_velocity_mps")
    if points:
        with drawn() as (figure, axes):
            _velocity_at_load(figure, axes, points, zone)
        yield Plot("velocity", "mean concentric velocity of the fastest rep of each set, by load", figure)
    for measure, name, title, scale in (
        ("median_rom_m", "range", "Range of motion (cm), each set's median", 100.0),
        ("tempo_adherence_pct", "tempo", "Reps that kept the tempo (%)", 1.0),
        ("largest_path_deviation_m", "path", "Bar or handle path (cm), each set's largest deviation", 100.0),
    ):
        kind: Measure = measure  # type: ignore[assignment]
        points = trend(done, kind, profiles)
        if not points:
            continue
        with drawn() as (figure, axes):
            _over_time(axes, points, scale, zone)
            if name == "path" and profile and profile.path_limit_m:
                limit(axes, 100.0 * profile.path_limit_m, "limit")
            if name == "tempo":
                axes.set_ylim(-3, 103)
            if name == "range":
                _calm(axes)
            if name == "path":
                from_zero(axes)
            axes.set_title(title)
        yield Plot(name, f"{title}, over time", figure)
    if len(fit.points) > 1:
        with drawn() as (figure, axes):
            _load_velocity(axes, fit)
        yield Plot(
            "load-velocity",
            fit.text,
            figure,
        )


def _velocity_at_load(figure: "Figure", axes: Any, points: Sequence[TrendPoint], zone: tzinfo | None) -> None:
    """A dot per set coloured by its load; dots of one load are joined."""
    loaded = [point for point in points if point.load_kg is not None]
    bare = [point for point in points if point.load_kg is None]
    if bare:
        axes.plot(
            [_when(p, zone) for p in bare], [p.value for p in bare], "o", color=GREY, label="no load entered"
        )
        axes.legend(frameon=False)
    if loaded:
        loads = [float(point.load_kg or 0.0) for point in loaded]
        colours = "cividis_r"
        drawn = axes.scatter(
            [_when(p, zone) for p in loaded], [p.value for p in loaded], c=loads, cmap=colours, s=22, zorder=3
        )
        for load in sorted(set(loads)):
            same = [p for p in loaded if p.load_kg == load]
            axes.plot(
                [_when(p, zone) for p in same],
                [p.value for p in same],
                color=drawn.to_rgba(load),
                linewidth=1,
                zorder=2,
            )
        if len(set(loads)) > 1:
            figure.colorbar(drawn, ax=axes, label="load (kg)", pad=0.01)
    axes.set_title("Mean concentric velocity (m/s), each set's fastest rep")
    _dates(axes, points, zone)


def _over_time(axes: Any, points: Sequence[TrendPoint], scale: float, zone: tzinfo | None) -> None:
    """A dot per set, and a line through the means of the days."""
    axes.errorbar(
        [_when(p, zone) for p in points],
        [scale * p.value for p in points],
        yerr=[scale * (p.sigma or 0.0) for p in points] if any(p.sigma for p in points) else None,
        fmt="o",
        markersize=3.5,
        color=BLUE,
        ecolor=GREY,
        alpha=0.7,
    )
    days: dict[Any, list[TrendPoint]] = {}
    for point in points:
        days.setdefault(_when(point, zone).date(), []).append(point)
    axes.plot(
        [_when(some[len(some) // 2], zone) for some in days.values()],
        [scale * sum(p.value for p in some) / len(some) for some in days.values()],
        color=BLUE,
        linewidth=1.5,
    )
    _dates(axes, points, zone)


def _calm(axes: Any) -> None:
    """Show at least a fifth of the mean: a centimetre up and down is no trend."""
    low, high = axes.get_ylim()
    room = max(0.0, 0.1 * (low + high) - (high - low))
    axes.set_ylim(low - room / 2, high + room / 2)


def _load_velocity(axes: Any, fit: LoadVelocity) -> None:
    axes.plot(
        [p.load_kg for p in fit.points], [p.mean_concentric_velocity_mps for p in fit.points], "o", color=BLUE
    )
    found = fit.one_rep_maximum
    if fit.slope_mps_per_kg is not None and fit.intercept_mps is not None:
        ends = (fit.points[0].load_kg, found.load_kg if found else fit.points[-1].load_kg)
        line = [fit.intercept_mps + fit.slope_mps_per_kg * kg for kg in ends]
        axes.plot(ends, line, color=INK if found else GREY, linewidth=1, linestyle="-" if found else "--")
    if found:
        across = [[found.load_kg - found.low_kg], [found.high_kg - found.load_kg]]
        axes.errorbar(
            [found.load_kg],
            [found.at_velocity_mps],
            xerr=across,
            fmt="D",
            color=ORANGE,
            capsize=4,
            linewidth=2,
        )
        axes.annotate(
            f"estimate {found.load_kg:.0f} kg\n({found.low_kg:.0f} to {found.high_kg:.0f})",
            (found.load_kg, found.at_velocity_mps),
            xytext=(0, 10),
            textcoords="offset points",
            ha="center",
        )
    from_zero(axes)
    axes.set_xlabel("load (kg)")
    axes.set_title("Load and velocity (m/s), fastest rep at each load and day")


def _dates(axes: Any, points: Sequence[TrendPoint], zone: tzinfo | None) -> None:
    dates: Any = import_module("matplotlib.dates")  # its functions have no types
    days = [float(dates.date2num(_when(point, zone))) for point in points]
    if max(days) - min(days) < 3.0:  # one session: its day, not its minutes
        axes.set_xlim(min(days) - 2.0, max(days) + 2.0)
        locator = dates.DayLocator()
    else:
        locator = dates.AutoDateLocator(minticks=3, maxticks=8)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))


def _when(point: TrendPoint, zone: tzinfo | None) -> datetime:
    """On the reader's clock, and no longer bound to it: matplotlib would show UTC."""
    return instant(point.at_utc).astimezone(zone).replace(tzinfo=None)
