"""The dashboard without a screen: a line for every rep, every set and every change of state."""

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TextIO

from dashboard.client import Client
from dashboard.events import Arrival, read_all
from dashboard.state import FloorState, StationKey, apply_all
from dashboard.views import rep_tempo, view
from station.exercises import Profile
from station.messages import ReplyMessage, RepMessage, SetMessage

FLUSH_S = 0.1
_COLOURS = {"rep": "36", "set": "1", "fault": "33"}  # cyan, bold, yellow


class Reporter:
    """Turns messages into lines; each rep and each set is said once, and again only when it was corrected."""

    def __init__(self, profiles: Mapping[str, Profile]) -> None:
        self._profiles = profiles
        self._said: dict[tuple[StationKey, str], tuple[int, str]] = {}
        self._waiting: dict[tuple[StationKey, str], RepMessage] = {}
        self._links: dict[StationKey, str] = {}

    def lines(self, arrivals: Sequence[Arrival]) -> list[tuple[str, str]]:
        """What these messages say that was not said before: (kind, line), kind rep or set."""
        found: list[tuple[str, str]] = []
        for address, message, _ in arrivals:
            key = (address.site, address.station)
            if isinstance(message, RepMessage):
                if message.state == "pending":
                    if (key, message.event_id) not in self._said:
                        self._waiting[key, message.event_id] = message
                    continue
                self._waiting.pop((key, message.event_id), None)
                line = self._rep(key, message)
                if self._is_news(key, message.event_id, message.revision, line):
                    found.append(("rep", line))
            elif isinstance(message, SetMessage):
                line = self._set(key, message)
                if self._is_news(key, message.event_id, message.revision, line):
                    found.append(("set", line))
        return found

    def links(self, floor: FloorState, now_s: float, broker_up: bool) -> list[tuple[str, str]]:
        """Stations whose link has become another one: (kind, line), kind set or fault."""
        found = []
        for key, station in floor.stations.items():
            link = view(station, self._profiles, now_s, broker_up).link
            if self._links.get(key) != link.name:
                self._links[key] = link.name
                found.append(("set" if link.up else "fault", f"{key[1]:<10} {link.text}"))
        return found

    def pending(self) -> list[tuple[str, str]]:
        """Reps heard of that nobody has confirmed yet: what is left to say at the end."""
        return [("rep", self._rep(key, message)) for (key, _), message in self._waiting.items()]

    def _is_news(self, key: StationKey, event_id: str, revision: int, line: str) -> bool:
        old = self._said.get((key, event_id))
        if old is not None and (old[0] >= revision or old[1] == line):
            return False
        self._said[key, event_id] = (revision, line)
        return True

    def _title(self, exercise: str) -> str:
        profile = self._profiles.get(exercise)
        return profile.title if profile else exercise

    def _rep(self, key: StationKey, message: RepMessage) -> str:
        rep = message.rep
        start = (
            f"{key[1]:<10} {self._title(message.exercise):<19} set {message.set_number} rep {rep.number:<2}"
        )
        if message.state == "rejected":
            return f"{start} withdrawn: {rep.reason or 'not a rep'}"
        if not rep.counted:
            return f"{start} not counted: {rep.reason or 'partial'}"
        tempo = "-".join("·" if phase is None else f"{phase:.1f}" for phase in rep_tempo(rep))
        speed = rep.mean_concentric_velocity_mps
        path = "not measured"
        if rep.path_deviation_m is not None:
            sigma = rep.path_deviation_sigma_m
            path = (
                f"{1000 * rep.path_deviation_m:.0f}"
                + (f" ± {1000 * sigma:.0f}" if sigma is not None else "")
                + " mm"
            )
        loss = "–" if rep.velocity_loss_pct is None else f"{rep.velocity_loss_pct:.0f} %"
        return (
            f"{start} {'–' if speed is None else f'{speed:.2f} m/s'}  tempo {tempo}  path {path}  loss {loss}"
            f"{'  pending' if message.state == 'pending' else ''}"
        )

    def _set(self, key: StationKey, message: SetMessage) -> str:
        summary = message.summary
        partial = f", {summary.partial_reps} partial" if summary.partial_reps else ""
        fastest, loss = summary.fastest_mean_concentric_velocity_mps, summary.velocity_loss_pct
        return (
            f"{key[1]:<10} {self._title(message.exercise):<19} set {summary.number} over: "
            f"{summary.counted_reps} reps{partial}"
            + ("" if fastest is None else f", fastest {fastest:.2f} m/s")
            + ("" if loss is None else f", velocity loss {loss:.0f} %")
        )


def run_plain(
    client: Client,
    profiles: Mapping[str, Profile],
    out: TextIO,
    *,
    stop: threading.Event,
    seconds: float | None = None,
    trouble: Callable[[], str | None] = lambda: None,
    on_floor: Callable[[FloorState], None] = lambda _: None,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Print lines to `out` until `stop` is set or `seconds` are over."""
    reporter = Reporter(profiles)
    floor = FloorState()
    coloured = out.isatty() and not os.environ.get("NO_COLOR")
    broker: str | None = None
    said_wrong: str | None = None
    refused = 0
    end_s = None if seconds is None else clock() + seconds

    def say(kind: str, line: str) -> None:
        stamp = datetime.now().strftime("%H:%M:%S")
        print(
            f"{stamp} \033[{_COLOURS[kind]}m{line}\033[0m" if coloured else f"{stamp} {line}",
            file=out,
            flush=True,
        )

    while not stop.is_set() and (end_s is None or clock() < end_s):
        wrong = trouble()
        if wrong is not None and wrong != said_wrong:
            say("fault", wrong)
        said_wrong = wrong
        connection = client.connection
        if connection.text != broker:
            broker = connection.text
            say("set" if connection.up else "fault", f"broker     {broker}")
        arrivals, bad = read_all(client.inbox.drain())
        floor = apply_all(floor, arrivals)
        on_floor(floor)
        for kind, line in (*reporter.links(floor, clock(), connection.up), *reporter.lines(arrivals)):
            say(kind, line)
        for arrival in arrivals:
            if isinstance(arrival.message, ReplyMessage):
                say("set", f"{arrival.address.station:<10} {arrival.message.text}")
        if bad:
            refused += bad
            say("fault", f"broker     {refused} messages unusable")
        stop.wait(FLUSH_S)
    for kind, line in reporter.pending():
        say(kind, line)
