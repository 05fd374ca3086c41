"""A gym on this machine: broker, four simulated stations and the node that counts, as child processes."""

import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from dashboard.broker.client import Client
from dashboard.demo.children import Child, end_all
from dashboard.floor.state import FloorState, StationKey
from dashboard.roster.people import Athlete, Plan
from dashboard.roster.plans import assignment
from station.config import Mqtt
from station.exercises import all_profiles
from station.sim.demo import STATIONS

READY_S = 20.0  # a Raspberry Pi needs half of it
_PEOPLE = (("ana", "Ana Okoro"), ("ben", "Ben Lund"), ("chidi", "Chidi Eze"), ("dora", "Dora Klein"))
# Each may lift at each station; their badges are 1 to 4.
ATHLETES = tuple(
    Athlete(
        id=one,
        name=name,
        badge=str(number),
        plans=tuple(Plan(exercise=at.exercise, load_kg=at.load_kg, sets=3, reps=8) for at in STATIONS),
    )
    for number, (one, name) in enumerate(_PEOPLE, 1)
)
_LISTENING = r"listening on (?P<host>[0-9.]+):(?P<port>[0-9]+) \((?P<kind>[a-z]+)\)"


class DemoGym:
    """The demo's processes. Use as a context manager: on leaving, nothing of it is left."""

    def __init__(self, seed: int, stop: threading.Event) -> None:
        """Prepare; `stop` set while it starts ends the start."""
        self._seed = seed
        self._stop = stop
        self._children: list[Child] = []
        self._folder = Path()
        self.mqtt = Mqtt(host="127.0.0.1", tls=False)
        self.broker_kind = ""

    def __enter__(self) -> "DemoGym":
        """Start everything. Raises ChildError with the last words of what did not come up."""
        self._folder = Path(tempfile.mkdtemp(prefix="plumbline-demo-"))
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def database(self) -> Path:
        """The demo's own history; it goes with the demo."""
        return self._folder / "history.db"

    @property
    def trouble(self) -> str | None:
        """The last output of a process that has ended unexpectedly."""
        return next((said for child in self._children if (said := child.trouble) is not None), None)

    def close(self) -> None:
        """End the processes and remove their files; may be called again."""
        end_all(self._children)
        self._children.clear()
        if self._folder != Path():
            shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> None:
        found = self._child("broker", "--port", "0").wait_for(_LISTENING, READY_S, self._stop)
        self.broker_kind = found["kind"]
        self.mqtt = Mqtt(host=found["host"], port=int(found["port"]), tls=False)
        where = f"{found['host']}:{found['port']}"
        simulator = self._child(
            "simulate", "--demo", str(self._folder), "--mqtt", where, "--seed", str(self._seed)
        )
        self._enlist()
        simulator.wait_for("^ready$", READY_S, self._stop)
        stations = sorted(str(path) for path in self._folder.glob("*.toml"))
        self._child("edge", "--station", *stations, "--outbox", str(self._folder / "outbox.db"))

    def _enlist(self) -> None:
        """Put the demo's athletes, badges and plans into its history. Raises StoreError."""
        from dashboard.database.schema import open_writable  # noqa: PLC0415  while the children start
        from dashboard.roster.athletes import save  # noqa: PLC0415

        with open_writable(self.database) as db:
            save(db, ATHLETES)

    def _child(self, command: str, *options: str) -> Child:
        child = Child(command, [command, *options], self._folder / f"{command}.log")
        self._children.append(child)
        return child


def coach(client: Client) -> Callable[[FloorState], None]:
    """The demo's coach: sets athlete, load and target when a station starts."""
    told: set[StationKey] = set()
    profiles = all_profiles()

    def meet(floor: FloorState) -> None:
        for key, station in sorted(floor.stations.items()):
            state = station.newest.state
            if key in told or state is None or state.state != "ready" or not client.connection.up:
                continue
            info = station.newest.info
            if info is None:
                continue
            athlete = ATHLETES[len(told) % len(ATHLETES)]
            told.add(key)
            for command in assignment(athlete, info, profiles, "demo"):
                client.send(*key, command, tracked=False)

    return meet
