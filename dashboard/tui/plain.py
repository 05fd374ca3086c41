"""The dashboard without a screen: a line for every rep, every set and every change of state."""

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TextIO

from dashboard.broker.events import Arrival, read_all
from dashboard.broker.source import FloorSource
from dashboard.floor.reps import path_mm, with_sigma
from dashboard.floor.state import FloorState, StationKey, apply_all
from dashboard.floor.times import zone_name
from dashboard.floor.views import view
from station.exercises import Profile
from station.exercises.judge import is_doubtful, tempo_of
from station.messages import ReplyMessage, RepMessage, SetMessage
from station.records import Rep

FLUSH_S = 0.1
_COLOURS = {"rep": "36", "set": "1", "fault": "33"}  # cyan, bold, yellow


_RepId = tuple[StationKey, str]  # and the event_id


class Reporter:
    """Turns messages into lines: one for each rep and each set, and another where it was corrected.

    A confirmed rep waits for the pause after it, which is a part of its tempo; the next rep or the end of
    the set ends the wait.
    """

    def __init__(self, profiles: Mapping[str, Profile], several_sites: bool = False) -> None:
        self._profiles = profiles
        self._several_sites = several_sites
        self._said: dict[_RepId, tuple[int, str]] = {}  # revision, and what of it is worth a correction
        self._waiting: dict[_RepId, RepMessage] = {}
        self._freshness: dict[StationKey, str] = {}

    def lines(self, arrivals: Sequence[Arrival]) -> list[tuple[str, str]]:
        """The lines for new messages, each printed once: (kind, line), kind rep or set."""
        found: list[tuple[str, str]] = []
        for address, message, _ in arrivals:
            key = (address.site, address.station)
            if isinstance(message, RepMessage):
                found += self._heard(key, message)
            elif isinstance(message, SetMessage):
                found += self._flush(key, message.summary.number + 1)
                line = self._set(key, message)
                found += self._say((key, message.event_id), message.revision, "set", line, worth=line)
        return found

    def freshness(
        self, floor: FloorState, now_s: float, broker_up: bool, brings_live: bool = True
    ) -> list[tuple[str, str]]:
        """Lines for stations that are heard again, or no more: (kind, line), kind set or fault."""
        found = []
        for key, station in floor.stations.items():
            fresh = view(station, self._profiles, now_s, broker_up, brings_live=brings_live).freshness
            if self._freshness.get(key) != fresh.name:
                self._freshness[key] = fresh.name
                found.append(("set" if fresh.up else "fault", f"{self._called(key):<10} {fresh.text}"))
        return found

    def rest(self) -> list[tuple[str, str]]:
        """Lines for reps not printed yet, at the end."""
        return [("rep", self._rep(key, message)) for (key, _), message in self._waiting.items()]

    def _heard(self, key: StationKey, message: RepMessage) -> list[tuple[str, str]]:
        rep_id = (key, message.event_id)
        held = self._waiting.get(rep_id)
        if held is not None and held.revision >= message.revision:
            return []
        found = self._flush(key, message.set_number, message.rep.number)
        if rep_id not in self._said and _unfinished(message):
            self._waiting[rep_id] = message
            return found
        self._waiting.pop(rep_id, None)
        return found + self._say_rep(key, message)

    def _flush(self, key: StationKey, set_number: int, number: int = 0) -> list[tuple[str, str]]:
        """Say the confirmed reps of a station that waited and come before this place."""
        due = [
            (rep_id, held)
            for rep_id, held in self._waiting.items()
            if rep_id[0] == key
            and held.state == "confirmed"
            and (held.set_number, held.rep.number) < (set_number, number)
        ]
        found: list[tuple[str, str]] = []
        for rep_id, held in due:
            del self._waiting[rep_id]
            found += self._say_rep(key, held)
        return found

    def _say_rep(self, key: StationKey, message: RepMessage) -> list[tuple[str, str]]:
        rep = message.rep
        speed = rep.mean_concentric_velocity_mps
        # A pause that is refined later is not worth a second line; a count or a velocity is.
        shown = "" if speed is None else round(speed, 2)
        worth = f"{message.state} {rep.counted} {rep.reason} {shown}{_doubt(rep)}"
        return self._say((key, message.event_id), message.revision, "rep", self._rep(key, message), worth)

    def _say(self, rep_id: _RepId, revision: int, kind: str, line: str, worth: str) -> list[tuple[str, str]]:
        old = self._said.get(rep_id)
        if old is not None and (old[0] >= revision or old[1] == worth):
            return []
        self._said[rep_id] = (revision, worth)
        return [(kind, line if old is None else f"{line}  corrected")]

    def _called(self, key: StationKey) -> str:
        return "/".join(key) if self._several_sites else key[1]

    def _title(self, exercise: str) -> str:
        profile = self._profiles.get(exercise)
        return profile.title if profile else exercise

    def _rep(self, key: StationKey, message: RepMessage) -> str:
        rep = message.rep
        where = f"set {message.set_number} rep {rep.number:<2}"
        start = f"{self._called(key):<10} {self._title(message.exercise):<19} {where}"
        if message.state == "rejected":
            return f"{start} withdrawn: {rep.reason or 'not a rep'}"
        if not rep.counted:
            return f"{start} not counted: {rep.reason or 'partial'}{_doubt(rep)}"
        tempo = "-".join("·" if phase is None else f"{phase:.1f}" for phase in tempo_of(rep))
        speed = with_sigma(rep.mean_concentric_velocity_mps, rep.mean_concentric_velocity_sigma_mps, 2)
        path = "not measured"
        if rep.path_deviation_m is not None:
            path = f"{path_mm(rep.path_deviation_m, rep.path_deviation_sigma_m)} mm"
        loss = "–" if rep.velocity_loss_pct is None else f"{rep.velocity_loss_pct:.0f} %"
        return (
            f"{start} {speed}{'' if speed == '–' else ' m/s'}  tempo {tempo}  path {path}  loss {loss}"
            f"{'  pending' if message.state == 'pending' else ''}{_doubt(rep)}"
        )

    def _set(self, key: StationKey, message: SetMessage) -> str:
        summary = message.summary
        partial = f", {summary.partial_reps} partial" if summary.partial_reps else ""
        fastest, loss = summary.fastest_mean_concentric_velocity_mps, summary.velocity_loss_pct
        return (
            f"{self._called(key):<10} {self._title(message.exercise):<19} set {summary.number} over: "
            f"{summary.counted_reps} reps{partial}"
            + ("" if fastest is None else f", fastest {fastest:.2f} m/s")
            + ("" if loss is None else f", velocity loss {loss:.0f} %")
        )


