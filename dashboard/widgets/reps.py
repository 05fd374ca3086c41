"""The reps of a set, one line each: how fast, in what tempo, on what path."""

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size

from dashboard.views import RepView, StationView
from dashboard.widgets.lines import BLUE, BOLD, FAINT, GREY, ORANGE, PLAIN, YELLOW, Lines, number

_PHASES = ("ecc", "bot", "con", "top")
_TAIL_CELLS = 45  # tempo, path, range and loss right of the bar


class RepTable(Lines):
    """Bars of mean concentric velocity against the cut-off, and each rep's tempo, path, range and loss."""

    def __init__(self, view: StationView, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.view = view

    def show(self, view: StationView) -> None:
        """Show this from now on."""
        if view != self.view:
            longer = len(view.reps) > len(self.view.reps)
            self.view = view
            self.draw_anew()
            if longer:
                self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Room for a usual set; a longer one gets more while the screen has it."""
        return 2 + max(8, len(self.view.reps))

    def lines(self, width: int, height: int) -> Sequence[Sequence[Segment]]:
        """A heading, the prescription, and the newest reps that fit."""
        return rep_lines(self.view, width, height)


def rep_lines(view: StationView, width: int, height: int) -> list[list[Segment]]:
    """The table in `width` × `height` cells; the oldest reps go where there is no room."""
    bar = max(4, width - 11 - _TAIL_CELLS)
    fastest = max((rep.mean_velocity_mps or 0.0 for rep in view.reps if rep.counted), default=0.0)
    scale = max(fastest, *(rep.mean_velocity_mps or 0.0 for rep in view.reps), 0.01) if view.reps else 1.0
    cutoff = fastest * (1.0 - view.loss_cutoff_pct / 100.0)
    heading = (
        f"{' rep  m/s':<{11 + bar}}" + "".join(f"{name:>5}" for name in _PHASES) + "     path mm  cm  loss"
    )
    asked = f"{' asked':<{11 + bar}}" + "".join(
        f"{'·' if seconds is None else format(seconds, 'g'):>5}" for seconds in view.target_tempo_s
    )
    if view.path_limit_m is not None:
        asked += f"{f'≤ {number(1000 * view.path_limit_m)}':>12}"
    asked += f"{'':>{max(0, 11 + bar + 32 - len(asked))}}{f'  {view.loss_cutoff_pct:g} %':>12}"
    rows = [_row(rep, bar, scale, cutoff if fastest else None) for rep in view.reps[-max(0, height - 2) :]]
    return [[Segment(heading, FAINT)], [Segment(asked, FAINT)], *rows][:height]


def _row(rep: RepView, bar: int, scale_mps: float, cutoff_mps: float | None) -> list[Segment]:
    state = "◌" if rep.pending else "●" if rep.counted else "✂"
    style = Style(color=YELLOW) if rep.pending else PLAIN if rep.counted else FAINT
    line = [
        Segment(f"{state}{rep.number:>3} ", style),
        Segment(f"{number(rep.mean_velocity_mps, 2):>5} ", BOLD),
        *_bar(rep, bar, scale_mps, cutoff_mps),
    ]
    if not rep.counted:
        return [*line, Segment(f"  not counted: {rep.reason or 'partial'}", Style(color=YELLOW))]
    for did, kept in zip(rep.tempo_s, rep.tempo_kept, strict=True):
        line.append(
            Segment(f"{number(did, 1):>5}", Style(color=YELLOW, bold=True) if kept is False else PLAIN)
        )
    if rep.path_m is None:
        path = "not measured"
    elif rep.path_sigma_m is None:
        path = number(1000 * rep.path_m)
    else:
        path = f"{number(1000 * rep.path_m)} ± {number(1000 * rep.path_sigma_m)}"
    off = rep.path_kept is False
    faint = FAINT if rep.path_m is None else PLAIN
    line.append(Segment(f"{path:>12}", Style(color=YELLOW, bold=True) if off else faint))
    line.append(Segment(f"{number(None if rep.rom_m is None else 100 * rep.rom_m):>4}"))
    loss = Style(color=ORANGE, bold=True) if rep.loss_reached else PLAIN
    line.append(Segment(f"{number(rep.velocity_loss_pct):>4} %{'■' if rep.loss_reached else ''}", loss))
    return line


def _bar(rep: RepView, cells: int, scale_mps: float, cutoff_mps: float | None) -> list[Segment]:
    """The rep's velocity to scale, and where the set should end."""
    full = round(cells * min(1.0, max(0.0, (rep.mean_velocity_mps or 0.0) / scale_mps)))
    mark = -1 if cutoff_mps is None else min(cells - 1, int(cells * cutoff_mps / scale_mps))
    below = cutoff_mps is not None and (rep.mean_velocity_mps or 0.0) <= cutoff_mps
    colour = GREY if not rep.counted else ORANGE if below else BLUE
    return [
        Segment(
            "┃" if cell == mark else "█" if cell < full else " ",
            Style(color=YELLOW if cell == mark else colour),
        )
        for cell in range(cells)
    ]
