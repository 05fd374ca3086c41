"""The lifter's view: rep count, velocity, the tempo to follow, one cue."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from dashboard.floor.coaching import in_few_words
from dashboard.floor.names import shortened
from dashboard.floor.pacing import Pace
from dashboard.floor.reps import ROUGH, asked_tempo
from dashboard.floor.views import StationView
from dashboard.tui.lifter.card import BigLine, card, fitting, large_lines, load_wordings
from dashboard.tui.lines import BLUE, BOLD, FAINT, GREY, ORANGE, PHASE_LOOK, PLAIN, YELLOW, Lines, spread
from dashboard.tui.widgets.digits import ROWS, big, big_width
from dashboard.tui.widgets.tile import LOOK, NAME_CELLS

_TRACK_CELLS = 9
_TRACK_GAP = 2
_LARGEST = 6
BEGUN_S = 8.0  # after the last rep began somebody lifts, though the set before is the newest that is known
SHORT_PHASE_S = 1.5  # a phase that is told in tenths


Told = tuple[str, bool]  # an answer, and whether it was done


class Ask(NamedTuple):
    """What the screen asks, or offers by key."""

    question: str = ""
    choices: tuple[str, ...] = ()  # what a number and Enter take, from 0 on; empty at a number that is none
    take_back: bool = False  # whether one key takes back what ended the set
    goes_on: bool = False  # whether one key goes on with a set that its gap has ended


NOTHING_ASKED = Ask()


class LifterView(Lines):
    """One station for the person on it. `show` gives it something new."""

    _shown: tuple[StationView | None, Pace, bool, str, Told | None, Ask]
    _shown = (None, Pace(), False, "", None, NOTHING_ASKED)

    def show(
        self, view: StationView | None, pace: Pace, flash: bool, badge: str, told: Told | None, ask: Ask
    ) -> None:
        """`view` None: not heard yet; `flash`: a rep has come; `badge`: typed so far; `told`: an answer."""
        if (view, pace, flash, badge, told, ask) != self._shown:
            self._shown = (view, pace, flash, badge, told, ask)
            self.draw_anew()

    def lines(self, width: int, height: int) -> Sequence[Sequence[Segment]]:
        """The whole screen."""
        view, pace, flash, badge, told, ask = self._shown
        return lifter_lines(view, pace, flash, badge, told, width, height, ask)


def lifter_lines(
    view: StationView | None,
    pace: Pace,
    flash: bool,
    badge: str,
    told: Told | None,
    width: int,
    height: int,
    ask: Ask = NOTHING_ASKED,
) -> list[list[Segment]]:
    """The lifter's screen in `width` × `height` cells."""
    if view is None:
        return []
    words, style = _say(view, badge, told, ask)
    body_height = max(0, height - 2)
    head, foot = _head(view, width), _foot(view, badge, ask, width)
    begun = pace.rep_began_s is not None and pace.rep_s < BEGUN_S
    if ask.choices:
        body = large_lines(_choices(ask.choices, badge), width - 2, body_height)
    elif view.freshness.up and not begun and (view.set_over or not view.reps):
        body = large_lines(card(view, BigLine([words, in_few_words(words)], style)), width - 2, body_height)
    else:
        return [head, *_lifting(view, pace, flash, words, style, width, body_height), foot][:height]
    above = (body_height - len(body)) // 2
    rows = [*[[]] * above, *body, *[[]] * (body_height - above - len(body))]
    return [head, *[[Segment(" "), *row] for row in rows], foot][:height]


