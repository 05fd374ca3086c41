"""One station as a card: athlete, reps, velocity, and whether it needs attention."""

from collections.abc import Sequence

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message

from dashboard.floor.attention import Attention
from dashboard.floor.names import shortened
from dashboard.floor.reps import asked_tempo, path_mm, velocity_words
from dashboard.floor.state import StationKey
from dashboard.floor.views import StationView
from dashboard.tui.lines import (
    BLUE,
    BOLD,
    FAINT,
    GREY,
    ORANGE,
    PHASE_LOOK,
    VERMILION,
    YELLOW,
    Lines,
    fitted,
    minutes,
    number,
    spread,
    truncated_pct,
)
from dashboard.tui.widgets.digits import ROWS, big, big_width
from station.exercises.judge import Judgement, Outcome, TempoTimes, all_of

MIN_WIDTH = 38
MIN_HEIGHT = 10
NAME_CELLS = 10  # of a name, before what the station calls for is cut
_LABEL = 7  # cells of "tempo  "

LOOK: dict[Attention, tuple[str, str]] = {  # glyph and colour of a station's state
    Attention.FAULT: ("✖", VERMILION),
    Attention.UNSAFE: ("!", VERMILION),
    Attention.VELOCITY_LOSS: ("■", ORANGE),
    Attention.LOAD: ("≠", YELLOW),
    Attention.TECHNIQUE: ("▲", YELLOW),
    Attention.REST: ("◔", YELLOW),
    Attention.CLOCK: ("◷", YELLOW),
    Attention.FINE: ("●", BLUE),
}
MISSED = {Outcome.SLOW: "▾", Outcome.FAST: "▴"}  # a velocity below and above its target
_OFF = Style(color=YELLOW, bold=True)


class Tile(Lines, can_focus=True):
    """A station's card. `show` gives it something new; it is drawn at the screen's next flush."""

    class Opened(Message):
        """The card was clicked: open this station's screen."""

        def __init__(self, key: StationKey) -> None:
            super().__init__()
            self.key = key

    def __init__(self, view: StationView) -> None:
        super().__init__()
        self.view = view

    def show(self, view: StationView) -> None:
        """Show this from now on; nothing happens if it looks the same."""
        if view is not self.view and view != self.view:
            self.view = view
            self.draw_anew()

    def on_click(self, event: events.Click) -> None:
        """A click opens the station."""
        event.stop()
        self.post_message(self.Opened(self.view.key))

    def lines(self, width: int, height: int) -> Sequence[Sequence[Segment]]:
        """The card, top to bottom."""
        return tile_lines(self.view, width, height, self.has_focus)


def tile_lines(view: StationView, width: int, height: int, focused: bool = False) -> list[list[Segment]]:
    """A station's card in `width` × `height` cells, a blank column at the right, a blank line below."""
    inner = width - 2
    scale, whole = _scale(view, inner, height)
    last = _load(view, inner)
    if len(view.attention_text) > _room(view, width):
        last = [Segment(view.attention_text, BOLD)]  # what to do comes before the load
    body = [
        _exercise(view, inner),
        *_headline(view, inner, scale, whole),
        _captions(view, inner, whole),
        _tempo(view),
        *([_path(view)] if view.has_path else []),
        *([_loss(view, inner)] if view.has_loss else []),
        last,
    ]
    spare = height - 2 - len(body)
    if spare >= 4:
        body.insert(len(body) - 1, _set(view))
    if spare >= 2:  # air around the digits rather than below them
        body.insert(1, [])
        body.insert(len(body) - (2 + (spare >= 4) + view.has_path + view.has_loss), [])
    cut = [[Segment(" "), *fitted(line, inner)] for line in body]
    return [_head(view, width - 1, focused), *cut][:height]


def _room(view: StationView, width: int) -> int:
    """Cells the head has for words when station and athlete are to stay readable."""
    return width - 6 - len(view.name) - cell_len(shortened(view.called or "", NAME_CELLS))


def _head(view: StationView, width: int, focused: bool) -> list[Segment]:
    glyph, colour = ("✔", GREY) if view.seen else LOOK[view.attention]
    bar = Style(color="#000000", bgcolor=colour, bold=True)
    # NO_COLOR leaves the glyph and the words; the focus has its own mark.
    left = f"{'▶' if focused else ' '}{glyph} {view.name}"
    words = view.attention_text or view.freshness.text
    if len(words) > _room(view, width):
        words = "fault" if view.attention is Attention.FAULT else words[: max(4, _room(view, width))]
    room = width - cell_len(left) - cell_len(words) - 4
    athlete = f"  {shortened(view.called, max(NAME_CELLS, room))}" if view.called else ""
    return spread([Segment(left + athlete, bar)], [Segment(f" {words} ", bar)], width, bar)


