"""Preferences, stored between runs: units, theme, what stands large, what a lifter's screen sounds like."""

from pathlib import Path

import msgspec
from platformdirs import user_config_path

from dashboard.floor.units import Units
from dashboard.sound.events import SoundMode
from dashboard.tui.widgets.themes import Theme
from station.exercises import Headline
from station.program.process import replace_file


class Preferences(msgspec.Struct, frozen=True):
    """The preferences of this computer's user; the defaults where nothing was chosen."""

    units: Units = "kg"
    theme: Theme = "dark"
    sound: SoundMode = "off"  # of a lifter's screen
    headlines: dict[str, Headline] = {}  # what stands large, by exercise
    keys: dict[str, str] = {}  # in the place of others, by the task's word


def preferences_path() -> Path:
    """Path of the preferences: the platform's configuration folder."""
    return user_config_path("plumbline", appauthor=False) / "dashboard.json"


def load_preferences(path: Path) -> Preferences:
    """Read the preferences; the defaults where the file is missing or not valid."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Preferences)
    except (OSError, msgspec.MsgspecError):
        return Preferences()


def save_preferences(path: Path, preferences: Preferences) -> None:
    """Write the preferences. Raises OSError where the folder cannot be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, msgspec.json.encode(preferences))
