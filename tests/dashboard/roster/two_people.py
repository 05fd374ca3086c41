"""Ana, who has plans, and Ben, who has none; and what a station hears when they lift."""

from typing import Any

import msgspec

from dashboard.roster.people import Athlete, Plan
from station.exercises import all_profiles
from station.messages import (
    CommandMessage,
    ReplyMessage,
    decode,
)

RDL = Plan(
    exercise="romanian-deadlift",
    load_kg=60.0,
    sets=4,
    reps=8,
    eccentric_s=3.0,
    bottom_pause_s=0.0,
    top_pause_s=1.0,
    velocity_loss_cutoff_pct=15.0,
    path_limit_m=0.04,
    full_range_m=0.42,
    velocity_best_pct=95.0,
    rest_s=150.0,
)


PULL = Plan(exercise="cable-pull-through", load_kg=25.0, reps=12)


ANA = Athlete(id="a-17", name="Ana Okoro", badge="0042", plans=(PULL, RDL))


BEN = Athlete(id="b-04", name="Ben Lund", badge="0043")


PROFILES = all_profiles()


TOPIC = "plumbline/1/gym/rack-1/"


def told(commands: list[CommandMessage]) -> list[tuple[Any, ...]]:
    """Name and what is given, of each."""
    found = []
    for command in commands:
        given = msgspec.structs.asdict(command)
        head = {"name", "by", "event_id", "at_utc", "action"}
        found.append((command.name, {k: v for k, v in given.items() if k not in head and v is not None}))
    return found


ANAS_RDL = [
    ("set-load", {"load_kg": 60.0}),
    (
        "set-target",
        {
            "target_reps": 8,
            "target_sets": 4,
            "tempo_s": (3.0, 0.0, None, 1.0),
            "velocity_loss_cutoff_pct": 15.0,
            "path_limit_m": 0.04,
            "velocity_best_pct": 95.0,
            "rest_s": 150.0,
            "full_range_m": 0.42,
        },
    ),
]


def commands_of(edge: Any) -> list[CommandMessage]:
    found = [decode("command", one.payload) for one in edge.heard if one.topic.endswith("/command")]
    return [one for one in found if isinstance(one, CommandMessage)]


def replies_of(edge: Any) -> list[ReplyMessage]:
    found = [decode("reply", one.payload) for one in edge.heard if one.topic.endswith("/reply")]
    return [one for one in found if isinstance(one, ReplyMessage)]
