"""The settings of a station saved across restarts of the node, so that a power cut loses none of them."""

from pathlib import Path

import msgspec

from edge.counting.settings import Settings
from station.errors import ConfigError
from station.exercises import Profile, load_profile
from station.messages import RepMessage, SetMessage


class Unfinished(msgspec.Struct, frozen=True):
    """The running set: the events that the node's next run publishes if this one is killed."""

    reps: list[RepMessage]  # the pending ones, confirmed
    a_set: SetMessage


class SavedState(msgspec.Struct, frozen=True, kw_only=True):
    """The state that commands have changed, and the exercise named by the station file at the time."""

    settings: Settings
    exercise: str
    in_file: str | None  # the file's exercise: a file changed since then is the newer word
    tared_n: float = 0.0  # the load cell's zero as tared, beside the calibrated one
    unfinished: Unfinished | None = None


def to_bytes(kept: SavedState) -> bytes:
    """Encode as JSON, for the outbox's file."""
    return msgspec.json.encode(kept)


def from_bytes(data: bytes) -> SavedState:
    """Decode what `to_bytes` wrote. Raises ConfigError for anything else."""
    try:
        return msgspec.json.decode(data, type=SavedState)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"what was kept cannot be read ({error}); set athlete and load again") from error


def exercise_of(
    kept: SavedState, in_file: str | None, current: Profile, exercises_dir: Path | None
) -> Profile:
    """The exercise to count after a restart. Raises ConfigError for an exercise that is no more."""
    return load_profile(kept.exercise, exercises_dir) if kept.in_file == in_file else current