def _doubt(rep: Rep) -> str:
    return "  ? doubtful" if is_doubtful(rep) else ""


def _unfinished(message: RepMessage) -> bool:
    """Whether more of the rep is still to come: its confirmation, or a pause of its tempo."""
    if message.state == "confirmed":
        return message.rep.counted and None in tempo_of(message.rep)
    return message.state == "pending"


def run_plain(
    client: FloorSource,
    profiles: Mapping[str, Profile],
    out: TextIO,
    *,
    stop: threading.Event,
    seconds: float | None = None,
    trouble: Callable[[], str | None] = lambda: None,
    on_floor: Callable[[FloorState], None] = lambda _: None,
) -> None:
    """Print lines to `out` until `stop` is set or `seconds` are over."""
    reporter = Reporter(profiles, several_sites=not client.brings_live)
    floor = FloorState()
    coloured = out.isatty() and not os.environ.get("NO_COLOR")
    broker: str | None = None
    said_wrong: str | None = None
    refused = 0
    end_s = None if seconds is None else time.monotonic() + seconds

    def say(kind: str, line: str) -> None:
        stamp = datetime.now().strftime("%H:%M:%S")
        print(
            f"{stamp} \033[{_COLOURS[kind]}m{line}\033[0m" if coloured else f"{stamp} {line}",
            file=out,
            flush=True,
        )

    today = datetime.now()
    say("set", f"dashboard  {today:%Y-%m-%d}, times are {zone_name(today)}")
    while not stop.is_set() and (end_s is None or time.monotonic() < end_s):
        wrong = trouble()
        if wrong is not None and wrong != said_wrong:
            say("fault", wrong)
        said_wrong = wrong
        connection = client.connection
        if connection.text != broker:
            broker = connection.text
            say("set" if connection.up else "fault", f"broker     {broker}")
        heard_until_s = client.heard_until_s
        arrivals, bad = read_all(client.inbox.drain())
        floor = apply_all(floor, arrivals)
        on_floor(floor)
        fresh = reporter.freshness(floor, heard_until_s, connection.up, client.brings_live)
        for kind, line in (*fresh, *reporter.lines(arrivals)):
            say(kind, line)
        for arrival in arrivals:
            if isinstance(arrival.message, ReplyMessage):
                say("set", f"{arrival.address.station:<10} {arrival.message.text}")
        if bad:
            refused += bad
            say("fault", f"broker     {refused} messages unusable")
        stop.wait(FLUSH_S)
    for kind, line in reporter.rest():
        say(kind, line)
