"""The floor: a tile for every station, as large as they fit."""

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from dashboard.floor.attention import Attention
from dashboard.floor.state import StationKey
from dashboard.floor.views import attention_order, matches_word
from dashboard.plaintext import clean
from dashboard.tui.dialogs.ask import AskScreen, Field
from dashboard.tui.keymap import named
from dashboard.tui.screens.coach import CoachScreen
from dashboard.tui.screens.live import FloorSnapshot
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


_WAITING = """waiting for the first station …

a station shows itself here as soon as its node reaches this broker:
plumbline edge STATION.toml     counts at a station
plumbline doctor                says why one is not heard
plumbline demo                  shows four simulated ones"""


class FloorScreen(CoachScreen):
    """All stations at a glance."""

    key_lines = 3  # two rows of tiles leave a line of 24; health and history are found here
    BINDINGS: ClassVar[list[BindingType]] = named(
        [
            Binding("enter", "open", "Station", key_display="⏎", tooltip="the chosen station whole"),
            Binding("s", "sort", "Sort", tooltip="who needs the coach first, or by name"),
            Binding(
                "slash",
                "filter",
                "Find",
                key_display="/",
                tooltip="stations, athletes, exercises by a word",
            ),
            Binding("j", "site", "Gym", tooltip="another gym's stations, or those of all"),
            Binding("left", "step(-1, 0)", show=False),
            Binding("right", "step(1, 0)", show=False),
            Binding("up", "step(0, -1)", show=False),
            Binding("down", "step(0, 1)", show=False),
            Binding("home", "edge(0)", show=False),
            Binding("end", "edge(-1)", show=False),
        ]
    )

    def __init__(self) -> None:
        super().__init__()
        self._tiles: dict[StationKey, Tile] = {}
        self._columns = 1
        self._sites: list[str] = []
        self._snapshot: FloorSnapshot | None = None
        self._by_attention = True
        self._flushes = 0
        self._site: str | None = None  # only its stations are shown
        self._word = ""  # only stations with it in their name, athlete or exercise are shown

    @property
    def order_name(self) -> str:
        """The tiles' sort order as text."""
        return "by attention" if self._by_attention else "by name"

    @property
    def chosen(self) -> StationKey | None:
        """The station that keys act on."""
        return self.focused.view.key if isinstance(self.focused, Tile) else None

    def body(self) -> ComposeResult:
        """The tiles."""
        yield Static(_WAITING, id="nothing", markup=False)
        yield Tiles(self._arrange, id="tiles")

    def show(self, shown: FloorSnapshot) -> None:
        """Show a tile for each station of the snapshot."""
        here = [one for one in shown.views if self._site in (None, one.key[0])]
        views = [one for one in here if matches_word(one, self._word)]
        count = f"{len(views)} of {len(here)}" if self._word else f"{len(views)}"
        found = f" with {self._word!r}" if self._word else ""
        at = f" at {self._site}" if self._site else ""
        title = f"{count} station{'s' * (len(here) != 1)}{at}{found} {self.order_name}"
        sites = sorted({one.key[0] for one in shown.views})
        self._snapshot = shown
        if sites != self._sites:
            self._sites = sites
            self.refresh_bindings()
        self.head(shown, title, but=self._called_in_sight())
        box = self.query_one("#tiles")
        new = [Tile(view) for view in views if view.key not in self._tiles]
        gone = set(self._tiles) - {view.key for view in views}
        for view in views:
            if view.key in self._tiles:
                self._tiles[view.key].show(view)
        for key in gone:
            self._tiles.pop(key).remove()
        self._tiles |= {tile.view.key: tile for tile in new}
        nothing = self.query_one("#nothing", Static)
        nothing.display = not self._tiles
        if not self._tiles:
            none = f"no station with {self._word!r}; / and an empty line show all"
            nothing.update(none if self._word else _WAITING)
        self._flushes += 1
        if new:
            box.mount_all(new)
        if new or gone:
            self.call_after_refresh(self._arrange)
        elif self._by_attention and self._flushes % RESORT_EVERY == 0:
            self._sort()
        self._choose()

    def action_sort(self) -> None:
        """Switch between sorting by name and by attention."""
        self._by_attention = not self._by_attention
        self._sort()

    def action_site(self) -> None:
        """Show the next site alone; after the last, all of them."""
        every = [None, *self._sites]
        self._site = every[(every.index(self._site) + 1) % len(every)]
        if self._snapshot is not None:
            self.show(self._snapshot)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """No key for gyms where there is one."""
        return action != "site" or len(self._sites) > 1

    def action_filter(self) -> None:
        """Ask for a word; nothing shows every station."""

        def find(given: dict[str, str]) -> None:
            self._word = given["word"]
            if self._snapshot is not None:
                self.show(self._snapshot)  # at once: the next key means a station that was found

        field = Field("a word of the station, the athlete or the exercise", self._word)
        parse = lambda given: {"word": clean(given[0], 30).casefold()}  # noqa: E731
        self.ask(AskScreen("find", [field], parse), find)

    def action_open(self) -> None:
        """Open the chosen station's screen."""
        if self.chosen is not None:
            self.post_message(Tile.Opened(self.chosen))

    def action_step(self, right: int, down: int) -> None:
        """Choose a neighbouring tile."""
        tiles = self._in_order()
        if not tiles:
            return
        place = tiles.index(self.focused) if isinstance(self.focused, Tile) else 0
        place += right + down * self._columns
        if 0 <= place < len(tiles):
            tiles[place].focus()

    def action_edge(self, place: int) -> None:
        """Choose the first or the last tile."""
        tiles = self._in_order()
        if tiles:
            tiles[place].focus()

    def _called_in_sight(self) -> set[StationKey]:
        """Stations that call and are seen without scrolling; of those not laid out yet nobody knows."""
        seen = self.query_one("#tiles").scrollable_content_region
        calling = (tile for tile in self._tiles.values() if tile.view.attention is not Attention.FINE)
        regions = {tile.view.key: tile.region for tile in calling}
        return {key for key, region in regions.items() if not region or seen.overlaps(region)}

    def _in_order(self) -> list[Tile]:
        return [child for child in self.query_one("#tiles").children if isinstance(child, Tile)]

    def _sort(self) -> None:
        def order(tile: Widget) -> tuple[int, StationKey]:
            assert isinstance(tile, Tile)
            return attention_order(tile.view) if self._by_attention else (0, tile.view.key)

        tiles = self._in_order()
        if tiles != sorted(tiles, key=order):  # else Textual lays all of them out anew
            self.query_one("#tiles").sort_children(key=order)

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
        self._choose()

    def _choose(self) -> None:
        """The first, where the chosen one is gone or none was."""
        # A dialog that closes gives the focus back to a tile, also to one that has gone: that hears no key.
        there = set(self._tiles.values())
        if self.focused not in there:
            self.set_focus(next((tile for tile in self._in_order() if tile in there), None))
