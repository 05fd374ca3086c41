"""What a coach chooses about the screens and finds again: units, colours, what stands large, keys."""

from pathlib import Path
from typing import Any

import msgspec
from textual.filter import LineFilter

from dashboard.floor.headline import TITLES
from dashboard.floor.state import FloorState, StationKey
from dashboard.floor.units import Units
from dashboard.floor.views import StationView
from dashboard.tui.dialogs.help import HelpScreen
from dashboard.tui.keymap import by_id
from dashboard.tui.keys_in_turn import KeysInTurnApp
from dashboard.tui.messages import FloorChanged
from dashboard.tui.preferences import Preferences, load_preferences, save_preferences
from dashboard.tui.screens.coach import CoachScreen
from dashboard.tui.screens.floor import FloorScreen
from dashboard.tui.screens.station import StationScreen
from dashboard.tui.widgets.themes import THEMES, ThemeFilter


class ChoosingApp(KeysInTurnApp):
    """An app whose units, colours and keys are chosen by keys and remembered in a file."""

    floor: FloorState

    def __init__(self, preferences: Path | None) -> None:
        """`preferences` is the file; None remembers nothing."""
        super().__init__()
        self._preferences_path = preferences
        self._preferences = load_preferences(preferences) if preferences else Preferences()
        self.set_keymap(self._preferences.keys)

    def view_of(self, key: StationKey) -> StationView:
        """The current view of a station."""
        raise NotImplementedError

    @property
    def units(self) -> Units:
        """Kilograms or pounds, as the coach chose."""
        return self._preferences.units

    def get_line_filters(self) -> list[LineFilter]:
        """The colour theme as a filter; NO_COLOR overrides it."""
        filters = list(super().get_line_filters())
        theme = self._preferences.theme
        return filters if theme == "dark" else [ThemeFilter(theme), *filters]

    def action_units(self) -> None:
        """Switch between kilograms and pounds."""
        self._prefer(units="lb" if self.units == "kg" else "kg")

    def action_headline(self) -> None:
        """The next number of a rep to stand large, for the exercise of the chosen station."""
        key = self.screen.chosen if isinstance(self.screen, CoachScreen) else None
        view = self.view_of(key) if key is not None else None
        if view is None or view.exercise is None:
            return
        every = list(TITLES)
        chosen = every[(every.index(view.headline) + 1) % len(every)]
        self._prefer(headlines=dict(self._preferences.headlines) | {view.exercise: chosen})
        self.clear_notifications()
        self.notify(f"large for {view.title}: {TITLES[chosen][0]}", markup=False)

    def action_theme(self) -> None:
        """The next theme."""
        every = list(THEMES)
        theme = every[(every.index(self._preferences.theme) + 1) % len(every)]
        self._prefer(theme=theme)
        self.clear_notifications()
        self.notify(f"colours: {THEMES[theme]}", markup=False)

    def action_help(self) -> None:
        """Show what one can do, by task, and put other keys in the place of these."""
        if isinstance(self.screen, HelpScreen):
            return
        from dashboard.tui.screens.history import HistoryScreen  # noqa: PLC0415  as below

        kinds = (FloorScreen, StationScreen, HistoryScreen)
        screens = [
            by_id(
                binding
                for one in (*kind.__mro__, *type(self).__mro__)
                for binding in vars(one).get("BINDINGS", ())
            )
            for kind in kinds
        ]
        self.push_screen(HelpScreen(screens, lambda: self._preferences.keys, self._put_key))

    def _put_key(self, task: str, key: str | None) -> None:
        keys = {one: other for one, other in self._preferences.keys.items() if one != task}
        self._prefer(keys=keys | ({task: key} if key is not None else {}))
        self.set_keymap(self._preferences.keys)

    def _prefer(self, **chosen: Any) -> None:
        self._preferences = msgspec.structs.replace(self._preferences, **chosen)
        for screen in self.screen_stack:
            for widget in (screen, *screen.query("*")):
                widget.refresh()  # each keeps its lines as they were filtered
        self.post_message(FloorChanged(self.floor))
        if self._preferences_path is not None:
            try:
                save_preferences(self._preferences_path, self._preferences)
            except OSError as error:
                self.notify(f"not remembered: {error.strerror}", severity="warning", markup=False)
