"""Presentation by uncertainty: which numbers are approximate, their decimals, when a limit is passed.

Screens, judge and tables ask here. A sigma of None is not known, and then a number is taken as it stands.
"""

from collections.abc import Iterable
from statistics import NormalDist

from station.records import Rep

ROUGH_SHARE = 0.2  # contract: a number whose sigma exceeds a fifth of itself is rough,
ROUGH_S = 0.25  # and a duration whose sigma exceeds this
REACHED = 0.8  # how likely a velocity loss is before a set is ended by it
_SURE = NormalDist().inv_cdf(REACHED)

# 97.5 % quantiles of Student's t for 1 to 30 degrees of freedom (any table); the normal's beyond.
_T = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
    *(2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)
_NORMAL_975 = 1.960


def is_rough(value: float | None, sigma: float | None) -> bool:
    """Whether a number is uncertain enough to be marked approximate."""
    return value is not None and sigma is not None and sigma > ROUGH_SHARE * abs(value)


def is_rough_duration(sigma_s: float | None) -> bool:
    """The same of a duration, which may be 0."""
    return sigma_s is not None and sigma_s > ROUGH_S


def sure_decimals(sigma: float | None, most: int) -> int:
    """The number of decimals that the uncertainty allows."""
    decimals = most
    while sigma is not None and decimals > 0 and sigma > 10.0**-decimals:
        decimals -= 1
    return decimals


def fastest_of(reps: Iterable[Rep]) -> Rep | None:
    """The counted rep that velocity loss is held against; None where no velocity was seen."""
    seen = [rep for rep in reps if rep.counted and rep.mean_concentric_velocity_mps is not None]
    return max(seen, key=lambda rep: rep.mean_concentric_velocity_mps or 0.0, default=None)


def loss_reached(rep: Rep, fastest: Rep | None, cutoff_pct: float | None) -> bool:
    """Whether a rep has lost as much velocity to the set's fastest as ends a set, with a probability of 0.8.

    d = (1 - cut-off) v_fastest - v is normal with sigma² = (1 - cut-off)² sigma_fastest² + sigma_v² (JCGM
    100:2008, 5.1.2); what errs alike in both, as a scale, would cancel and makes this late rather than early.
    """
    loss_pct, velocity = rep.velocity_loss_pct, rep.mean_concentric_velocity_mps
    if cutoff_pct is None or loss_pct is None or velocity is None or loss_pct < cutoff_pct:
        return False
    left = 1.0 - cutoff_pct / 100.0
    held = velocity / (1.0 - loss_pct / 100.0) if loss_pct < 100.0 else 0.0
    sigma = rep.mean_concentric_velocity_sigma_mps or 0.0
    sigma_fastest = (fastest.mean_concentric_velocity_sigma_mps if fastest else None) or 0.0
    return bool(left * held - velocity >= _SURE * ((left * sigma_fastest) ** 2 + sigma**2) ** 0.5)


def student_975(freedom: int) -> float:
    """The 97.5 % quantile of Student's t for so many degrees of freedom, at least 1."""
    return _T[freedom - 1] if freedom <= len(_T) else _NORMAL_975
