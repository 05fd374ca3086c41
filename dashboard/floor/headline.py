"""What of a rep stands large: one of its numbers, by exercise, with its unit and how it is judged."""

from collections.abc import Sequence
from typing import NamedTuple

from dashboard.floor.reps import ROUGH, RepView, fixed
from station.exercises import Headline
from station.exercises.judge import Judgement, all_of
from station.exercises.surety import is_rough, sure_decimals

TITLES: dict[Headline, tuple[str, str]] = {  # in a sentence, and below the digits
    "mean-velocity": ("mean velocity, m/s", "m/s mean"),
    "peak-velocity": ("peak velocity, m/s", "m/s peak"),
    "mean-power": ("mean power, W", "W mean"),
    "peak-power": ("peak power, W", "W peak"),
    "tempo": ("reps that kept the tempo, %", "tempo kept"),
    "range": ("range of motion, cm", "cm range"),
    "path": ("path deviation, mm", "mm path"),
}


class HeadlineFigure(NamedTuple):
    """A number in large digits; the figure is empty where the station's sensors do not see it."""

    figure: str
    unit: str
    judged: Judgement = None


def headline_figure(metric: Headline, reps: Sequence[RepView]) -> HeadlineFigure:
    """The newest rep's number; of the tempo the share of the set's reps that kept it. `reps` by number."""
    unit, last = TITLES[metric][1], reps[-1] if reps else None
    if last is None:
        return HeadlineFigure("", unit)
    if metric == "tempo":
        judged = [whole for rep in reps if rep.counted and (whole := all_of(rep.tempo)) is not None]
        kept = 100.0 * sum(not one.off for one in judged) / len(judged) if judged else None
        return HeadlineFigure("" if kept is None else f"{kept:.0f}%", unit, all_of(last.tempo))
    value, sigma, decimals, judgement = _of(metric, last)
    if value is None:
        return HeadlineFigure("", unit)
    rough = f"{ROUGH} " if is_rough(value, sigma) else ""
    least = 1 if decimals == 2 else 0  # a velocity of no decimals says nothing
    figure = fixed(value, max(least, sure_decimals(sigma, decimals)))
    return HeadlineFigure(figure, f"{rough}{unit}", judgement)


def _of(metric: Headline, rep: RepView) -> tuple[float | None, float | None, int, Judgement]:
    """Value, standard uncertainty and decimals at most, in the unit that is shown; and how it is judged."""
    of = rep.measured
    match metric:
        case "peak-velocity":
            return of.peak_concentric_velocity_mps, of.peak_concentric_velocity_sigma_mps, 2, None
        case "mean-power":
            return of.mean_power_w, None, 0, None
        case "peak-power":
            return of.peak_power_w, None, 0, None
        case "range":
            return _times(of.rom_m, 100.0), _times(of.rom_sigma_m, 100.0), 0, None
        case "path":
            path = of.path_deviation_m, of.path_deviation_sigma_m
            return _times(path[0], 1000.0), _times(path[1], 1000.0), 0, rep.path
        case _:
            return of.mean_concentric_velocity_mps, of.mean_concentric_velocity_sigma_mps, 2, rep.velocity


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else factor * value
