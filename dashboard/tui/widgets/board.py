"""Beside the history's list: who of a squad stands where, and the days somebody has trained."""

import calendar
from collections.abc import Mapping, Sequence
from datetime import date

from rich.segment import Segment
from rich.style import Style

from dashboard.floor.names import Names, name_of, shortened
from dashboard.history.standings import DAYS, TITLES, Rank, Standing
from dashboard.plaintext import clean, column
from dashboard.tui.lines import BLUE, BOLD, FAINT, GREY, PLAIN, number

_NAME = 16
_WEEK = "Mo Tu We Th Fr Sa Su"
_CELL = 5  # of a day
_MANY = 6  # sets of a day; more are drawn no larger
_STEPS = " ▁▂▃▄▅▆▇█"


def board_lines(
    places: Sequence[Rank] | None,
    by: Standing,
    squad: str | None,
    at: str,
    chosen: str | None,
    names: Names,
    width: int,
) -> list[list[Segment]]:
    """The standings; `at` is the load that velocities are compared at, `chosen` the athlete in blue."""
    if places is None:
        return [[Segment("reading the record …", FAINT)]]
    load = f" at {at}" if by == "velocity" and at else ""
    who = f"squad {clean(squad, 20)}" if squad else "everybody"
    found = [
        [Segment(f"{TITLES[by]}{load}", BOLD), Segment(f"   {who}, last {DAYS} days", FAINT)],
        [],
    ]
    if not places:
        return [*found, [Segment("nothing measured", FAINT)]]
    most = max(place.value for place in places) or 1.0
    cells = max(4, width - _NAME - 30)
    for rank, place in enumerate(places, 1):
        colour = BLUE if place.athlete == chosen else GREY
        name = column(shortened(clean(name_of(place.athlete, names) or "nobody"), _NAME - 1), _NAME)
        figure = number(place.value, 2 if by == "velocity" else 1 if by == "load" else 0)
        bar = "█" * round(cells * max(0.0, min(1.0, place.value / most)))
        found.append(
            [
                Segment(f"{rank:>2} {name}{figure:>7} ", BOLD if place.athlete == chosen else PLAIN),
                Segment(f"{bar:<{cells}}", Style(color=colour)),
                Segment(f"  {place.day}", FAINT),
            ]
        )
    return found


def month_lines(days: Mapping[str, int], first: date, width: int) -> list[list[Segment]]:
    """A month with the number of sets under each day; `first` is its first day."""
    in_month = {day: sets for day, sets in days.items() if day[:7] == f"{first:%Y-%m}"}
    said = f"   {len(in_month)} days, {sum(in_month.values())} sets"
    found = [
        [Segment(f"{first:%B %Y}", BOLD), Segment(said, FAINT)],
        [],
        [Segment("".join(f"{word:<{_CELL}}" for word in _WEEK.split()), FAINT)],
    ]
    for week in calendar.Calendar().monthdayscalendar(first.year, first.month):
        found.append(
            [
                Segment(f"{day or '':>2}{'':<{_CELL - 2}}", BOLD if _sets(days, first, day) else FAINT)
                for day in week
            ]
        )
        row: list[Segment] = []
        for day in week:
            sets = _sets(days, first, day)
            step = _STEPS[min(8, round(8 * min(sets, _MANY) / _MANY))] if sets else " "
            row.append(Segment(f"{step}{sets or '':<{_CELL - 1}}", Style(color=BLUE)))
        found.append(row)
    return [line[: max(1, width)] for line in found]


def _sets(days: Mapping[str, int], first: date, day: int) -> int:
    return days.get(f"{first:%Y-%m}-{day:02d}", 0) if day else 0
