"""A report on an athlete or a session: one HTML page that needs nothing else, for screen and paper.

No script, no font and no picture from elsewhere; the plots are drawings inside the page. Text from outside is
escaped.
"""

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta, tzinfo
from html import escape
from pathlib import Path
from statistics import fmean
from string import Template
from typing import NamedTuple

from dashboard.floor.times import day_of, instant
from dashboard.history.figures import Plot
from dashboard.history.kept import KeptSet, TrainingSession, group_sessions
from dashboard.history.load_velocity import VELOCITY_AT_1RM_MPS, load_velocity
from dashboard.history.session_plots import session_plots
from dashboard.history.trend_plots import athlete_plots
from dashboard.plaintext import clean
from station.exercises import Profile
from station.exercises.coaching import tempo_adherence_pct
from station.exercises.judge import asked_of, path_off
from station.messages import now_utc
from station.records import Rep, SetSummary

PROFILE_DAYS = 28  # strength changes over more than a month: older sets are on another line
LISTED_SESSIONS = 12

_PAGE = Template(Path(__file__).with_name("report.html").read_text(encoding="utf-8"))
_FOOTER = (
    "Velocity is the mean of the concentric phase. A dash is something the station's sensors cannot see, or"
    " that was not asked for; it is never estimated. ▲ marks what is outside its target. Knees, back and the"
    " feel of the set are the coach's to judge. Made by Plumbline on {at}."
)


class Report(NamedTuple):
    """The page, and the plots in it by a name for their files."""

    html: str
    plots: Mapping[str, Plot]


def athlete_report(
    who: str, done: Sequence[KeptSet], profiles: Mapping[str, Profile], zone: tzinfo | None = None
) -> Report:
    """How an athlete develops in each exercise. `who`: the name; `done`: sets, at least one, oldest first."""
    plots: dict[str, Plot] = {}
    parts = []
    for name in _latest_first(done):
        own = [one for one in done if one.exercise == name]
        profile = profiles.get(name)
        fit = load_velocity(_recent(own), zone)
        sessions = group_sessions(own, zone)
        once = len(sessions) == 1  # nothing develops yet: show the reps
        drawn = _named(name, session_plots(own, profile) if once else athlete_plots(own, profile, fit, zone))
        plots |= drawn
        parts += [
            f"<h2>{_text(profile.title if profile else name)}</h2>",
            f'<p class="says">{_text(_in_a_sentence(sessions, profile))}</p>',
            _images(drawn),
            f"<p>{_upper(fit.text)}.</p>" if name in VELOCITY_AT_1RM_MPS else "",
            _sets_table(own, profile) if once else _sessions_table(sessions, profile),
        ]
    sessions = group_sessions(done, zone)
    of = (
        f"athlete {done[0].athlete or 'not named'} · {_days(sessions[-1].day, sessions[0].day)} ·"
        f" {_counted(len(sessions), 'session')}, {_counted(sum(s.counted_reps for s in sessions), 'rep')}"
    )
    return Report(_page(who, of, parts, zone), plots)


def session_report(
    who: str, done: Sequence[KeptSet], profiles: Mapping[str, Profile], zone: tzinfo | None = None
) -> Report:
    """One session rep by rep. `done`: its sets, at least one, oldest first."""
    plots: dict[str, Plot] = {}
    parts = []
    for name in dict.fromkeys(one.exercise for one in done):
        own = [one for one in done if one.exercise == name]
        profile = profiles.get(name)
        drawn = _named(name, session_plots(own, profile))
        plots |= drawn
        parts += [
            f"<h2>{_text(profile.title if profile else name)}</h2>",
            _sets_table(own, profile),
            _images(drawn),
        ]
    reps = sum(len(one.counted) for one in done)
    days = sorted({day_of(one.at_utc, zone) for one in done})
    stations = ", ".join(sorted({one.reps[0].station for one in done}))
    of = (
        f"session of {_days(days[0], days[-1])} at {stations} ·"
        f" {_counted(len(done), 'set')}, {_counted(reps, 'rep')}"
    )
    return Report(_page(who, of, parts, zone), plots)