def _lifting(
    view: StationView, pace: Pace, flash: bool, words: str, style: Style, width: int, body_height: int
) -> list[list[Segment]]:
    """In a set: who and with what, the count, the phase, what to do; at the right the range."""
    room = max(1, width - _TRACK_CELLS - 2 * _TRACK_GAP)
    text = fitting(words, room, max(ROWS, body_height // 3))
    state = _state(view, pace, room, body_height - len(text))
    title = _title(view, room, body_height - len(text) - len(state) - 2 * ROWS)
    count = _count(view, pace, flash, room, body_height - len(text) - len(state) - len(title))
    gaps = max(0, body_height - len(title) - len(count) - len(state) - len(text))
    above, between = (gaps + 2) // 4, (gaps + 1) // 3
    left: list[list[Segment]] = [
        *title,
        *[[]] * above,
        *count,
        *[[]] * between,
        *state,
        *[[]] * max(0, gaps - above - between),
        *[[Segment(line, style)] for line in text],
    ]
    track = _track(pace, view, body_height)
    return [
        [Segment(" "), *spread(row, [Segment(" " * _TRACK_GAP), *beside], width - 1)]
        for row, beside in zip(left[:body_height], track, strict=False)
    ]


def _title(view: StationView, room: int, height: int) -> list[list[Segment]]:
    """Who, what and with how much, as one line; without who where there is no room for both."""
    load = "" if view.loaded_by == "none" else view.load or ""
    load = load if view.lifted is None else f"{view.lifted}!"
    who = shortened(view.called, NAME_CELLS) if view.called else ""
    parts = ((who, view.title, load), (who, view.short_title, load), (view.short_title, load), (load or who,))
    wordings = [" ".join(part for part in given if part) for given in parts]
    look = Style(color=ORANGE if view.lifted else GREY, bold=True)
    return large_lines([BigLine(wordings, look)], room, min(height, 2 * ROWS)) if height > ROWS else []


def _choices(choices: Sequence[str], badge: str) -> list[BigLine]:
    """A number and what it takes, each in a line."""
    return [
        BigLine([f"{number} {words}"], Style(color=YELLOW if badge == str(number) else BLUE, bold=True))
        for number, words in enumerate(choices)
        if words
    ]


def _head(view: StationView, width: int) -> list[Segment]:
    glyph, colour = LOOK[view.attention]
    bar = Style(color="#000000", bgcolor=colour, bold=True)
    planned = view.set_words if view.sets_planned else ""
    mute = "  muted" if view.muted else ""
    right = f" {view.attention_text or view.freshness.text}{mute} "
    parts = [part for part in (view.called, view.title, view.load, planned) if part]
    left = _whole([f" {glyph} {view.key[1]}", *parts], "   ", width - cell_len(right))
    return spread([Segment(left, bar)], [Segment(right, bar)], width, bar)


def _whole(parts: Sequence[str], gap: str, room: int) -> str:
    """As many of the parts as find room; none of them is cut."""
    said = parts[0]
    for part in parts[1:]:
        if cell_len(said + gap + part) > room:
            break
        said += gap + part
    return said


def _count(view: StationView, pace: Pace, flash: bool, room: int, height: int) -> list[list[Segment]]:
    """Reps of the target, and the last rep's velocity or a drill's seconds, as large as they fit."""
    target = f"/{view.target_reps}" if view.target_reps else ""
    # The size is chosen for a full set, so that it does not jump at the tenth rep.
    widest = "0" * max(len(str(view.counted)), len(target) - 1, 2)
    last = view.last
    drill = view.loaded_by in ("none", "band")
    speed = _seconds(pace) if drill else last.velocity_words if last else ""
    scale = 1
    for wanted in range(_LARGEST, 1, -1):
        small = max(1, wanted // 2)
        needs = big_width(widest, wanted) + big_width(target, small) + big_width("0.00", small) + 4
        if needs <= room and ROWS * wanted <= height:
            scale = wanted
            break
    small = max(1, scale // 2)
    rest = room - big_width(widest, scale) - big_width(target, small) - 4
    quick = next((one for one in range(scale, small, -1) if big_width("0.00", one) <= rest), small)
    colour = YELLOW if last is not None and last.doubtful else BLUE if view.pending else None
    colour = GREY if view.set_over else colour  # the set before: its next begins
    look = Style(color=colour, bold=True, reverse=flash)
    reached = last is not None and last.loss_reached and not drill
    fast = Style(color=ORANGE if reached else BLUE, bold=True)
    counted = f"{view.counted}?" if last is not None and last.doubtful else str(view.counted)
    if big_width(counted) > big_width(widest):
        counted = str(view.counted)
    counts = big(counted, scale)
    targets = [*[""] * (ROWS * (scale - small)), *big(target, small)]
    speeds = [*[""] * (ROWS * (scale - quick)), *big(speed, quick)]
    if scale > quick and speed:
        rough = f"{ROUGH} m/s" if last and last.velocity_rough else "m/s"
        speeds[ROWS * (scale - quick) - 1] = f"s {pace.word}" if drill else rough
    return [
        spread([Segment(count, look), Segment(of, FAINT)], [Segment(said, fast)], room)
        for count, of, said in zip(counts, targets, speeds, strict=True)
    ]


def _seconds(pace: Pace) -> str:
    """A drill's phase: what is left of it, or how long it has been, to a tenth."""
    if pace.phase is None:
        return ""
    return f"{max(0.0, pace.elapsed_s if pace.left_s is None else pace.left_s):.1f}"[-4:]


def _state(view: StationView, pace: Pace, room: int, height: int) -> list[list[Segment]]:
    """The phase and its seconds."""
    if not view.freshness.up:
        return [[Segment(line, FAINT)] for line in fitting(view.freshness.name, room, ROWS * 2)]
    if pace.phase is None:
        return [[]] * ROWS
    words = pace.word
    if pace.left_s is not None and pace.asked_s:
        left_s = max(0.0, pace.left_s)
        # Tenths of a long phase would flicker; of one about a second long there is nothing else to follow.
        words += f" {left_s:.1f}" if pace.asked_s <= SHORT_PHASE_S else f" {math.ceil(left_s)}"
    colour = PHASE_LOOK[pace.phase][1]
    most = ROWS * 2 if height > ROWS * 6 else ROWS
    return [[Segment(line, Style(color=colour, bold=True))] for line in fitting(words, room, most)]


def _say(  # noqa: PLR0911 - the first that applies
    view: StationView, badge: str, told: Told | None, ask: Ask = NOTHING_ASKED
) -> tuple[str, Style]:
    """One thing to act on, the most urgent first; whoever stands at the keypad before whoever lifts."""
    last = view.last
    if badge or told is not None:
        words, fine = (f"badge {badge}", True) if badge or told is None else told
        return words, Style(color=BLUE if fine else ORANGE, bold=True)
    if last is not None and last.not_counted_reason and not view.set_over and not last.doubtful:
        return last.not_counted_reason, Style(color=ORANGE, bold=True)
    if ask.question:
        return ask.question, Style(color=YELLOW, bold=True)
    if last is not None and last.loss_reached and not view.set_over:
        return "end the set", Style(color=ORANGE, bold=True)
    if view.target_reps and view.counted >= view.target_reps and not view.set_over:
        return "done", Style(color=BLUE, bold=True)
    if ask.take_back:
        return "set ended, - goes on", Style(color=YELLOW, bold=True)
    if view.lifted is not None and not view.set_over:
        return load_wordings(view)[0], Style(color=ORANGE, bold=True)
    if view.set_over and view.waiting:
        return f"next {shortened(view.waiting[0], NAME_CELLS)}", Style(color=BLUE, bold=True)
    if view.athlete is None and not view.reps:
        return "badge", Style(color=GREY, bold=True)
    return view.cue or "", Style(color=YELLOW, bold=True)


def _track(pace: Pace, view: StationView, height: int) -> list[list[Segment]]:
    """The range from top to bottom: the lifter's place, and the target to stay with."""
    rows: list[list[Segment]] = []
    at = None if pace.place is None else round((1.0 - pace.place) * (height - 1))
    wanted = None if pace.target is None else round((1.0 - pace.target) * (height - 1))
    moving = view.freshness.up
    colour = PHASE_LOOK[pace.phase][1] if pace.phase else GREY
    for row in range(height):
        mine = moving and at is not None and abs(row - at) <= max(0, height // 20)
        goal = moving and wanted is not None and abs(row - wanted) <= max(0, height // 20)
        rows.append(
            [
                Segment("▶ " if goal else "  ", Style(color=YELLOW, bold=True)),
                Segment("█████" if mine else "━━━━━" if goal else "  ┊  ", _track_look(mine, goal, colour)),
                Segment(" ◀" if goal else "  ", Style(color=YELLOW, bold=True)),
            ]
        )
    return rows


def _track_look(mine: bool, goal: bool, colour: str) -> Style:
    if mine:
        return Style(color=colour, bold=True)
    return Style(color=YELLOW, bold=True) if goal else FAINT


def _foot(view: StationView, badge: str, ask: Ask, width: int) -> list[Segment]:
    asked = asked_tempo(view.target_tempo_s)
    tempo = f"tempo {'-'.join(asked)}" if asked else ""
    lifting = bool(view.reps) and not view.set_over
    plates = "" if lifting else view.plates  # while somebody loads the bar
    then = [f"then {view.waiting[0]}", *view.waiting[1:]] if view.waiting else ["then"] if view.queue else []
    if badge:
        keys, look = f"{'number' if ask.choices else 'badge'} {badge}▏ ⏎", BOLD
    elif ask.question or view.doubtful:
        doubt = f"? {view.doubtful} doubtful  " if view.doubtful else ""
        keys, look = f"{doubt}+ yes  - no", Style(color=YELLOW, bold=True)
    elif ask.choices:
        keys, look = "number ⏎  - back", BOLD
    else:
        back = "  - take back" if ask.take_back else "  - same set" if ask.goes_on else ""
        keys, look = (f"/ end the set{back}" if lifting else f"* exercise{back}"), FAINT
    room = width - cell_len(keys) - 2
    left = _whole([f" {tempo}", *filter(None, (plates,))], "  ", room)
    if then and cell_len(left) + 2 + cell_len(then[0]) <= room:
        left += "  " + _whole(then, ", ", room - cell_len(left) - 2)
    return spread([Segment(left, PLAIN)], [Segment(f" {keys} ", look)], width)
