"""The reps of a set, one line each: how fast, in what tempo, on what path."""

from collections.abc import Callable, Sequence

import msgspec
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size

from dashboard.floor.reps import RepView, asked_tempo, path_mm, velocity_words, with_sigma
from dashboard.floor.views import StationView
from dashboard.tui.lines import (
    BLUE,
    BOLD,
    FAINT,
    GREY,
    ORANGE,
    PLAIN,
    YELLOW,
    Lines,
    number,
    truncated_pct,
)
from dashboard.tui.widgets.tile import MISSED
from station.exercises import VelocityTarget
from station.exercises.judge import Outcome, TempoTimes

_PHASES = ("ecc", "bot", "con", "top")
_HEAD_CELLS = 11  # glyph, number, velocity
_STILL_MPS = 1e-3  # slower is no lift, and nothing to draw to scale
_OFF = Style(color=YELLOW, bold=True)
_TAIL_CELLS = 46  # tempo, path, range and loss right of the bar
_PATH_CELLS = 13
_NARROW_PATH_CELLS = 9  # a phone's: the figures, and no words
_SIGMA_CELLS = 4  # ± behind a velocity and a range, where there is room
_LEAST_BAR = 12


class PastSet(msgspec.Struct, frozen=True, kw_only=True):
    """A set of the record with its prescription."""

    reps: tuple[RepView, ...]
    target_tempo_s: TempoTimes
    path_limit_m: float | None
    velocity_zone: tuple[float | None, float | None]
    velocity_target: VelocityTarget
    loss_cutoff_pct: float | None
    sees_path: bool


