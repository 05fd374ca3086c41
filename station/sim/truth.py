"""The truth about a simulated session, by the definitions of the README.

Computed on the dense noise-free motion and the plan of the pieces; shares no code with the kernels.
"""

from statistics import median
from typing import Any, NamedTuple

import numpy as np

from station.exercises import Profile
from station.records import ReasonCode, Rep
from station.sets import PARTIAL_SHARE
from station.sim.lifter.motion import DT_S, Floats, TrueMotion
from station.sim.measures import NO_CELLS, CellTruth, Found, measure, measure_cells

ZONE = 0.15  # the share of the range near an end in which a boundary may lie
READ_AT = 0.08  # of the phase's peak speed: where a boundary is read, unless v0 is more
CARRIED_S = 0.15  # from there to v0, at most
MUSCLE = 150  # dense samples by which muscle may smear a piece's edge
QUIET = frozenset({"idle", "settle", "top", "bottom", "rest"})
BAND_V0_PER_S = 0.07  # v0 on tension alone, of the set's median range per second


def describe(
    motion: TrueMotion,
    profile: Profile,
    s: Floats,
    force_n: Floats | None,
    place: tuple[Floats, Floats] | None,
    cells: CellTruth = NO_CELLS,
) -> dict[str, Any]:
    """The truth of a session as a JSON object: sets of reps, and what was not a rep.

    `s` is the motion coordinate, metres (newtons on tension alone); `force_n` what a perfect load cell reads;
    `place` the path of the bar or handle, x and y in metres, or None; `cells` what the station has cells for.
    """
    band = profile.load == "band"
    windows = rep_windows(motion)
    v0 = profile.v0_mps
    if band and windows:
        v0 = BAND_V0_PER_S * median(float(np.ptp(s[w.first : w.last])) for w in windows)
    v = np.gradient(s, motion.time_s)
    reps = [_rep(motion, profile, s, v, v0, window) for window in windows]
    reps = [rep for rep in reps if rep["start_s"] is not None]  # lowered more slowly than v0: it was none
    for rep in reps:
        measure(rep, profile, motion.time_s, s, v, force_n, place)
        measure_cells(rep, motion.time_s, cells)
    return {"sets": _sets(reps, profile), "not_reps": _not_reps(motion)}


class Window(NamedTuple):
    """Where the plan has a rep, in dense samples: its pieces, and the holds on either side."""

    before: int  # start of the hold before
    first: int
    lifted: int  # end of the last concentric piece
    last: int
    after: int  # end of the hold after
    lowered: bool  # it has an eccentric


def rep_windows(motion: TrueMotion) -> list[Window]:
    """The planned reps in order."""
    edges, pieces = motion.edges, motion.pieces
    by_rep: dict[int, list[int]] = {}
    for index, piece in enumerate(pieces):
        if piece.rep is not None:
            by_rep.setdefault(piece.rep, []).append(index)
    windows = []
    for own in by_rep.values():
        first, last = own[0], own[-1]
        before, after = edges[first] - MUSCLE, edges[last + 1] + MUSCLE
        if first and pieces[first - 1].what in QUIET:
            before = min(before, edges[first - 1])
        if last + 1 < len(pieces) and pieces[last + 1].what in QUIET:
            after = max(after, edges[last + 2])
        lifts = [index for index in own if pieces[index].what == "concentric"]
        windows.append(
            Window(
                max(0, before),
                edges[first],
                edges[lifts[-1] + 1],
                edges[last + 1],
                min(after, len(motion.time_s)),
                any(pieces[index].what == "eccentric" for index in own),
            )
        )
    return windows


def _falls(v: Floats, level: float) -> np.ndarray[Any, Any]:
    """Samples i where v goes from at least `level` at i to below it at i + 1."""
    return np.flatnonzero((v[:-1] >= level) & (v[1:] < level))


