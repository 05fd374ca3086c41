"""The floor: a tile for every station, as large as they fit."""

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from dashboard.floor.state import StationKey
from dashboard.floor.views import attention_order
from dashboard.tui.screens.coach import CoachScreen
from dashboard.tui.screens.live import Shown
from dashboard.tui.widgets.headline import Headline
from dashboard.tui.widgets.keys import Keys
from dashboard.tui.widgets.tile import MIN_HEIGHT, MIN_WIDTH, Tile, digit_scale

RESORT_EVERY = 20  # flushes: tiles that change places more than every two seconds cannot be read


class Tiles(VerticalScroll, can_focus=False, inherit_bindings=False):
    """The tiles; scrolls to the chosen one, the arrows choose."""

    def __init__(self, arrange: Callable[[], None], *, id: str) -> None:
        """`arrange` is called whenever there is another room for them."""
        super().__init__(id=id)
        self._arrange_tiles = arrange

    def on_resize(self) -> None:
        """The terminal's size has changed, or what stands above and below."""
        self._arrange_tiles()


class FloorScreen(CoachScreen):
    """All stations at a glance."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Station", key_display="⏎", tooltip="the chosen station whole"),
        Binding("s", "sort", "Sort", tooltip="by name, or who needs the coach first"),
        Binding("left", "step(-1, 0)", show=False),
        Binding("right", "step(1, 0)", show=False),
        Binding("up", "step(0, -1)", show=False),
        Binding("down", "step(0, 1)", show=False),
        Binding("home", "edge(0)", show=False),
        Binding("end", "edge(-1)", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._tiles: dict[StationKey, Tile] = {}
        self._columns = 1
        self._by_attention = False
        self._flushes = 0

    @property
    def order_name(self) -> str:
        """How the tiles are sorted, in words."""
        return "by attention" if self._by_attention else "by name"

    @property
    def chosen(self) -> StationKey | None:
        """The station the keys mean."""
        return self.focused.view.key if isinstance(self.focused, Tile) else None

    def compose(self) -> ComposeResult:
        """The headline, the tiles, the keys."""
        yield Headline()
        yield Static("waiting for the first station …", id="nothing")
        yield Tiles(self._arrange, id="tiles")
        yield Keys(3, id="keys")  # two rows of tiles leave a line of 24; health and history are found here

    def show(self, shown: Shown) -> None:
        """Show these stations and no others."""
        views = shown.views
        self.head(shown, f"{len(views)} station{'s' * (len(views) != 1)} {self.order_name}")
        box = self.query_one("#tiles")
        new = [Tile(view) for view in views if view.key not in self._tiles]
        gone = set(self._tiles) - {view.key for view in views}
        for view in views:
            if view.key in self._tiles:
                self._tiles[view.key].show(view)
        for key in gone:
            self._tiles.pop(key).remove()
        self._tiles |= {tile.view.key: tile for tile in new}
        self.query_one("#nothing").display = not self._tiles
        self._flushes += 1
        if new:
            box.mount_all(new)
        if new or gone:
            self.call_after_refresh(self._arrange)
        elif self._by_attention and self._flushes % RESORT_EVERY == 0:
            self._sort()

    def action_sort(self) -> None:
        """By name, or by who needs the coach first."""
        self._by_attention = not self._by_attention
        self._sort()

    def action_open(self) -> None:
        """Show the chosen station whole."""
        if self.chosen is not None:
            self.post_message(Tile.Opened(self.chosen))

    def action_step(self, right: int, down: int) -> None:
        """Choose a neighbour."""
        tiles = self._in_order()
        if not tiles:
            return
        place = tiles.index(self.focused) if isinstance(self.focused, Tile) else 0
        place += right + down * self._columns
        if 0 <= place < len(tiles):
            tiles[place].focus()

    def action_edge(self, place: int) -> None:
        """Choose the first or the last."""
        tiles = self._in_order()
        if tiles:
            tiles[place].focus()

    def _in_order(self) -> list[Tile]:
        return list(self.query_one("#tiles").query_children(Tile))

    def _sort(self) -> None:
        box = self.query_one("#tiles")
        if self._by_attention:
            box.sort_children(key=lambda child: attention_order(child.view))  # type: ignore[attr-defined]
        else:
            box.sort_children(key=lambda child: child.view.key)  # type: ignore[attr-defined]

    def _arrange(self) -> None:
        """Columns and heights so that all tiles are seen and their digits large; else they scroll."""
        box = self.query_one("#tiles")
        width, height = box.size
        count = len(self._tiles)
        if not count or not width:
            return
        most = max(1, width // MIN_WIDTH)
        fits = [c for c in range(1, most + 1) if -(-count // c) * MIN_HEIGHT <= height]
        self._columns = max(
            fits, key=lambda c: (digit_scale(width // c, height // -(-count // c)), -c), default=most
        )
        rows = -(-count // self._columns)
        box.styles.grid_size_columns = self._columns
        box.styles.grid_rows = [str(max(MIN_HEIGHT, height // rows))]
        self._sort()
        if self.focused is None:
            self._in_order()[0].focus()
