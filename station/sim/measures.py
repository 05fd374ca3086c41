"""What the README defines between a rep's boundaries, on the dense noise-free truth."""

from typing import Any, NamedTuple

import numpy as np

from station.exercises import Profile
from station.records import FORCES
from station.sim.lifter.motion import Floats

G_MPS2 = 9.80665  # standard gravity, CGPM 1901
SLACK_SHARE = 0.15  # of the rep's mean tension
LEAST_OVER = 100  # dense samples: the least share is that of a tenth of a second

Found = dict[str, Any]


def measure(
    rep: Found,
    profile: Profile,
    time_s: Floats,
    s: Floats,
    v: Floats,
    force_n: Floats | None,
    place: tuple[Floats, Floats] | None,
) -> None:
    """Fill in what the README defines between the boundaries."""
    start, end = rep["concentric_start_s"], rep["concentric_end_s"]
    inside = slice(int(np.searchsorted(time_s, start)), int(np.searchsorted(time_s, end)))
    t = np.concatenate(([start], time_s[inside], [end]))
    s_c = np.interp(t, time_s, s)
    v_c = np.interp(t, time_s, v)
    seconds = end - start
    rep["concentric_s"] = seconds
    rep["lowest"] = float(s[_span(time_s, rep["start_s"], rep["end_s"])].min())
    metres = profile.load != "band"
    rep["range"] = float(s_c[-1] - rep["lowest"])
    rep["rom_m"] = rep["range"] if metres else None
    rep["mean_concentric_velocity_mps"] = float((s_c[-1] - s_c[0]) / seconds) if metres else None
    rep["peak_concentric_velocity_mps"] = float(v_c.max()) if metres else None
    rep["mean_propulsive_velocity_mps"] = _propulsive(t, s_c, v_c) if profile.load == "mass" else None
    _measure_eccentric(rep, time_s, s, v, metres)
    for key in FORCES:
        rep[key] = None
    if force_n is not None:
        f_c = np.interp(t, time_s, force_n)
        rep["mean_force_n"] = _area(f_c, t) / seconds
        rep["peak_force_n"] = float(f_c.max())
        if metres:
            work = _area(f_c * v_c, t)
            rep["work_j"] = work
            rep["mean_power_w"] = work / seconds
            rep["peak_power_w"] = float((f_c * v_c).max())
    rep["path_deviation_m"] = rep["path_drift_m"] = None
    if place is not None and metres:
        _path(rep, profile, time_s, s, place)


class CellTruth(NamedTuple):
    """True loads where a station has load cells, dense; float64, shape of the motion. None: no such cell."""

    tension_n: Floats | None = None  # of a cable or band
    platform: tuple[Floats, Floats] | None = None  # shares of the weight under its rear and its left cells
    load_kg: Floats | None = None  # what is lifted


NO_CELLS = CellTruth()


def measure_cells(rep: Found, time_s: Floats, felt: CellTruth) -> None:
    """Fill in what the README defines of load cells."""
    span = _span(time_s, rep["start_s"], rep["end_s"])
    for key in ("slack_s", "heel_pct", "heel_least_pct", "left_pct", "load_measured_kg"):
        rep[key] = None
    if felt.tension_n is not None:
        tension = felt.tension_n[span]
        slack = tension < SLACK_SHARE * tension.mean()
        rep["slack_s"] = float(slack.mean()) * (rep["end_s"] - rep["start_s"])
    if felt.platform is not None:
        rear, left = (100.0 * share[span] for share in felt.platform)
        held = np.convolve(rear, np.full(LEAST_OVER, 1.0 / LEAST_OVER), mode="valid")
        rep["heel_pct"], rep["heel_least_pct"] = float(rear.mean()), float(held.min())
        rep["left_pct"] = float(left.mean())
    if felt.load_kg is not None:
        rep["load_measured_kg"] = float(felt.load_kg[span].max())


def _area(value: Floats, t: Floats) -> float:
    return float(0.5 * (value[1:] + value[:-1]) @ np.diff(t))


def _measure_eccentric(rep: Found, time_s: Floats, s: Floats, v: Floats, metres: bool) -> None:
    start, end = rep["eccentric_start_s"], rep["eccentric_end_s"]
    known = start is not None and end is not None
    rep["eccentric_s"] = end - start if known else None
    rep["mean_eccentric_velocity_mps"] = rep["peak_eccentric_velocity_mps"] = None
    if known and metres:
        s_start, s_end = np.interp([start, end], time_s, s)
        rep["mean_eccentric_velocity_mps"] = float((s_start - s_end) / (end - start))
        rep["peak_eccentric_velocity_mps"] = float(-v[_span(time_s, start, end)].min())


def _span(time_s: Floats, start: float, end: float) -> slice:
    return slice(int(np.searchsorted(time_s, start)), int(np.searchsorted(time_s, end)) + 1)


def _propulsive(t: Floats, s: Floats, v: Floats) -> float:
    """Mean velocity until the acceleration first reaches -g after the peak velocity."""
    a = np.gradient(v, t) if len(t) > 2 else np.zeros_like(t)
    peak = int(np.argmax(v))
    braking = np.flatnonzero(a[peak:] <= -G_MPS2)
    stop = peak + int(braking[0]) if len(braking) else len(t) - 1
    return float((s[stop] - s[0]) / (t[stop] - t[0])) if stop else float(v[0])


def _path(rep: Found, profile: Profile, time_s: Floats, s: Floats, place: tuple[Floats, Floats]) -> None:
    span = _span(time_s, rep["start_s"], rep["end_s"])
    x, y = place[0][span], place[1][span]
    if profile.load == "cable":
        part = s[span]
        top, bottom = int(np.argmax(part)), int(np.argmin(part))
        along = np.array([x[top] - x[bottom], y[top] - y[bottom]])
        along /= np.hypot(*along)
        off = along[0] * (y - y[bottom]) - along[1] * (x - x[bottom])
        rep["path_deviation_m"] = float(np.abs(off).max())
        return
    off = x - x[0]
    far = int(np.argmax(np.abs(off)))
    rep["path_drift_m"] = float(off[far])
    rep["path_deviation_m"] = float(abs(off[far]))