def _exercise(view: StationView, width: int) -> list[Segment]:
    right = []
    if view.phase is not None:
        glyph, colour = PHASE_LOOK[view.phase]
        right = [Segment(f" {glyph} {view.phase}", Style(color=colour, bold=True))]
    return spread([Segment(view.title, BOLD)], right, width)


def digit_scale(width: int, height: int) -> int:
    """How large the digits of a set of two figures can be in a card of this size."""
    for scale in (3, 2):
        cells = big_width("00", scale) + big_width("/00") + big_width("0.00", scale) + 4
        if cells <= width and height >= MIN_HEIGHT + ROWS * (scale - 1):
            return scale
    return 1


def _scale(view: StationView, width: int, height: int) -> tuple[int, bool]:
    """How large the digits can be, and whether the target fits beside them."""
    target = f"/{view.target_reps}" if view.target_reps else ""
    # Room for the target's digits from the first rep on: the size must not jump in the middle of a set.
    count = "0" * max(len(str(view.counted)), len(target) - 1 if target else 2)
    for scale in (3, 2):
        free = width - big_width(count, scale) - big_width(view.headline_figure.figure or "0.00", scale) - 2
        whole = free >= big_width(target)
        if free >= 0 and (whole or scale == 2) and height >= MIN_HEIGHT + ROWS * (scale - 1):
            return scale, whole
    return 1, True


def _headline(view: StationView, width: int, scale: int, whole: bool) -> list[list[Segment]]:
    """Reps and the last rep's velocity, the target smaller at the foot of the count."""
    faint = not view.freshness.up
    reached = view.last is not None and view.last.loss_reached
    unsure = view.last is not None and view.last.doubtful
    shown = view.headline_figure
    off = shown.judged is not None and shown.judged.off
    left = Style(color=GREY if faint else YELLOW if unsure else BLUE if view.pending else None, bold=True)
    right = Style(color=GREY if faint else ORANGE if reached else YELLOW if off else BLUE, bold=True)
    target = big(f"/{view.target_reps}") if view.target_reps and whole else [""] * ROWS
    target = [""] * (ROWS * (scale - 1)) + target
    return [
        spread(
            [Segment(count, left), Segment(small, FAINT if scale > 1 else left)],
            [Segment(speed, right)],
            width,
        )
        for count, small, speed in zip(
            big(str(view.counted), scale), target, big(shown.figure, scale), strict=True
        )
    ]


def _captions(view: StationView, width: int, whole: bool) -> list[Segment]:
    words = "reps" if whole or not view.target_reps else f"reps of {view.target_reps}"
    if view.set_words:
        words += f", {view.set_words}"
    shown = view.headline_figure
    unit = [Segment(f" {shown.unit}", FAINT)]
    if shown.judged is not None and shown.judged.off:
        unit.insert(0, Segment(f" {MISSED.get(shown.judged, '▲')}", _OFF))
    said = [Segment(words, FAINT)]
    if view.pending:
        cells = sum(len(part.text) for part in unit)
        word = " pending" if len(words) + len("  ◌ pending") + cells <= width else ""
        said.append(Segment(f"  ◌{word}", Style(color=BLUE)))
    if view.doubtful:
        said.append(Segment(f"  ? {view.doubtful} doubtful", Style(color=YELLOW, bold=True)))
    if view.partial:
        said.append(Segment(f"  ✂ {view.partial} partial", Style(color=YELLOW)))
    return spread(said, unit, width)


def _tempo(view: StationView) -> list[Segment]:
    last = view.last
    line = [_label("tempo")]
    if last is None:
        return [*line, Segment(_asked(view.target_tempo_s), FAINT)]
    for place, (did, judged) in enumerate(zip(last.tempo_words, last.tempo, strict=True)):
        style = _OFF if judged is not None and judged.off else BOLD
        line += [Segment("-", FAINT)] * (place > 0) + [Segment(did, style)]
    return [
        *line,
        Segment(" "),
        _mark(all_of(last.tempo)),
        Segment(f" {_asked(view.target_tempo_s)}", FAINT),
    ]


