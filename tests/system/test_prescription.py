"""What a plan may ask for is what a station takes, and the other way round."""

from pathlib import Path
from typing import Any

import pytest

from dashboard.roster.athletes_file import read_roster
from edge.counting.settings import Settings, changed
from station.bounds import PRESCRIPTION
from station.errors import ConfigError, MessageError
from station.exercises import all_profiles, load_profile
from station.messages import CommandMessage, CommandName

RDL = load_profile("rdl")
ROSTER = '[[athletes]]\nid = "a-17"\nname = "Ana"\n[[athletes.plans]]\nexercise = "rdl"\n'
IN_A_ROSTER = {"target_sets": "sets", "target_reps": "reps", "tempo_s": "tempo"}


def asked(name: str, value: float) -> dict[str, Any]:
    if name.startswith("target_"):
        return {name: round(value)}
    return {name: (value, None, None, 0.0) if name == "tempo_s" else value}


def values(name: str) -> list[float]:
    least, greatest = PRESCRIPTION[name]
    step = {"target_sets": 1.0, "target_reps": 1.0, "tempo_s": 0.01}.get(name, 0.0001)
    return [greatest, greatest + step, least, *([least - step] if least >= step else [])]


def station_takes(given: dict[str, Any]) -> bool:
    name: CommandName = "set-load" if "load_kg" in given else "set-target"
    command = CommandMessage(event_id="c", at_utc="2030-01-01T00:00:00Z", by="ana", name=name, **given)
    try:
        changed(Settings(), command, RDL)
    except MessageError:
        return False
    return True


def roster_takes(file: Path, given: dict[str, Any]) -> bool:
    ((name, value),) = given.items()
    text = f'"{value[0]:g}-X-X-0"' if name == "tempo_s" else value
    file.write_text(f"{ROSTER}{IN_A_ROSTER.get(name, name)} = {text}\n")
    try:
        read_roster(file, all_profiles())
    except ConfigError:
        return False
    return True


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name in PRESCRIPTION if name != "usual_range_m" for value in values(name)],
)
def test_a_roster_and_a_station_accept_the_same(tmp_path: Path, name: str, value: float) -> None:
    given = asked(name, value)
    within = PRESCRIPTION[name].least <= value <= PRESCRIPTION[name].greatest
    assert (roster_takes(tmp_path / "a.toml", given), station_takes(given)) == (within, within)


def test_a_roster_refuses_a_velocity_zone_that_a_station_would_refuse(tmp_path: Path) -> None:
    file = tmp_path / "a.toml"
    file.write_text(f"{ROSTER}velocity_least_mps = 0.6\nvelocity_most_mps = 0.5\n")
    with pytest.raises(ConfigError, match=r"line 7: velocity_most_mps: 0\.5; expected more than"):
        read_roster(file, all_profiles())