def _page(who: str, of: str, parts: Iterable[str], zone: tzinfo | None) -> str:
    return _PAGE.substitute(
        title=_text(f"{who}: {of}"),
        heading=_text(who),
        of=_text(of),
        body="\n".join(parts),
        footer=_text(_FOOTER.format(at=day_of(now_utc(), zone))),
    )


def _in_a_sentence(sessions: Sequence[TrainingSession], profile: Profile | None) -> str:
    """The last session against the one before it: what a coach asks first."""
    last = sessions[0]
    says = (
        f"Last: {last.day}, {_counted(len(last.sets), 'set')}, {_counted(last.counted_reps, 'rep')}"
        f"{_loads(last.sets)}"
    )
    kept = _adherence(last.sets, profile)
    if kept is not None:
        says += f"; tempo kept in {kept:.0f} % of the reps"
        before = _adherence(sessions[1].sets, profile) if len(sessions) > 1 else None
        if before is not None:
            says += f" ({before:.0f} % the time before)"
    measured = any(rep.path_deviation_m is not None for one in last.sets for rep in one.counted)
    return says + ("." if measured else "; path not measured.")


def _sessions_table(sessions: Sequence[TrainingSession], profile: Profile | None) -> str:
    rows = []
    for session in sessions[:LISTED_SESSIONS]:
        summaries = [one.summary for one in session.sets]
        fastest = max((s.fastest_mean_concentric_velocity_mps or 0.0 for s in summaries), default=0.0)
        path = [s.largest_path_deviation_m for s in summaries if s.largest_path_deviation_m is not None]
        loss = [s.velocity_loss_pct for s in summaries if s.velocity_loss_pct is not None]
        ranges = [s.median_rom_m for s in summaries if s.median_rom_m is not None]
        rows.append(
            (
                _text(session.day),
                str(len(session.sets)),
                str(session.counted_reps),
                _loads(session.sets).removeprefix(" at ") or "–",
                _number(fastest or None, 2),
                _number(max(loss, default=None), 0),
                _number(fmean(ranges) if ranges else None, 1, 100.0),
                _number(_adherence(session.sets, profile), 0),
                _path(max(path, default=None), [rep for s in session.sets for rep in s.counted], profile),
            )
        )
    head = "day|sets|reps|load|fastest (m/s)|largest loss (%)|range (cm)|tempo kept (%)|path (cm)"
    return _table(head, rows)


def _sets_table(done: Sequence[KeptSet], profile: Profile | None) -> str:
    rows = []
    for number, one in enumerate(done, 1):
        summary = one.summary
        widest = max(
            (rep for rep in one.counted if rep.path_deviation_m is not None),
            key=lambda rep: rep.path_deviation_m or 0.0,
            default=None,
        )
        rows.append(
            (
                f"set {number}",
                f"{summary.counted_reps}"
                + (f" + {summary.partial_reps} partial" if summary.partial_reps else ""),
                _load(one.load_kg, summary),
                _number(summary.fastest_mean_concentric_velocity_mps, 2),
                _limited_loss(summary.velocity_loss_pct, profile),
                _number(summary.median_rom_m, 1, 100.0),
                _tempo(one.counted),
                _number(_adherence([one], profile), 0),
                _path(summary.largest_path_deviation_m, one.counted, profile)
                + (
                    f" ± {100 * widest.path_deviation_sigma_m:.1f}"
                    if widest and widest.path_deviation_sigma_m
                    else ""
                ),
            )
        )
    asked = profile.tempo if profile else None
    target = "-".join("·" if t is None else f"{t:g}" for t in asked_of(asked)) if asked else ""
    tempo = "tempo" + (f", asked {target}" if target else "")
    head = f"|reps|load|fastest (m/s)|loss (%)|range (cm)|{tempo}|tempo kept (%)|path (cm)"
    return _table(head, rows)


