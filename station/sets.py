"""What a set's reps say together: numbers, velocity loss, the summary. The node and the record both ask."""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from station.records import FORCES, Rep, SetSummary
from station.weighing import median, of_set

PARTIAL_SHARE = 0.6  # README, "What counts": below 60 % of the full range a rep is partial


def numbered(reps: Iterable[Rep]) -> list[Rep]:
    """Standing reps by start, numbered from 1; velocity loss is to the fastest counted one so far."""
    fastest = 0.0
    found = []
    for number, rep in enumerate(reps, 1):
        velocity = rep.mean_concentric_velocity_mps
        loss = None
        if rep.counted and velocity is not None and velocity > 0.0:
            fastest = max(fastest, velocity)
            loss = 100.0 * (1.0 - velocity / fastest)
        found.append(msgspec.structs.replace(rep, number=number, velocity_loss_pct=loss))
    return found


def summarise(number: int, reps: Sequence[Rep], start_s: float = 0.0) -> SetSummary:
    """A set's summary from its standing reps; zero reps at `start_s` where all were withdrawn."""
    counted = [rep for rep in reps if rep.counted]
    velocities = _known(counted, lambda rep: rep.mean_concentric_velocity_mps)
    ranges = _known(counted, lambda rep: rep.rom_m)
    deviations = _known(counted, lambda rep: rep.path_deviation_m)
    fastest = max(velocities, default=None)
    loss = 1.0 - velocities[-1] / fastest if fastest is not None and fastest > 0.0 else None
    weighed = of_set(reps)
    return SetSummary(
        number=number,
        counted_reps=len(counted),
        partial_reps=len(reps) - len(counted),
        start_s=min((rep.start_s for rep in reps), default=start_s),
        end_s=max((rep.end_s for rep in reps), default=start_s),
        fastest_mean_concentric_velocity_mps=fastest,
        last_mean_concentric_velocity_mps=velocities[-1] if velocities else None,
        velocity_loss_pct=None if loss is None else 100.0 * loss,
        median_rom_m=median(ranges) if ranges else None,
        largest_path_deviation_m=max(deviations, default=None),
        load_measured_kg=weighed.kg if weighed else None,
        load_measured_sigma_kg=weighed.sigma_kg if weighed else None,
    )


def with_load(rep: Rep, old_kg: float | None, new_kg: float | None) -> Rep:
    """Force, power and work of another free weight: F = m (g + a), so each is proportional to m."""
    ratio = new_kg / old_kg if new_kg and old_kg else None
    values = {name: getattr(rep, name) for name in FORCES}
    return msgspec.structs.replace(
        rep,
        **{name: None if value is None or ratio is None else value * ratio for name, value in values.items()},
    )


def _known(reps: Sequence[Rep], value: Callable[[Rep], float | None]) -> list[float]:
    return [v for v in map(value, reps) if v is not None]
