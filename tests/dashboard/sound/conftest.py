"""Players that make no sound: one that notes what it is given, and worse ones."""

from collections.abc import Callable
from pathlib import Path

import pytest

NOTES = 'for last; do :; done; basename "$last" .wav >> "$0.log"'


class Player:
    """A program that stands where a player stands."""

    def __init__(self, path: Path, script: str) -> None:
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(0o755)
        self.command = [str(path)]
        self._log = Path(f"{path}.log")

    @property
    def played(self) -> list[str]:
        """The clips it was given, by name, without the trial at the start."""
        if not self._log.exists():
            return []
        return [name for name in self._log.read_text(encoding="utf-8").split("\n")[:-1] if name != "silence"]


@pytest.fixture
def player(tmp_path: Path) -> Callable[..., Player]:
    """Make a player; without a script it notes what it is given and ends at once."""

    def make(script: str = NOTES, name: str = "aplay") -> Player:
        return Player(tmp_path / name, script)

    return make