def _rises(v: Floats, level: float) -> np.ndarray[Any, Any]:
    return np.flatnonzero((v[:-1] <= level) & (v[1:] > level))


def _rep(motion: TrueMotion, profile: Profile, s: Floats, v: Floats, v0: float, window: Window) -> Found:
    """The four boundaries of one rep, between samples; absent is None."""
    eccentric = None
    if profile.starts_with == "eccentric":
        bottom = window.first + int(np.argmin(s[window.first : window.last]))
        eccentric = _eccentric(s, v, v0, window.before, bottom, window.last)
        concentric = _concentric(s, v, v0, bottom, window.after)
    else:
        early = max(window.before, window.first - MUSCLE)
        bottom = early + int(np.argmin(s[early : window.first + MUSCLE]))
        end = window.after if not window.lowered else window.last
        concentric = _concentric(s, v, v0, bottom, end)
        if window.lowered:
            top = bottom + int(np.argmax(s[bottom : window.last]))
            lowest = top + int(np.argmin(s[top : window.after]))
            eccentric = _eccentric(s, v, v0, bottom, lowest, window.after)
    if concentric is None:
        raise AssertionError(f"rep planned at {motion.time_s[window.first]:.2f} s has no concentric")
    rep: Found = {
        "concentric_start_s": concentric[0] * DT_S,
        "concentric_end_s": concentric[1] * DT_S,
        "eccentric_start_s": eccentric and eccentric[0] * DT_S,
        "eccentric_end_s": eccentric and eccentric[1] * DT_S,
    }
    if profile.starts_with == "eccentric":
        rep["start_s"] = rep["eccentric_start_s"]
        rep["end_s"] = rep["concentric_end_s"]
    else:
        rep["start_s"] = rep["concentric_start_s"]
        rep["end_s"] = rep["concentric_end_s"] if eccentric is None else rep["eccentric_end_s"]
    return rep


def _eccentric(
    s: Floats, v: Floats, v0: float, top_from: int, lowest: int, until: int
) -> tuple[float, float] | None:
    """Where the lowering to `lowest`, looked for up to `until`, begins and ends, in samples."""
    top = top_from + int(np.argmax(s[top_from : lowest + 1]))
    reach = float(s[top] - s[lowest])
    level = max(v0, READ_AT * float(-v[top : lowest + 1].min()))
    # An end of the range belongs to its pause as long as the lifter lingers there: last fall, first rise.
    leaves = top + _falls(v[top : lowest + 1], -level)
    leaves = _in_zone(leaves, s[leaves] >= s[top] - ZONE * reach, 0)
    if not len(leaves):
        return None
    start = int(leaves[-1])
    rises = start + 1 + _rises(v[start + 1 : until], -level)
    rises = _in_zone(rises, s[rises] <= s[lowest] + ZONE * reach, -1)
    if not len(rises):
        return None
    return _carried(-v, start, 1, level, v0), _carried(-v, int(rises[0]), -1, level, v0)


def _concentric(s: Floats, v: Floats, v0: float, bottom: int, until: int) -> tuple[float, float] | None:
    """Where the lift from `bottom` begins and ends, in samples."""
    top = bottom + int(np.argmax(s[bottom:until]))
    reach = float(s[top] - s[bottom])
    level = max(v0, READ_AT * float(v[bottom : top + 1].max()))
    falls = bottom + _falls(v[bottom:until], level)
    falls = _in_zone(falls, s[falls] >= s[top] - ZONE * reach, -1)
    if not len(falls):
        return None
    end = int(falls[0])
    rises = bottom + _rises(v[bottom : end + 1], level)
    rises = _in_zone(rises, s[rises] <= s[bottom] + ZONE * reach, 0)
    if not len(rises):
        return None
    return _carried(v, int(rises[-1]), 1, level, v0), _carried(v, end, -1, level, v0)


