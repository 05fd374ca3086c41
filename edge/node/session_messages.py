"""The messages of one session: what the pipeline counts, under the ids and with the stamps that others see.

Within a session a rep or a set has a short id; outside, the session's random id stands before it.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from edge.counting.settings import Settings
from edge.counting.tracked_set import SetView
from edge.node.clock_sync import clock_synchronised
from station.bounds import measured
from station.config import StationFile
from station.exercises import Profile
from station.messages import (
    CURRENT_CURVES,
    CURRENT_REPS,
    CurrentMessage,
    CurrentRep,
    InfoMessage,
    RepMessage,
    Sensor,
    SetMessage,
    now_utc,
)
from station.program.distribution import release
from station.records import Rep, RepEvent, SetEvent
from station.weighing import other_than

SOFTWARE = f"plumbline {release()}"


class SessionMessages:
    """Makes the messages of one session of one station."""

    def __init__(self, station: StationFile, session: str) -> None:
        self._station = station
        self._session = session

    def long_id(self, event_id: str) -> str:
        """The id of a rep or a set as others know it."""
        return f"{self._session}-{event_id}"

    def short_id(self, event_id: str | None) -> str | None:
        """The id within the session; that of another session stays long, and is found by nobody."""
        return None if event_id is None else event_id.removeprefix(f"{self._session}-")

    def rep(self, event: RepEvent) -> RepMessage:
        """A revision of a rep."""
        return RepMessage(
            **self._envelope(event),
            state=event.state,
            set_number=event.set_number,
            set_event_id=self.long_id(event.set_event_id),
            rep=measured(event.rep),
        )

    def set(self, event: SetEvent) -> SetMessage:
        """A revision of a set's summary."""
        return SetMessage(**self._envelope(event), summary=measured(event.summary))

    def info(
        self,
        settings: Settings,
        profile: Profile,
        sensors: Sequence[Sensor],
        board: str | None,
        resumed: bool,
        sets_done: int,
    ) -> InfoMessage:
        """What the station is and is set to; without id and time, so that two can be compared."""
        dates = {name: known.date for name, known in self._station.calibration.items()}
        geometry = self._station.geometry
        return InfoMessage(
            event_id="",
            at_utc="",
            session=self._session,
            software=SOFTWARE,
            kind=self._station.station.kind,
            sensors=[msgspec.structs.replace(s, calibrated=dates.get(s.channel)) for s in sensors],
            geometry={
                name: list(value) if isinstance(value, tuple) else value
                for name in geometry.__struct_fields__
                for value in [getattr(geometry, name)]
            },
            exercise=profile.name,
            board=board,
            resumed=resumed,
            clock_synchronised=clock_synchronised(),
            sets_done=sets_done,
            **msgspec.structs.asdict(settings),
        )

    def current(self, view: SetView | None, settings: Settings, profile: Profile) -> CurrentMessage:
        """The running set; without id, time and session time."""
        reps = view.reps if view is not None else []
        curved = reps[-CURRENT_CURVES:]
        valid = [one.rep for one in reps if one.state != "rejected"]
        plates_kg = self._station.stack.plates_kg if self._station.stack else ()
        return CurrentMessage(
            event_id="",
            at_utc="",
            session=self._session,
            session_s=0.0,
            set_event_id=self.long_id(view.event_id) if view is not None else None,
            set_number=view.number if view is not None else 1,
            over=view is not None and view.over,
            exercise=view.exercise if view is not None else profile.name,
            athlete=view.athlete if view is not None else settings.athlete,
            load_kg=view.load_kg if view is not None else settings.load_kg,
            target_reps=settings.target_reps,
            counted_reps=sum(rep.counted for rep in valid),
            partial_reps=sum(not rep.counted for rep in valid),
            lifted_kg=other_than(view.load_kg, valid, plates_kg) if view is not None else None,
            reps=[
                CurrentRep(
                    event_id=self.long_id(one.event_id),
                    revision=one.revision,
                    state=one.state,
                    rep=measured(one.rep) if one in curved else _without_curve(measured(one.rep)),
                )
                for one in reps[-CURRENT_REPS:]
            ],
            reps_left_out=max(0, len(reps) - CURRENT_REPS),
        )

    def _envelope(self, event: RepEvent | SetEvent) -> dict[str, Any]:
        """The fields that a rep and a set share; the outbox fills in stream and seq."""
        return {
            "event_id": self.long_id(event.event_id),
            "at_utc": now_utc(),
            "stream": "",
            "seq": 1,
            "session": self._session,
            "session_s": event.known_s,
            "revision": event.revision,
            "exercise": event.exercise,
            "athlete": event.athlete,
            "load_kg": event.load_kg,
            "clock_synchronised": clock_synchronised(),
        }


def _without_curve(rep: Rep) -> Rep:
    return msgspec.structs.replace(rep, curve=None)