def _path(view: StationView) -> list[Segment]:
    last = view.last
    if last is None:
        return [_label("path"), Segment("–", FAINT)]
    if last.measured.path_deviation_m is None:
        # A handle's path is known when the whole rep is.
        words = "after the rep" if last.pending and view.sees_path else "not measured"
        return [_label("path"), Segment(words, FAINT)]
    seen = path_mm(last.measured.path_deviation_m, last.measured.path_deviation_sigma_m)
    line = [_label("path"), Segment(f"{seen} mm", BOLD)]
    if view.path_limit_m is not None:
        line.append(Segment(f"  limit {number(1000 * view.path_limit_m)} ", FAINT))
    return [*line, _mark(last.path)]


def _loss(view: StationView, width: int) -> list[Segment]:
    last = view.last
    if last is None:
        return spread([_label("loss"), Segment("–", FAINT)], _velocity(view), width)
    if last.measured.velocity_loss_pct is None:
        return [_label("loss"), Segment("not measured", FAINT)]
    words = f"{truncated_pct(last.measured.velocity_loss_pct):>3} % "
    if view.loss_cutoff_pct is None:
        return spread([_label("loss"), Segment(words, BOLD)], _velocity(view), width)
    words += f"of {number(view.loss_cutoff_pct)} "
    target = _velocity(view)
    taken = sum(len(part.text) for part in target)
    cells = min(20, max(0, width - _LABEL - len(words) - 2 - taken))
    full = int(cells * min(1.0, max(0.0, last.measured.velocity_loss_pct / max(view.loss_cutoff_pct, 1.0))))
    colour = ORANGE if last.loss_reached else BLUE
    bar = [
        _label("loss"),
        Segment(words, BOLD),
        Segment("█" * full, Style(color=colour)),
        Segment("░" * (cells - full), FAINT),
        Segment(" ■" if last.loss_reached else "", Style(color=ORANGE, bold=True)),
    ]
    return spread(bar, target, width) if target else bar


def _velocity(view: StationView) -> list[Segment]:
    """The velocity that is asked for, and whether the last rep had it."""
    asked = velocity_words(view.velocity_zone, view.velocity_target)
    if not asked:
        return []
    judged = view.last.velocity if view.last else None
    slow_or_fast = MISSED.get(judged) if judged is not None else None
    mark = Segment(slow_or_fast, _OFF) if slow_or_fast else _mark(judged)
    return [Segment(f" {asked} ", FAINT), mark]


def _set(view: StationView) -> list[Segment]:
    """Every rep's velocity, half to all of the fastest, to see at a glance where it goes."""
    speeds = [(rep.measured.mean_concentric_velocity_mps or 0.0, rep) for rep in view.valid_reps[-16:]]
    fastest = max((speed for speed, _ in speeds), default=0.0) or 1.0
    line = [_label("set")]
    for speed, rep in speeds:
        step = min(7, int(max(0.0, 16.0 * min(1.0, max(0.0, speed / fastest)) - 8.0)))
        colour = GREY if not rep.counted else ORANGE if rep.loss_reached else BLUE
        line.append(Segment("▁▂▃▄▅▆▇█"[step], Style(color=colour)))
        line.append(Segment("?", Style(color=YELLOW, bold=True)) if rep.doubtful else Segment(" "))
    return line


def _load(view: StationView, width: int) -> list[Segment]:
    left = []
    if view.has_load:
        entered = Segment(view.load or "not entered", FAINT if view.load is None else BOLD)
        left = [_label("load"), entered]
    if view.set_over and view.rest_s is not None:
        asked = "" if view.rest_asked_s is None else f" of {minutes(view.rest_asked_s)}"
        return spread(left, [Segment(f"rest {minutes(view.rest_s)}", BOLD), Segment(asked, FAINT)], width)
    if view.set_over and view.next_athlete is not None:
        return spread(left, [Segment(f"next {shortened(view.waiting[0], NAME_CELLS)}", FAINT)], width)
    return left


def _label(word: str) -> Segment:
    return Segment(f"{word:<{_LABEL}}", FAINT)


def _asked(tempo_s: TempoTimes) -> str:
    asked = asked_tempo(tempo_s)
    return f"for {'-'.join(asked)}" if asked else "as it comes"


def _mark(judged: Judgement) -> Segment:
    """A tick, a triangle for what is off, ≈ where the sensors cannot tell."""
    if judged is None:
        return Segment("")
    if judged.off:
        return Segment("▲", _OFF)
    return Segment("✔", Style(color=BLUE)) if judged is Outcome.KEPT else Segment("≈", FAINT)