def _in_zone(crossings: Any, inside: Any, nearest: int) -> Any:
    """Those in the zone; where a short slow rep is faster than the level beyond it only, the nearest one."""
    found = crossings[inside]
    return found if len(found) or not len(crossings) else crossings[[nearest]]


def _carried(speed: Floats, i: int, inward: int, level: float, v0: float) -> float:
    """The boundary at v0, in samples, of a phase whose speed passes `level` after sample i.

    Inward (forwards for a start, backwards for an end) the speed goes on to three times the level; outward
    it is carried on along tau squared.
    """
    at = i + _share(speed, i, level)
    k = i
    while 0 < k < len(speed) - 2 and (speed[k + 1] if inward > 0 else speed[k]) < 3.0 * level:
        k += inward
    through = k + _share(speed, k, 3.0 * level)
    onward = abs(through - at) * (1.0 - (v0 / level) ** 0.5) / (3.0**0.5 - 1.0)
    return float(at - inward * min(onward, CARRIED_S / DT_S))


def _share(speed: Floats, i: int, level: float) -> float:
    """How far between samples i and i + 1 the speed passes a level."""
    step = speed[i + 1] - speed[i]
    return 0.0 if step == 0 else float(min(max((level - speed[i]) / step, 0.0), 1.0))


def _sets(reps: list[Found], profile: Profile) -> list[dict[str, Any]]:
    """Group by the set gap, judge partial reps against the set, and fill in what needs the neighbours."""
    groups: list[list[Found]] = []
    for rep in sorted(reps, key=lambda r: r["start_s"]):
        if groups and rep["start_s"] - groups[-1][-1]["end_s"] <= profile.set_gap_s:
            groups[-1].append(rep)
        else:
            groups.append([rep])
    return [
        {"number": number, "reps": _finish_set(group, profile)}
        for number, group in enumerate(groups, start=1)
    ]


def _finish_set(group: list[Found], profile: Profile) -> list[Found]:
    middle = median(rep["range"] for rep in group)
    fastest: float | None = None
    done: list[Found] = []
    for number, rep in enumerate(group, start=1):
        following = group[number] if number < len(group) else None
        reason = code = None
        if rep["range"] < PARTIAL_SHARE * middle:
            reason, code = "partial", ReasonCode.SHORT_OF_SET
        elif rep["rom_m"] is not None and rep["rom_m"] < profile.min_rom_m:
            reason, code = "below the least range", ReasonCode.SHORT_OF_LEAST
        if profile.starts_with == "eccentric":
            bottom = _pause(rep["eccentric_end_s"], rep["concentric_start_s"])
            top = _pause(rep["end_s"], following["start_s"] if following else None)
        else:
            top = _pause(rep["concentric_end_s"], rep["eccentric_start_s"])
            bottom = _pause(rep["eccentric_end_s"], following["start_s"] if following else None)
        mcv = rep["mean_concentric_velocity_mps"]
        if mcv is not None and reason is None:
            fastest = mcv if fastest is None else max(fastest, mcv)
        loss = None if mcv is None or fastest is None else 100.0 * (1.0 - mcv / fastest)
        kept = {
            key: value for key, value in rep.items() if key not in ("lowest", "range", "eccentric_start_s")
        }
        done.append(
            {
                **dict.fromkeys(Rep.__struct_fields__),  # what only a station can say of its own measurement
                "number": number,
                "counted": reason is None,
                "reason": reason,
                "reason_code": code,
                **kept,
                "bottom_pause_s": bottom,
                "top_pause_s": top,
                "velocity_loss_pct": loss,
            }
        )
    return done


def _pause(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else max(0.0, end - start)


def _not_reps(motion: TrueMotion) -> list[dict[str, Any]]:
    return [
        {
            "start_s": motion.edges[k] * 1e-3,
            "end_s": motion.edges[k + 1] * 1e-3,
            "what": piece.what,
        }
        for k, piece in enumerate(motion.pieces)
        if piece.rep is None and piece.what not in QUIET
    ]