def _load(entered_kg: float | None, summary: SetSummary) -> str:
    """As entered, and as weighed where there was a cell for it."""
    entered = "–" if entered_kg is None else f"{entered_kg:g} kg"
    if summary.load_measured_kg is None or summary.load_measured_sigma_kg is None:
        return entered
    return (
        f"{entered}, weighed {summary.load_measured_kg:.1f} ± {max(0.1, summary.load_measured_sigma_kg):.1f}"
    )


def _table(head: str, rows: Iterable[Sequence[str]]) -> str:
    """Cells are HTML already."""
    heads = "".join(f"<th>{_text(cell)}</th>" for cell in head.split("|"))
    body = "\n".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{heads}</tr></thead><tbody>\n{body}\n</tbody></table>"


def _images(plots: Mapping[str, Plot]) -> str:
    """Pictures of their own: an SVG in an <img> runs no script and shares no names with the next one."""
    images = ""
    for plot in plots.values():
        data = base64.b64encode(plot.svg()).decode()
        images += f'<img alt="{_text(plot.says)}" src="data:image/svg+xml;base64,{data}">'
    return f'<div class="plots">{images}</div>'


def _named(exercise: str, drawn: Iterable[Plot]) -> dict[str, Plot]:
    stem = re.sub(r"[^a-z0-9-]+", "-", exercise.lower())[:64]
    return {f"{stem}-{plot.name}": plot for plot in drawn}


def _latest_first(done: Sequence[KeptSet]) -> list[str]:
    return list(dict.fromkeys(one.exercise for one in reversed(done)))


def _recent(own: Sequence[KeptSet]) -> list[KeptSet]:
    oldest = instant(own[-1].at_utc) - timedelta(days=PROFILE_DAYS)
    return [one for one in own if instant(one.at_utc) >= oldest]


def _adherence(done: Sequence[KeptSet], profile: Profile | None) -> float | None:
    reps = [rep for one in done for rep in one.counted]
    return tempo_adherence_pct(profile, reps) if profile else None


def _loads(done: Sequence[KeptSet]) -> str:
    loads = sorted({one.load_kg for one in done if one.load_kg is not None})
    if not loads:
        return ""
    return f" at {loads[0]:g} kg" if len(loads) == 1 else f" at {loads[0]:g} to {loads[-1]:g} kg"


def _tempo(reps: Sequence[Rep]) -> str:
    """The mean seconds of each phase, in the order eccentric, bottom, concentric, top."""
    means = []
    for field in ("eccentric_s", "bottom_pause_s", "concentric_s", "top_pause_s"):
        values = [value for rep in reps if (value := getattr(rep, field)) is not None]
        means.append(f"{fmean(values):.1f}" if values else "–")
    return " - ".join(means)


def _text(words: str) -> str:
    """Words from the record as HTML: whatever wrote them, they are only text."""
    return escape(clean(words, 2000))


def _number(value: float | None, digits: int, scale: float = 1.0) -> str:
    return "–" if value is None else f"{scale * value:.{digits}f}"


def _path(largest_m: float | None, reps: Sequence[Rep], profile: Profile | None) -> str:
    """The largest deviation of these reps, marked where one of them is off its path."""
    text = _number(largest_m, 1, 100.0)
    return f'<span class="off">{text}</span>' if profile and path_off(reps, profile) else text


def _limited_loss(value_pct: float | None, profile: Profile | None) -> str:
    text = _number(value_pct, 0)
    asked_pct = profile.velocity_loss_cutoff_pct if profile else None
    over = value_pct is not None and asked_pct is not None and value_pct > asked_pct
    return f'<span class="off">{text}</span>' if over else text


def _days(first: str, last: str) -> str:
    return first if first == last else f"{first} to {last}"


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _upper(text: str) -> str:
    return _text(text[:1].upper() + text[1:])
