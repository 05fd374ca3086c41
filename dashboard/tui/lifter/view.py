"""The lifter's view: rep count, velocity, the tempo to follow, one cue."""

import math
from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style

from dashboard.floor.coaching import in_few_words
from dashboard.floor.names import shortened
from dashboard.floor.pacing import Pace
from dashboard.floor.reps import ROUGH, asked_tempo
from dashboard.floor.views import StationView
from dashboard.tui.widgets.digits import ROWS, big, big_width, wrapped
from dashboard.tui.widgets.lines import BLUE, BOLD, FAINT, GREY, ORANGE, PLAIN, YELLOW, Lines, spread
from dashboard.tui.widgets.tile import LOOK, NAME_CELLS, PHASE_LOOK

_TRACK_CELLS = 9
_TRACK_GAP = 2
_LARGEST = 6


Told = tuple[str, bool]  # an answer, and whether it was done


class LifterView(Lines):
    """One station for the person on it. `show` gives it something new."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._shown: tuple[StationView | None, Pace, bool, str, Told | None] = (
            *(None, Pace(), False, ""),
            None,
        )

    def show(
        self, view: StationView | None, pace: Pace, flash: bool, badge: str, told: Told | None = None
    ) -> None:
        """`view` None: not heard yet; `flash`: a rep has come; `badge`: typed so far; `told`: an answer."""
        if (view, pace, flash, badge, told) != self._shown:
            self._shown = (view, pace, flash, badge, told)
            self.draw_anew()

    def lines(self, width: int, height: int) -> Sequence[Sequence[Segment]]:
        """The whole screen."""
        return lifter_lines(*self._shown, width, height)


def lifter_lines(
    view: StationView | None,
    pace: Pace,
    flash: bool,
    badge: str,
    told: Told | None,
    width: int,
    height: int,
) -> list[list[Segment]]:
    """The lifter's screen in `width` × `height` cells."""
    if view is None:
        return []
    room = max(1, width - _TRACK_CELLS - 2 * _TRACK_GAP)
    body_height = height - 2
    say, style = _say(view, badge, told)
    text = _fitting(say, room, max(ROWS, body_height // 3))
    state = _state(view, pace, room)
    count = _count(view, flash, room, body_height - len(text) - len(state))
    gaps = max(0, body_height - len(count) - len(state) - len(text))
    above, between = (gaps + 2) // 4, (gaps + 1) // 3
    left: list[list[Segment]] = [
        *[[]] * above,
        *count,
        *[[]] * between,
        *state,
        *[[]] * max(0, gaps - above - between),
        *[[Segment(line, style)] for line in text],
    ]
    track = _track(pace, view, body_height)
    rows = [
        [Segment(" "), *spread(row, [Segment(" " * _TRACK_GAP), *beside], width - 1)]
        for row, beside in zip(left[:body_height], track, strict=False)
    ]
    return [_head(view, width), *rows, _foot(view, badge, width)][:height]


def _head(view: StationView, width: int) -> list[Segment]:
    glyph, colour = LOOK[view.attention]
    bar = Style(color="#000000", bgcolor=colour, bold=True)
    planned = view.set_words if view.sets_planned else ""
    who = "   ".join(part for part in (view.called, view.title, view.load, planned) if part)
    mute = "  muted" if view.muted else ""
    right = f" {view.attention_text or view.link.text}{mute} "
    return spread([Segment(f" {glyph} {view.key[1]}   {who}", bar)], [Segment(right, bar)], width, bar)


def _count(view: StationView, flash: bool, room: int, height: int) -> list[list[Segment]]:
    """Reps of the target and the last rep's velocity, as large as they fit."""
    target = f"/{view.target_reps}" if view.target_reps else ""
    # The size is chosen for a full set, so that it does not jump at the tenth rep.
    widest = "0" * max(len(str(view.counted)), len(target) - 1, 2)
    last = view.last
    speed = last.velocity_words if last else ""
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
    look = Style(color=colour, bold=True, reverse=flash)
    reached = last is not None and last.loss_reached
    fast = Style(color=ORANGE if reached else BLUE, bold=True)
    counted = f"{view.counted}?" if last is not None and last.doubtful else str(view.counted)
    if big_width(counted) > big_width(widest):
        counted = str(view.counted)
    counts = big(counted, scale)
    targets = [*[""] * (ROWS * (scale - small)), *big(target, small)]
    speeds = [*[""] * (ROWS * (scale - quick)), *big(speed, quick)]
    if scale > quick and speed:
        speeds[ROWS * (scale - quick) - 1] = f"{ROUGH} m/s" if last and last.velocity_rough else "m/s"
    return [
        spread([Segment(count, look), Segment(of, FAINT)], [Segment(said, fast)], room)
        for count, of, said in zip(counts, targets, speeds, strict=True)
    ]


def _state(view: StationView, pace: Pace, room: int) -> list[list[Segment]]:
    """The phase and its seconds while lifting, the rest and who is next between sets."""
    if not view.link.up:
        return [[Segment(line, FAINT)] for line in _fitting(view.link.name, room, ROWS * 2)]
    if view.set_over and view.rest_s is not None:
        minutes, seconds = divmod(int(view.rest_s), 60)
        words = f"rest {minutes}:{seconds:02d}"
        return [[Segment(line, Style(color=YELLOW, bold=True))] for line in _fitting(words, room, ROWS * 2)]
    if pace.phase is None:
        return [[]] * ROWS
    words = pace.word
    if pace.phase in ("eccentric", "concentric") or pace.asked_s:
        # What is left to a tenth would flicker; a whole second is what one can follow.
        words += f" {max(0, math.ceil(pace.left_s))}" if pace.left_s is not None else ""
    colour = PHASE_LOOK[pace.phase][1]
    return [[Segment(line, Style(color=colour, bold=True))] for line in _fitting(words, room, ROWS * 2)]


def _say(  # noqa: PLR0911 - the first that applies
    view: StationView, badge: str, told: Told | None
) -> tuple[str, Style]:
    """One thing to act on, the most urgent first; whoever stands at the keypad before whoever lifts."""
    last = view.last
    if badge or told is not None:
        words, fine = (f"badge {badge}", True) if badge or told is None else told
        return words, Style(color=BLUE if fine else ORANGE, bold=True)
    if last is not None and last.not_counted_reason and not view.set_over:
        return last.not_counted_reason, Style(color=ORANGE, bold=True)
    if last is not None and last.loss_reached and not view.set_over:
        return "end the set", Style(color=ORANGE, bold=True)
    if view.target_reps and view.counted >= view.target_reps and not view.set_over:
        return "done", Style(color=BLUE, bold=True)
    if view.set_over and view.waiting:
        return f"next {shortened(view.waiting[0], NAME_CELLS)}", Style(color=BLUE, bold=True)
    if view.athlete is None and not view.reps:
        return "badge", Style(color=GREY, bold=True)
    return view.cue or "", Style(color=YELLOW, bold=True)


def _fitting(text: str, width: int, height: int) -> list[str]:
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


def _track(pace: Pace, view: StationView, height: int) -> list[list[Segment]]:
    """The range from top to bottom: the lifter's place, and the target to stay with."""
    rows: list[list[Segment]] = []
    at = None if pace.place is None else round((1.0 - pace.place) * (height - 1))
    wanted = None if pace.target is None else round((1.0 - pace.target) * (height - 1))
    moving = view.link.up and not view.set_over
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


def _foot(view: StationView, badge: str, width: int) -> list[Segment]:
    asked = asked_tempo(view.target_tempo_s)
    tempo = f"tempo {'-'.join(asked)}" if asked else ""
    doubt = f" ? {view.doubtful} doubtful, the coach settles it " if view.doubtful else ""
    lifting = bool(view.reps) and not view.set_over
    plates = f"  {view.plates}" if view.plates and not lifting else ""  # while somebody loads the bar
    queue = "  then " + ", ".join(view.waiting) if view.queue else ""
    typed = f"badge {badge}▏ ⏎" if badge else ""
    right = [Segment(doubt, Style(color=YELLOW, bold=True)), Segment(f" {typed} ", BOLD)]
    return spread([Segment(f" {tempo}{plates}{queue}", PLAIN)], right, width)
