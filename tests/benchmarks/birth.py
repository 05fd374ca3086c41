"""What a station says first, for the benchmarks that publish as one."""

from typing import Any

from station.messages import InfoMessage, Sensor, StateMessage, now_utc

EXERCISE = "romanian-deadlift"


def birth(session: str, **settings: Any) -> tuple[StateMessage, InfoMessage]:
    """Its state, and what it is and is set to: a barbell with two sensors, whose tilt shows a path."""
    sensors = [Sensor(channel=name, rate_hz=100.0) for name in ("position_m", "tether_angle_rad")]
    return (
        StateMessage(event_id="s", at_utc=now_utc(), session=session, state="ready"),
        InfoMessage(
            event_id="i",
            at_utc=now_utc(),
            session=session,
            software="bench",
            kind="barbell",
            sensors=sensors,
            geometry={},
            exercise=EXERCISE,
            **settings,
        ),
    )
