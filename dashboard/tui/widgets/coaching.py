"""Beside the running set: cue, progress towards mastery, rest, who is next, earlier sets."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size

from dashboard.floor.attention import age
from dashboard.floor.names import Names, name_of, shortened
from dashboard.floor.units import Units, load_words
from dashboard.floor.views import StationView
from dashboard.plaintext import clean, column, cut
from dashboard.tui.lines import BLUE, BOLD, FAINT, PLAIN, YELLOW, Lines, number, truncated_pct
from dashboard.tui.widgets.tile import MISSED
from station.exercises import Profile
from station.exercises.judge import Outcome
from station.messages import SetMessage

_SETS = 4
_LABEL = 9


class CoachingLines(Lines):
    """Two lines, one of what load cells say, and the newest sets where the screen has room for them."""

    def __init__(self, profiles: Mapping[str, Profile], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._profiles = profiles
        self._units: Units = "kg"
        self._view: StationView | None = None
        self._sets: tuple[SetMessage, ...] = ()
        self._extra = 0  # lines of cells, of today and of a note
        self._names: Names = {}

    def show(self, view: StationView, sets: Sequence[SetMessage], units: Units, names: Names) -> None:
        """Show this from now on; `sets` oldest first."""
        newest = tuple(sets[-_SETS:])
        if (view, newest, units, names) != (self._view, self._sets, self._units, self._names):
            before = self._extra
            self._extra = bool(_cells(view, units)) + (view.today is not None) + bool(view.note)
            taller = (len(newest), self._extra) != (len(self._sets), before)
            self._view, self._sets, self._units, self._names = view, newest, units, names
            self.draw_anew()
            if taller:
                self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """The sets only where the rest of the screen keeps its room."""
        return 2 + self._extra + (len(self._sets) if viewport.height >= 34 else 0)

    def lines(self, width: int, height: int) -> Sequence[Sequence[Segment]]:
        """Cue and rest, mastery and queue, sets."""
        if self._view is None:
            return []
        return coaching_lines(self._view, self._sets, self._profiles, self._units, self._names)[:height]


def coaching_lines(
    view: StationView,
    sets: Sequence[SetMessage],
    profiles: Mapping[str, Profile],
    units: Units,
    names: Names = MappingProxyType({}),
) -> list[list[Segment]]:
    """The lines; the newest set first."""
    first = [_label("cue")]
    if view.cue:
        first += [Segment("▸ ", Style(color=YELLOW, bold=True)), Segment(view.cue, BOLD)]
    elif view.reps:
        first.append(Segment("nothing to correct of what is measured", FAINT))
    if view.rest_s is not None and view.set_over:
        first.append(Segment(f"   rest {age(view.rest_s)}", Style(color=YELLOW, bold=True)))
    second = [_label("standing")]
    mastery = view.mastery
    if mastery is None:
        second.append(Segment("no rule for this exercise: the coach decides", FAINT))
    else:
        glyph = "✔ " if mastery.signed_off else "★ " if mastery.ready else ""
        colour = Style(color=BLUE, bold=True) if mastery.ready or mastery.signed_off else PLAIN
        second += [Segment(glyph, colour), Segment(mastery.text, colour)]
    if view.queue:
        second += [Segment("   next ", FAINT), Segment(", ".join(view.waiting) or "nobody", BOLD)]
    cells = _cells(view, units)
    return [
        first,
        second,
        *([_today(view)] if view.today else []),
        *([[_label("note"), Segment(clean(view.note, 100), BOLD)]] if view.note else []),
        *([cells] if cells else []),
        *(_set(message, profiles, units, names) for message in reversed(sets)),
    ]


def _today(view: StationView) -> list[Segment]:
    """The day's best velocity against the athlete's own usual at this load."""
    assert view.today is not None
    judged = view.today.judged
    glyph = MISSED.get(judged, "") if judged is not None else ""
    style = Style(color=YELLOW, bold=True) if judged is Outcome.SLOW else PLAIN
    words = view.today.words(view.load)
    return [_label("today"), Segment(f"{glyph} {words}" if glyph else words, style)]


def _cells(view: StationView, units: Units) -> list[Segment]:
    """What load cells say of the set and of its last rep; nothing where there are none."""
    rep, said = view.last.measured if view.last else None, []
    if view.weighed is not None:
        sigma = load_words(max(0.1, round(view.weighed.sigma_kg, 1)), units)
        said.append(f"weighed {load_words(round(view.weighed.kg, 1), units)} ± {sigma}")
    if rep is not None and rep.heel_pct is not None:
        least = "" if rep.heel_least_pct is None else f", least {number(rep.heel_least_pct)}"
        said.append(f"on the heels {number(rep.heel_pct)} %{least}")
    if rep is not None and rep.left_pct is not None:
        said.append(f"left {number(rep.left_pct)} %")
    if rep is not None and rep.slack_s is not None:
        said.append(f"slack {number(rep.slack_s, 1)} s")
    return [_label("cells"), Segment("   ".join(said))] if said else []


def _set(message: SetMessage, profiles: Mapping[str, Profile], units: Units, names: Names) -> list[Segment]:
    summary = message.summary
    partial = f" + {summary.partial_reps} partial" if summary.partial_reps else ""
    profile = profiles.get(message.exercise)
    title = profile.title if profile else message.exercise
    load, who = load_words(message.load_kg, units) or "", name_of(message.athlete, names) or ""
    words = (
        f"{column(cut(title, 22), 23)}{column(shortened(who, 10), 11)}{load:>9}"
        f"{summary.counted_reps:>4} rep{'s' * (summary.counted_reps != 1)}{partial}"
        f"  fastest {number(summary.fastest_mean_concentric_velocity_mps, 2)} m/s"
        f"  loss {truncated_pct(summary.velocity_loss_pct)} %"
    )
    return [_label(f"set {summary.number}"), Segment(words, FAINT)]


def _label(word: str) -> Segment:
    return Segment(f" {word[: _LABEL - 1]:<{_LABEL}}", FAINT)
