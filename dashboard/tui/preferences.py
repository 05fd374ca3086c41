"""What a coach chose to see, remembered between runs: units and theme."""

from pathlib import Path
from typing import Literal

import msgspec
from platformdirs import user_config_path

from dashboard.floor.units import Units
from station.program.process import replace_file

Theme = Literal["dark", "light"]


class Preferences(msgspec.Struct, frozen=True):
    """Defaults where nothing was chosen."""

    units: Units = "kg"
    theme: Theme = "dark"


def preferences_path() -> Path:
    """Where they are kept: the platform's configuration folder."""
    return user_config_path("plumbline", appauthor=False) / "dashboard.json"


def load_preferences(path: Path) -> Preferences:
    """What is remembered; the defaults where there is nothing, or nothing of ours."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Preferences)
    except (OSError, msgspec.MsgspecError):
        return Preferences()


def save_preferences(path: Path, preferences: Preferences) -> None:
    """Remember them. Raises OSError where the folder cannot be written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, msgspec.json.encode(preferences))
