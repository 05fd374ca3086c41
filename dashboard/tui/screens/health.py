"""Every station's health, and for the chosen one what is wrong and what to do about it."""

from collections.abc import Callable
from datetime import date
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from dashboard.floor.state import StationKey
from dashboard.tui.screens.live import FloorSnapshot, LiveScreen
from dashboard.tui.widgets.health import HealthDetail, HealthTable, StationHealth, examine


class HealthScreen(LiveScreen):
    """A line per station above, the chosen one below."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", tooltip="to where you came from"),
        Binding("down", "step(1)", "Other station", key_display="↑↓"),
        Binding("up", "step(-1)", show=False),
    ]

    def __init__(self, today: Callable[[], date]) -> None:
        super().__init__()
        self._today = today
        self._chosen: StationKey | None = None
        self._examined: list[StationHealth] = []

    def body(self) -> ComposeResult:
        """Table and detail."""
        yield HealthTable(id="table")
        yield HealthDetail(id="detail")

    def show(self, shown: FloorSnapshot) -> None:
        """Show these stations."""
        self.head(shown, "health")
        self._examined = [
            examine(view, shown.stations[view.key].newest, self._today()) for view in shown.views
        ]
        self._draw()

    def action_step(self, down: int) -> None:
        """Choose the next or the previous station."""
        keys = [one.view.key for one in self._examined]
        if keys:
            place = keys.index(self._chosen) + down if self._chosen in keys else 0
            self._chosen = keys[max(0, min(place, len(keys) - 1))]
        self._draw()

    def _draw(self) -> None:
        keys = [one.view.key for one in self._examined]
        if self._chosen not in keys and keys:
            # The first with a fault is what one came for.
            self._chosen = next((one.view.key for one in self._examined if one.faults), keys[0])
        self.query_one(HealthTable).show(self._examined, self._chosen)
        chosen = [one for one in self._examined if one.view.key == self._chosen]
        self.query_one(HealthDetail).show(chosen[0] if chosen else None)