class RepTable(Lines):
    """Bars of mean concentric velocity against the cut-off, and each rep's tempo, path, range and loss."""

    def __init__(
        self,
        view: StationView | PastSet,
        left: Callable[[Size, int], int] = lambda viewport, _: viewport.height,
        *,
        id: str | None = None,
    ) -> None:
        """`left` of a viewport, in lines, by what else is on the screen at a width."""
        super().__init__(id=id)
        self.view = view
        self._left = left
        self._picked: str | None = None

    def show(self, view: StationView | PastSet, picked: str | None = None) -> None:
        """Show this from now on, the rep with this event id marked."""
        if (view.reps, picked) != (self.view.reps, self._picked) or view != self.view:
            longer = len(view.reps) > len(self.view.reps)
            self.view, self._picked = view, picked
            self.draw_anew()
            if longer:
                self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Room for a usual set; a longer one gets more while the screen has it."""
        return max(3, min(2 + max(8, len(self.view.reps)), self._left(viewport, width)))

    def lines(self, width: int, height: int) -> Sequence[Sequence[Segment]]:
        """A heading, the prescription, and the newest reps that fit."""
        return rep_lines(self.view, width, height, self._picked)


def rep_lines(
    view: StationView | PastSet, width: int, height: int, picked: str | None = None
) -> list[list[Segment]]:
    """The table in `width` × `height` cells; the oldest reps go where there is no room."""
    bar = width - _HEAD_CELLS - _TAIL_CELLS
    path_cells = _PATH_CELLS if bar >= 0 else _NARROW_PATH_CELLS
    bar = max(0, bar)
    known = any(rep.measured.mean_concentric_velocity_sigma_mps is not None for rep in view.reps)
    more = _SIGMA_CELLS if known and bar - 2 * _SIGMA_CELLS >= _LEAST_BAR else 0
    bar -= 2 * more
    speeds = [(rep.counted, rep.measured.mean_concentric_velocity_mps or 0.0) for rep in view.reps]
    fastest = max((speed for counted, speed in speeds if counted), default=0.0)
    scale = max((speed for _, speed in speeds), default=0.0)
    scale = scale if scale > _STILL_MPS else 1.0
    asked_pct = view.loss_cutoff_pct
    cutoff = fastest * (1.0 - asked_pct / 100.0) if fastest and asked_pct is not None else None
    heading = f"{' rep  m/s':<{_HEAD_CELLS + more + bar}}" + _columns(
        _PHASES, "path mm", path_cells, "cm", "loss", more
    )
    limit = "" if view.path_limit_m is None else f"≤ {number(1000 * view.path_limit_m)}"
    tempo = asked_tempo(view.target_tempo_s) or ["–"] * 4
    cutoff_words = "" if asked_pct is None else f"{number(asked_pct)} %"
    speed = velocity_words(view.velocity_zone, view.velocity_target)
    words = f" asked {speed}" if len(speed) < more + bar + 4 else " asked"
    asked = f"{words:<{_HEAD_CELLS + more + bar}}"
    asked += _columns(tempo, limit, path_cells, "", cutoff_words, more)
    room = max(1, height - 2)
    ids = [rep.event_id for rep in view.reps]
    end = len(ids) if picked not in ids else max(min(len(ids), room), ids.index(picked) + 1)
    rows = [
        _row(rep, view.sees_path, bar, path_cells, more, scale, cutoff, rep.event_id == picked)
        for rep in view.reps[max(0, end - room) : end]
    ]
    return [[Segment(heading, FAINT)], [Segment(asked, FAINT)], *rows][:height]


def _columns(tempo: Sequence[str], path: str, path_cells: int, rom: str, loss: str, more: int) -> str:
    return "".join(f"{phase:>5}" for phase in tempo) + f"{path:>{path_cells}}{rom:>{5 + more}}{loss:>7}"


def _row(
    rep: RepView,
    sees_path: bool,
    bar: int,
    path_cells: int,
    more: int,
    scale_mps: float,
    cutoff_mps: float | None,
    picked: bool,
) -> list[Segment]:
    of = rep.measured
    state = "▶" if picked else rep_glyph(rep)
    style = Style(color=BLUE) if rep.pending else PLAIN if rep.counted else FAINT
    if rep.doubtful:
        style = Style(color=YELLOW, bold=True)
    if rep.marked_false:
        speed = number(of.mean_concentric_velocity_mps, 2)
        said = f"{number(of.number):>3} {speed:>5}  {of.reason or 'no rep'}"
        return [Segment(state, style), Segment(said, Style(color=GREY, strike=True))]
    speed = rep.velocity_words or "–"
    if more:
        speed = with_sigma(of.mean_concentric_velocity_mps, of.mean_concentric_velocity_sigma_mps, 2)
    missed = MISSED.get(rep.velocity) if rep.velocity is not None else None
    rom_cm, sigma_cm = (None if metres is None else 100.0 * metres for metres in (of.rom_m, of.rom_sigma_m))
    rom = with_sigma(rom_cm, sigma_cm, 1) if more else number(rom_cm)
    line = [
        Segment(f"{state}{number(of.number):>3}{'?' if rep.doubtful and picked else ' '}", style),
        Segment(f"{speed:>{5 + more}}", _OFF if missed else BOLD),
        Segment(missed or " ", _OFF),
        *_bar(rep, bar, scale_mps, cutoff_mps),
    ]
    if not rep.counted:
        return [*line, Segment(f"  not counted: {of.reason or 'partial'}", Style(color=YELLOW))]
    for did, judged in zip(rep.tempo_words, rep.tempo, strict=True):
        line.append(Segment(f"{did:>5}", _OFF if judged is not None and judged.off else PLAIN))
    measured = PLAIN if of.path_deviation_m is not None else FAINT
    path = _path(rep, sees_path)
    path = path if len(path) < path_cells else "–"
    line.append(Segment(f"{path:>{path_cells}}", _OFF if rep.path is Outcome.OFF else measured))
    line.append(Segment(f"{rom:>{5 + more}}"))
    loss = "–" if of.velocity_loss_pct is None else f"{truncated_pct(of.velocity_loss_pct)} %"
    line.append(Segment(f"{loss:>7}", Style(color=ORANGE, bold=True) if rep.loss_reached else PLAIN))
    line.append(Segment("■" if rep.loss_reached else "", Style(color=ORANGE)))
    return line


def rep_glyph(rep: RepView) -> str:
    """What stands before a rep: struck, doubtful, pending, counted or not."""
    if rep.marked_false:
        return "✗"
    if rep.doubtful:
        return "?"
    return "◌" if rep.pending else "●" if rep.counted else "✂"


def _path(rep: RepView, sees_path: bool) -> str:
    if rep.measured.path_deviation_m is None:
        return "–" if rep.pending and sees_path else "not measured"
    return path_mm(rep.measured.path_deviation_m, rep.measured.path_deviation_sigma_m)


def _bar(rep: RepView, cells: int, scale_mps: float, cutoff_mps: float | None) -> list[Segment]:
    """The rep's velocity to scale, and where the set should end."""
    speed_mps = rep.measured.mean_concentric_velocity_mps or 0.0
    full = round(cells * min(1.0, max(0.0, speed_mps / scale_mps)))
    share = -1.0 if cutoff_mps is None else max(-1.0, min(1.0, cutoff_mps / scale_mps))
    mark = min(cells - 1, int(cells * share))
    below = cutoff_mps is not None and speed_mps <= cutoff_mps
    colour = GREY if not rep.counted else ORANGE if below else BLUE
    return [
        Segment(
            "┃" if cell == mark else "█" if cell < full else " ",
            Style(color=YELLOW if cell == mark else colour),
        )
        for cell in range(cells)
    ]
