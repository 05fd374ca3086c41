"""Lines of large letters, each as large as there is room: what a lifter reads between two sets."""

from collections.abc import Sequence
from typing import NamedTuple

from rich.segment import Segment
from rich.style import Style

from dashboard.floor.coaching import in_few_words
from dashboard.floor.names import shortened
from dashboard.floor.reps import asked_tempo
from dashboard.floor.views import StationView
from dashboard.tui.lines import BLUE, BOLD, FAINT, ORANGE, YELLOW, minutes
from dashboard.tui.widgets.digits import ROWS, big, big_width, wrapped
from dashboard.tui.widgets.tile import NAME_CELLS

LARGEST = 4
_ON = {"mass": "on the bar", "cable": "on the stack"}


class BigLine(NamedTuple):
    """A line of large letters; the first of its wordings that fits is drawn."""

    wordings: Sequence[str]
    style: Style = BOLD
    must: bool = True  # else left out where there is no room


def large_lines(wanted: Sequence[BigLine], width: int, height: int) -> list[list[Segment]]:
    """The lines within `width` × `height` cells, a row between two, from the top."""
    lines = [one for one in wanted if any(one.wordings)]
    while lines:
        for scale in range(LARGEST, 0, -1):
            drawn = [_drawn(one, width, scale) for one in lines]
            rows = [row for block in drawn for row in (*block, [])][:-1]
            if len(rows) <= height:
                return rows
        spare = next((at for at in range(len(lines) - 1, -1, -1) if not lines[at].must), len(lines) - 1)
        del lines[spare]
    return []


def _drawn(line: BigLine, width: int, most: int) -> list[list[Segment]]:
    """One line in its fullest wording that fits, at the largest scale that its width allows, up to `most`."""
    for words in filter(None, line.wordings):
        for scale in range(most, 0, -1):
            if big_width(words.upper(), scale) <= width:
                return [[Segment(row, line.style)] for row in big(words.upper(), scale)]
    return [[Segment(row, line.style)] for row in fitting(line.wordings[-1], width, 2 * ROWS + 1)]


def fitting(text: str, width: int, height: int) -> list[str]:
    """The text as large as it fits; its first few words where all of it does not."""
    if not text:
        return []
    for words in dict.fromkeys((text.rstrip("."), in_few_words(text))):
        for scale in (3, 2, 1):
            lines = wrapped(words, width, scale)
            fits = all(big_width(line, scale) <= width for line in lines)
            if fits and len(lines) * ROWS * scale + len(lines) - 1 <= height:
                rows = [row for line in lines for row in ("", *big(line, scale))]
                return rows[1:]
    return [text[:width]]


def card(view: StationView, say: BigLine) -> list[BigLine]:
    """Who, what, with what, how much, the rest and what to do: before a set and between two."""
    who = shortened(view.called, NAME_CELLS) if view.called else ""
    what = dict.fromkeys((view.title, view.short_title))
    return [
        BigLine([f"{who} {one}".strip() for one in what]),
        BigLine(load_wordings(view), Style(color=ORANGE if view.lifted else None, bold=True)),
        BigLine([_plates(view)], Style(color=BLUE, bold=True), must=False),
        BigLine(_rest_wordings(view), Style(color=YELLOW, bold=True)),
        say,
        BigLine(["-".join(asked_tempo(view.target_tempo_s))], FAINT, must=False),
    ]


def load_wordings(view: StationView) -> list[str]:
    """The load and the reps, longest first; what was weighed where that is another."""
    if view.lifted is not None:
        on = _ON.get(view.loaded_by, "weighed")
        asked = (view.load or "").split(" ")[0]
        return [f"{view.lifted} {on}, {asked} asked", f"{view.lifted}, {asked} asked"]
    reps = f"x {view.target_reps}" if view.target_reps else ""
    sets = f"set {view.sets_begun + view.set_over or 1}/{view.sets_planned}" if view.sets_planned else ""
    load = "" if view.loaded_by == "none" else view.load or ""
    if not load and reps:
        reps = f"{view.target_reps} reps"
    found = ["  ".join(part for part in (load, reps, sets) if part)]
    return [*found, " ".join(part for part in (load, reps) if part)]


def _plates(view: StationView) -> str:
    """The plates of one end of the bar, as they are put on."""
    return view.plates.partition("bar + ")[2].replace(" ", "").replace("aside", " a side")


def _rest_wordings(view: StationView) -> list[str]:
    if not view.set_over or view.rest_s is None:
        return [""]
    rest = minutes(view.rest_s)
    if view.rest_asked_s is None:
        return [f"rest {rest}"]
    asked = minutes(view.rest_asked_s)
    return [f"rest {rest} of {asked}", f"{rest}/{asked}"]
