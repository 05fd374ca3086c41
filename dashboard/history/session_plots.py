"""Pictures of one exercise of one session, rep by rep. No text from outside is in them."""

from collections.abc import Iterator, Sequence
from typing import Any

from dashboard.history.figures import BLUE, GREY, ORANGE, Plot, drawn, from_zero, limit
from dashboard.history.kept import KeptSet
from station.exercises import Profile
from station.exercises.judge import Judgement, judge_path, judge_tempo, tolerance_s
from station.motion import motion_of
from station.records import Rep

_BETWEEN_S = 1.0  # sets
_PER_TENSION_N = 100.0
_PHASES = (
    ("eccentric_s", "eccentric"),
    ("bottom_pause_s", "bottom"),
    ("concentric_s", "concentric"),
    ("top_pause_s", "top"),
)


def session_plots(done: Sequence[KeptSet], profile: Profile | None) -> Iterator[Plot]:
    """One exercise of one session, rep by rep. Raises StoreError without matplotlib."""
    reps = [one.rep for a_set in done for one in a_set.reps]
    if any(rep.mean_concentric_velocity_mps is not None for rep in reps):
        with drawn() as (figure, axes):
            _bars(axes, done, profile)
        yield Plot("velocity", "mean concentric velocity of every rep, set by set", figure)
    if any(rep.curve is not None for rep in reps):
        with drawn(rows=2) as (figure, axes):
            _curves(axes, done)
        yield Plot("curves", "place and velocity of every rep over time, set by set", figure)
    with drawn(rows=len(_PHASES)) as (figure, axes):
        _tempo(axes, done, profile)
    yield Plot("tempo", "seconds of each phase of every rep against its target", figure)
    if any(rep.rom_m is not None for rep in reps):
        with drawn() as (figure, axes):
            _dots(axes, done, lambda rep: rep.rom_m, lambda _: None)
            from_zero(axes)
            axes.set_title("Range of motion (cm)")
        yield Plot("range", "range of motion of every rep", figure)
    if any(rep.path_deviation_m is not None for rep in reps):
        with drawn() as (figure, axes):
            limit_m = profile.path_limit_m if profile else None
            _dots(
                axes,
                done,
                lambda rep: rep.path_deviation_m,
                lambda rep: rep.path_deviation_sigma_m,
                lambda rep: judge_path(rep, limit_m),
            )
            if profile and profile.path_limit_m:
                limit(axes, 100.0 * profile.path_limit_m, "limit")
            from_zero(axes)
            axes.set_title("Path deviation (cm), ± one standard uncertainty; ▲: off")
        yield Plot("path", "path deviation of every rep with its uncertainty", figure)


def _bars(axes: Any, done: Sequence[KeptSet], profile: Profile | None) -> None:
    """A bar per rep; hollow where it does not count; each set with the velocity at which it should end."""
    cutoff_pct = profile.velocity_loss_cutoff_pct if profile else None
    for x, rep in _places(done):
        velocity = rep.mean_concentric_velocity_mps
        if velocity is not None:
            face = BLUE if rep.counted else "none"
            axes.bar(
                x, velocity, 0.8, color=face, edgecolor=BLUE, linewidth=1, hatch=None if rep.counted else "//"
            )
    for start, end, one in _spans(done):
        fastest = one.summary.fastest_mean_concentric_velocity_mps
        if fastest is not None and cutoff_pct is not None:
            axes.hlines(fastest * (1 - cutoff_pct / 100), start, end, color=ORANGE, linewidth=2)
    ends = "" if cutoff_pct is None else f"; orange: {cutoff_pct:g} % below the set's fastest"
    axes.set_title(f"Mean concentric velocity (m/s){ends}")
    _name_sets(axes, done)


