"""Choose what a station counts next."""

from collections.abc import Mapping

from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from dashboard.tui.dialogs.dialog import Dialog
from station.exercises import Profile


class ExerciseScreen(Dialog[str | None]):
    """A list of the exercises; gives the chosen one's name, None when left with escape."""

    def __init__(self, profiles: Mapping[str, Profile], station: str, current: str | None) -> None:
        super().__init__()
        self._profiles = sorted(profiles.values(), key=lambda profile: profile.title)
        self._station = station
        self._current = current

    def compose(self) -> ComposeResult:
        """The list, the present exercise marked."""
        options = OptionList(
            *(
                Option(
                    Text(f"{'●' if profile.name == self._current else ' '} {profile.title}"), id=profile.name
                )
                for profile in self._profiles
            ),
            id="exercises",
        )
        names = [profile.name for profile in self._profiles]
        options.highlighted = names.index(self._current) if self._current in names else 0
        options.border_title = f"exercise on {self._station}"
        options.border_subtitle = "⏎ take   ↑↓ choose   esc back"
        yield options

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Return the chosen exercise."""
        self.dismiss(event.option.id)
