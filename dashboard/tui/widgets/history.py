"""The record behind the screens: who did what, the sets of it, how it develops, two sets side by side."""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Literal

from rich.segment import Segment
from rich.style import Style

from dashboard.floor.names import Names, name_of, shortened
from dashboard.floor.times import instant, minute_of, zone_name
from dashboard.floor.units import Units, load_words
from dashboard.history.kept import KeptSet, Practised
from dashboard.history.load_velocity import load_velocity
from dashboard.history.standings import TITLES as STANDING_TITLES
from dashboard.history.standings import Rank, Standing
from dashboard.history.trends import TITLES, Measure, compare_sets, trend
from dashboard.plaintext import cells, clean, column
from dashboard.tui.lines import (
    BLUE,
    BOLD,
    FAINT,
    GREY,
    PHASE_LOOK,
    PLAIN,
    YELLOW,
    Lines,
    number,
    truncated_pct,
)
from dashboard.tui.plots.braille import Braille
from dashboard.tui.plots.curve import Drawn, Shows, over_time, path_lines
from dashboard.tui.widgets.board import board_lines, month_lines
from station.exercises import Profile
from station.exercises.judge import TempoTimes, tempo_of
from station.motion import motion_of
from station.records import Rep

LIST_CELLS = 30
BESIDE_CELLS = 48  # the least for what is chosen beside the list
NARROW = 54  # cells for the sets; fewer, and the year and the path go
_WITH_YEARS = 60  # cells of two sets over each other
LEAST_SPAN = 0.1  # of a curve's axis, of the largest value
STANDINGS: tuple[Standing, ...] = tuple(STANDING_TITLES)
MEASURES: tuple[Measure, ...] = tuple(TITLES)
Overlay = Literal["bars", "tempo", "deviation"] | Shows
OVERLAYS: tuple[Overlay, ...] = ("bars", "tempo", "deviation", "place", "velocity", "path")
Page = Literal["sets", "board", "days"]
_SAYS: dict[Overlay, str] = {
    "bars": "m/s",
    "tempo": "tempo, s",
    "deviation": "path off, mm",
    "place": "place, m",
    "velocity": "velocity, m/s",
    "path": "path, m",
}
SetKey = tuple[str, str, str, int]


