"""What the pictures of the history have in common (matplotlib, the extra `plot`)."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from station.errors import StoreError
from station.program.distribution import install_with

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Blue and orange stay apart for every common kind of colour blindness (Okabe and Ito 2008).
BLUE, ORANGE, GREY, INK = "#0072B2", "#E69F00", "#BBBBBB", "#222222"
_SIZE = (6.4, 3.2)  # inches; two beside each other on a page of A4
_STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "svg.hashsalt": "plumbline",  # the same history gives the same file
    "text.parse_math": False,
}


class Plot(NamedTuple):
    """A picture, its name for a file, and what it shows for those who cannot see it."""

    name: str  # [a-z-]+
    says: str
    figure: "Figure"

    def svg(self) -> bytes:
        """As a drawing of its own."""
        import matplotlib as mpl  # noqa: PLC0415

        held = io.BytesIO()
        with mpl.rc_context(_STYLE):
            self.figure.savefig(held, format="svg", metadata={"Date": None})
        return held.getvalue()

    def png(self, path: Path) -> None:
        """Into a PNG file, 200 dots an inch."""
        self.figure.savefig(path, format="png", dpi=200)


@contextmanager
def drawn(rows: int = 1) -> Iterator[tuple["Figure", Any]]:
    """A figure in our style and its axes (a list for several rows). Raises StoreError without matplotlib."""
    try:
        import matplotlib as mpl  # noqa: PLC0415  an extra
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError as error:
        raise StoreError(f"a report needs matplotlib; {install_with('plot')}") from error
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=_SIZE, layout="constrained")
        yield figure, figure.subplots(rows, 1, sharex=True)


def from_zero(axes: Any) -> None:
    """Let the axis begin at zero, and leave room for the dots at the top."""
    axes.set_ylim(0.0, 1.06 * axes.get_ylim()[1])


def limit(axes: Any, value: float, word: str) -> None:
    """A line across, with its name."""
    axes.axhline(value, color=ORANGE, linewidth=1.5)
    axes.annotate(
        word, (1.0, value), xycoords=("axes fraction", "data"), ha="right", va="bottom", color=INK, fontsize=8
    )