def _curves(rows: Any, done: Sequence[KeptSet]) -> None:
    """The reps of a set over each other, where the concentric begins; the sets beside each other."""
    from_s, middles_s, without = 0.0, [], 0
    for one in done:
        motions = [motion_of(kept.rep) for kept in one.reps]
        without += sum(motion is None for motion in motions)
        seen = [motion for motion in motions if motion is not None]
        before_s = max((m.lift_s - m.curve.start_s for m in seen), default=0.0)
        after_s = max((m.curve.time_s[-1] - m.lift_s for m in seen), default=1.0)
        for motion in seen:
            moved_s = before_s + from_s - motion.lift_s
            time_s = [at_s + moved_s for at_s in motion.curve.time_s]
            look = (
                {"color": BLUE, "linewidth": 1.2} if motion is seen[-1] else {"color": GREY, "linewidth": 0.8}
            )
            unit = _PER_TENSION_N if motion.on_tension else 1.0
            rows[0].plot(time_s, [unit * one for one in motion.curve.place], **look)
            rows[1].plot(time_s, [unit * one for one in motion.curve.velocity], **look)
        middles_s.append(from_s + (before_s + after_s) / 2)
        from_s += before_s + after_s + _BETWEEN_S
    tension = any(m.on_tension for one in done for kept in one.reps if (m := motion_of(kept.rep)))
    rows[1].axhline(0.0, color=GREY, linewidth=0.6)
    rows[0].set_ylabel("N" if tension else "m", fontsize=7)
    rows[1].set_ylabel("N/s" if tension else "m/s", fontsize=7)
    rows[1].set_xticks(middles_s)
    rows[1].set_xticklabels([f"set {n}" for n in range(1, len(done) + 1)])
    without_words = f"; {without} reps came without" if without else ""
    rows[0].set_title(f"Curves of the reps; blue: the last of its set{without_words}")


def _tempo(rows: Any, done: Sequence[KeptSet], profile: Profile | None) -> None:
    for place, (axes, (field, name)) in enumerate(zip(rows, _PHASES, strict=True)):
        target = getattr(profile.tempo, field) if profile else None
        if target is not None and profile is not None:
            room = tolerance_s(target, profile.tempo)
            seen = [value for _, rep in _places(done) if (value := getattr(rep, field)) is not None]
            longest = max((target + room, *(seen if field == "top_pause_s" else ())))  # a breath is kept
            axes.axhspan(max(0.0, target - room), longest, color=ORANGE, alpha=0.35, linewidth=0)
        for x, rep in _places(done):
            value = getattr(rep, field)
            if value is not None:
                judged = judge_tempo(rep, profile.tempo)[place] if profile else None
                axes.plot(
                    x,
                    value,
                    _marker(judged),
                    color=BLUE,
                    markersize=4,
                    fillstyle="full" if rep.counted else "none",
                )
        from_zero(axes)
        axes.set_ylabel(name, fontsize=7)
        _name_sets(axes, done)
    rows[0].set_title("Tempo: seconds of each phase; orange: the target and its tolerance; ▲: off")


def _dots(
    axes: Any, done: Sequence[KeptSet], value_of: Any, sigma_of: Any, judge: Any = lambda _: None
) -> None:
    for x, rep in _places(done):
        value, sigma = value_of(rep), sigma_of(rep)
        if value is not None:
            axes.errorbar(
                [x],
                [100.0 * value],
                yerr=None if sigma is None else [100.0 * sigma],
                fmt=_marker(judge(rep)),
                markersize=4,
                color=BLUE,
                ecolor=GREY,
                fillstyle="full" if rep.counted else "none",
            )
    _name_sets(axes, done)


def _marker(judged: Judgement) -> str:
    """A triangle for what is off, as on the screens."""
    return "^" if judged is not None and judged.off else "o"


def _places(done: Sequence[KeptSet]) -> Iterator[tuple[float, Rep]]:
    """Where each rep stands: one beside the other, with a gap between sets."""
    for (start, _, _), one in zip(_spans(done), done, strict=True):
        for number, kept in enumerate(one.reps):
            yield start + number + 0.5, kept.rep


def _spans(done: Sequence[KeptSet]) -> list[tuple[float, float, KeptSet]]:
    spans, x = [], 0.0
    for one in done:
        spans.append((x, x + len(one.reps), one))
        x += len(one.reps) + 1.5
    return spans


def _name_sets(axes: Any, done: Sequence[KeptSet]) -> None:
    spans = _spans(done)
    axes.set_xticks([(start + end) / 2 for start, end, _ in spans])
    load = [f"{one.load_kg:g} kg" if one.load_kg is not None else "" for one in done]
    axes.set_xticklabels([f"set {n}\n{kg}" for n, kg in enumerate(load, 1)])
    axes.tick_params(axis="x", length=0)
    if len(spans) > 10:
        axes.tick_params(axis="x", labelsize=6)