class HistoryLines(Lines):
    """The history screen's content as one widget."""

    def __init__(self, profiles: Mapping[str, Profile], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._profiles = profiles
        self.practised: Sequence[Practised] = ()
        self.chosen = 0
        self.sets: Sequence[KeptSet] = ()
        self.place = 0
        self.marked: KeptSet | None = None
        self.measure: Measure = MEASURES[0]
        self.overlay: Overlay = OVERLAYS[0]  # of two sets
        self.curves: Mapping[SetKey, KeptSet] = {}  # sets whose curves have been read
        self.page: Page = "sets"
        self.places: Sequence[Rank] | None = None  # being read
        self.standing: Standing = STANDINGS[0]
        self.squad: str | None = None  # of the chosen athlete, whose standings they are
        self.days: Mapping[str, int] = {}  # sets by day
        self.month = date(1970, 1, 1)
        self.units: Units = "kg"
        self.problem: str | None = None
        self.names: Names = {}
        self.empty = "reading the record …"  # said where there is nothing

    def lines(self, width: int, height: int) -> Sequence[Sequence[Segment]]:
        """The list at the left, on a phone above, and what was chosen."""
        if self.problem is not None:
            # a path may be longer than the screen is wide
            said = textwrap.wrap(self.problem, max(1, width - 2))
            return [[Segment(f" {line}", Style(color=YELLOW, bold=True))] for line in said]
        if not self.practised:
            return [[Segment(f" {self.empty}", FAINT)]]
        if width < LIST_CELLS + BESIDE_CELLS:
            rows = min(len(self.practised), height // 5) + 1
            above = list_lines(self.practised, self.chosen, self._profiles, self.names, rows)
            return [*above, [], *self._right(width, height - rows - 1)]
        left = list_lines(self.practised, self.chosen, self._profiles, self.names, height)
        right = self._right(width - LIST_CELLS - 1, height)
        blank = [Segment(" " * LIST_CELLS)]
        rows = max(len(left), len(right))
        left += [blank] * (rows - len(left))
        right += [[]] * (rows - len(right))
        return [[*a, Segment(" "), *b] for a, b in zip(left, right, strict=True)]

    def _right(self, width: int, height: int) -> list[list[Segment]]:
        if not self.sets:
            return []
        if self.page == "days":
            return month_lines(self.days, self.month, width)
        if self.page == "board":
            current = self.sets[self.place]
            load, who = load_words(current.load_kg, self.units) or "no load", current.athlete
            return board_lines(self.places, self.standing, self.squad, load, who, self.names, width)
        table = max(4, height // 2 - 2)
        lines = set_lines(self.sets, self.place, self.marked, self.units, width, table)
        lines.append([])
        current = self.sets[self.place]
        rest = height - len(lines)
        if self.marked is not None and self.marked.key != current.key:
            one, other = (self.curves.get(a_set.key, a_set) for a_set in (self.marked, current))
            return lines + pair_lines(one, other, width, rest, self.overlay)
        profile = load_velocity(self.sets)
        said = textwrap.wrap(profile.text, max(10, width - 1))
        at = current.load_kg, load_words(current.load_kg, self.units) or ""
        lines += trend_lines(self.sets, self.measure, self._profiles, width, max(3, rest - len(said)), at)
        return lines + [[Segment(line, BOLD if profile.one_rep_maximum else FAINT)] for line in said]


def list_lines(
    practised: Sequence[Practised], chosen: int, profiles: Mapping[str, Profile], names: Names, height: int
) -> list[list[Segment]]:
    """Athlete and exercise, the chosen one marked."""
    first = max(0, min(chosen - (height - 1) // 2, len(practised) - (height - 1)))
    found = [[Segment(f" {'athlete':<11}{'exercise':<{LIST_CELLS - 12}}", FAINT)]]
    for place, one in enumerate(practised[first : first + height - 1], start=first):
        profile = profiles.get(one.exercise)
        title = clean(profile.title if profile else one.exercise)
        who = column(shortened(clean(name_of(one.athlete, names) or "nobody"), 10), 11)
        words = f"{'▶' if place == chosen else ' '}{who}{column(title, LIST_CELLS - 12)}"
        found.append([Segment(words, BOLD if place == chosen else PLAIN)])
    return found


def set_lines(
    sets: Sequence[KeptSet], place: int, marked: KeptSet | None, units: Units, width: int, height: int
) -> list[list[Segment]]:
    """The sets, newest first; `place` counts from the oldest."""
    from_char = 5 if width < NARROW else 0
    when = 17 - from_char
    title = f"when, {zone_name(instant(sets[place].at_utc))}"[: when - 1]
    found = [[Segment(f"  {title:<{when}}{'load':>9}{'reps':>5}{'m/s':>6}{'loss':>6}{'path mm':>9}", FAINT)]]
    order = list(range(len(sets)))[::-1]
    at = order.index(place)
    first = max(0, min(at - (height - 1) // 2, len(order) - (height - 1)))
    for index in order[first : first + height - 1]:
        one = sets[index]
        summary = one.summary
        path = summary.largest_path_deviation_m
        mark = "◆" if marked is not None and one.key == marked.key else "▶" if index == place else " "
        words = (
            f"{mark} {minute_of(one.at_utc)[from_char:]:<{when}}"
            f"{load_words(one.load_kg, units) or '–':>9}"
            f"{summary.counted_reps:>5}{number(summary.fastest_mean_concentric_velocity_mps, 2):>6}"
            f"{truncated_pct(summary.velocity_loss_pct):>4} %"
            f"{number(None if path is None else 1000 * path):>9}"
        )
        found.append([Segment(words, BOLD if index == place else PLAIN)])
    return found


def trend_lines(
    sets: Sequence[KeptSet],
    measure: Measure,
    profiles: Mapping[str, Profile],
    width: int,
    height: int,
    at: tuple[float | None, str] = (None, ""),
) -> list[list[Segment]]:
    """The trend of a metric, set by set, oldest at the left; a line joins sets of one load alone.

    Velocity falls with the load: a line through rising loads would say nothing of how somebody develops.
    `at`: the load that is in colour, and its words.
    """
    points = trend(sets, measure, profiles)
    title, unit = TITLES[measure]
    name, _, of = title.partition(", ")
    name = f"{name}, {unit}"
    blue = f"in blue at {at[1]}" if at[1] else ""
    hows = [
        ", ".join(filter(None, parts)) for parts in ((of, "set by set", blue), (of, blue), (blue,), (of,))
    ]
    how = next((one for one in hows if cells(name) + 2 + cells(one) <= width), "")
    heading = [Segment(name, BOLD), Segment(f"  {how}", FAINT)]
    if not points:
        return [heading, [Segment("not measured", FAINT)]]
    values = [point.value for point in points]
    if len(values) == 1:
        return [heading, [Segment(f"{number(values[0], 2)} in the one set there is", PLAIN)]]
    low, high = min(values), max(values)
    # A tenth of the value at least: a millimetre from set to set is not to look like a change.
    span = max(high - low, abs(high) * LEAST_SPAN) or 1.0
    top = (low + high + span) / 2
    field = Braille(max(1, width - 8), max(1, height - 1))
    of_load = {point.load_kg: Style(color=BLUE if point.load_kg == at[0] else GREY) for point in points}
    for load_kg in sorted(of_load, key=lambda one: one == at[0]):  # the one in colour over the others
        before: tuple[int, int] | None = None
        for index, point in enumerate(points):
            if point.load_kg == load_kg:
                x = round(index / max(1, len(points) - 1) * (field.width_dots - 1))
                y = round((top - point.value) / span * (field.height_dots - 1))
                for beside in (x, x - 1):  # a set alone is seen as well
                    field.dot(beside, y, of_load[load_kg])
                field.line(*(before or (x, y)), x, y, of_load[load_kg])
                before = (x, y)
    rows = field.rows()
    labels = {0: number(top, 2), len(rows) - 1: number(top - span, 2)}
    return [heading, *([Segment(f"{labels.get(i, ''):>7} ", FAINT), *row] for i, row in enumerate(rows))]


def pair_lines(
    one: KeptSet, other: KeptSet, width: int, height: int, overlay: Overlay = "bars"
) -> list[list[Segment]]:
    """Two sets over each other: the marked one in grey and dashed, the chosen one in blue."""
    year = 0 if width >= _WITH_YEARS else len("2026-")
    heading = [
        Segment(f"◆ {minute_of(one.at_utc)[year:]}", Style(color=GREY, bold=True)),
        Segment(" against ", FAINT),
        Segment(f"▶ {minute_of(other.at_utc)[year:]}", Style(color=BLUE, bold=True)),
        Segment(f"  {_SAYS[overlay]}", FAINT),
    ]
    if overlay == "bars" or overlay == "tempo" or overlay == "deviation":  # noqa: PLR1714  for mypy
        below = _rep_by_rep(one, other, width, overlay)
    else:
        below = _curves(one, other, width, height - 1, overlay)
    return [heading, *below][:height]


def _curves(one: KeptSet, other: KeptSet, width: int, height: int, overlay: Shows) -> list[list[Segment]]:
    """Every rep of both that has a curve, laid over each other where the concentric begins."""
    drawn, without = [], []
    for mark, a_set, colour in (("◆", one, GREY), ("▶", other, BLUE)):
        motions = [motion for kept in a_set.reps if (motion := motion_of(kept.rep)) is not None]
        drawn += [Drawn(motion, Style(color=colour), dashed=mark == "◆") for motion in motions]
        if not motions:
            without.append(mark)
    said = [[Segment(f"{mark} came without curves", FAINT)] for mark in without]
    if not drawn:
        return said
    if overlay == "path":
        return [*said, *path_lines(drawn, width, height - len(said))]
    return [*said, *over_time(drawn, overlay, width, max(1, height - len(said)))]


def _rep_by_rep(
    one: KeptSet, other: KeptSet, width: int, shows: Literal["bars", "tempo", "deviation"]
) -> list[list[Segment]]:
    """One number of each rep, the marked set's above the chosen one's; of the tempo its four phases."""
    pairs = compare_sets(one, other)
    reps = [rep for pair in pairs for rep in (pair.one, pair.other) if rep]
    scale = max(map(_LENGTH[shows], reps), default=0.0) or 1.0
    figure = 17 if shows == "tempo" else 5
    cells = max(4, width - 9 - figure)
    found = []
    for pair in pairs:
        for mark, rep, colour in (("◆", pair.one, GREY), ("▶", pair.other, BLUE)):
            label = f"{pair.number:>3}" if mark == "◆" else "   "
            line = [Segment(f"{label} {mark} {_figure(rep, shows):>{figure}} ")]
            parts: list[tuple[float, str]] = [(_LENGTH[shows](rep) if rep else 0.0, colour)]
            if shows == "tempo":
                looks = [look[1] for look in PHASE_LOOK.values()]
                parts = [(took or 0.0, look) for took, look in zip(_tempo(rep), looks, strict=True)]
            line += [
                Segment("█" * round(cells * min(1.0, max(0.0, size / scale))), Style(color=look))
                for size, look in parts
            ]
            found.append(line)
    return found


def _tempo(rep: Rep | None) -> TempoTimes:
    return (None, None, None, None) if rep is None else tempo_of(rep)


def _figure(rep: Rep | None, shows: Literal["bars", "tempo", "deviation"]) -> str:
    if rep is None:
        return "–"
    if shows == "tempo":
        return "-".join(number(took, 1) for took in tempo_of(rep))
    if shows == "deviation":
        return number(None if rep.path_deviation_m is None else 1000.0 * rep.path_deviation_m)
    return number(rep.mean_concentric_velocity_mps, 2)


_LENGTH: dict[str, Callable[[Rep], float]] = {
    "bars": lambda rep: rep.mean_concentric_velocity_mps or 0.0,
    "tempo": lambda rep: sum(took or 0.0 for took in tempo_of(rep)),
    "deviation": lambda rep: rep.path_deviation_m or 0.0,
}
