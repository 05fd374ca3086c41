"""The commands of the whole chain with a clock in the places a rep passes; for tests.benchmarks.latency.

python -m tests.benchmarks.probes LOG COMMAND [OPTION ...] runs `plumbline COMMAND …` as it is, and at its
end writes what it saw into LOG, one JSON list a line. `at` is the machine's monotonic clock, which all
processes share; `true_s` is the simulator's.
"""

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import station.cli

seen: list[list[Any]] = []


def simulate() -> None:
    """["started", at], ["board", station, true_s and tick of its start, drift_ppm],
    ["lockout", station, true_s], ["piece", station, at].
    """
    from station.sim import demo, play  # noqa: PLC0415  each process loads only what it runs

    id_of = {one.exercise: one.id for one in demo.STATIONS}
    newest: dict[int, tuple[str, Any]] = {}  # by the identity of its recording
    first_s: dict[str, float] = {}
    boards: list[list[Any]] = []
    simulate_set, counts, board = demo.simulate_set, demo.counts, demo.SimulatedBoard
    carried_over = demo.carried_over
    run, write = demo.play, play.Terminals.write

    def noted_set(profile: Any, **options: Any) -> Any:
        simulated = simulate_set(profile, **options)
        newest[id(simulated.recording)] = id_of[profile.name], simulated
        return simulated

    def noted_carry(before: Any, after: Any) -> Any:
        carried = carried_over(before, after)
        newest[id(carried)] = newest.pop(id(after))
        return carried

    def noted_counts(recording: Any, channels: Any, offset_s: float) -> Any:
        key, simulated = newest.pop(id(recording))
        for rep in (rep for one in simulated.truth["sets"] for rep in one["reps"]):
            seen.append(["lockout", key, offset_s + rep["concentric_end_s"]])
        first_s.setdefault(key, offset_s + min(float(channel.time_s[0]) for channel in recording.values()))
        return counts(recording, channels, offset_s)

    def noted_board(channels: Any, **options: Any) -> Any:
        made = board(channels, **options)
        boards.append([options["name"].removeprefix("simulated "), options["start_us"], options["drift_ppm"]])
        return made

    def noted_play(*how: Any, **options: Any) -> int:
        status = run(*how, **options)
        seen.extend(["board", key, first_s[key], *rest] for key, *rest in boards)
        return status

    def noted_write(self: Any, index: int, data: bytes) -> None:
        seen.append(["piece", demo.STATIONS[index].id, time.monotonic()])
        write(self, index, data)

    def first_monotonic() -> float:
        play.time = time  # type: ignore[attr-defined]
        now_s = time.monotonic()
        seen.append(["started", now_s])
        return now_s

    demo.simulate_set, demo.counts = noted_set, noted_counts  # type: ignore[assignment]
    demo.carried_over = noted_carry
    demo.SimulatedBoard, demo.play = noted_board, noted_play  # type: ignore[assignment, misc]
    play.Terminals.write = noted_write  # type: ignore[method-assign]
    play.time = SimpleNamespace(monotonic=first_monotonic, sleep=time.sleep)  # type: ignore[attr-defined]


def edge() -> None:
    """["origin", station, tick at session 0], ["publish", event_id, revision, at],
    ["commit", station, event_id, revision, number, set, known_s, read at, counted at, done at].
    """
    import threading  # noqa: PLC0415

    from edge.delivery.backlog import Backlog  # noqa: PLC0415
    from edge.delivery.connection import BrokerConnection  # noqa: PLC0415
    from edge.delivery.outbox import Outbox  # noqa: PLC0415
    from edge.link.drivers import Samples  # noqa: PLC0415
    from edge.link.drivers.board import BoardDriver  # noqa: PLC0415
    from edge.link.sources import SerialSource  # noqa: PLC0415
    from station.messages import RepMessage  # noqa: PLC0415

    here = threading.local()
    read, feed, count = SerialSource.read_arrived, BoardDriver.feed, Backlog.add
    append, publish = Outbox.append, BrokerConnection.publish
    counted: dict[tuple[str, int], tuple[float, float]] = {}
    known: set[BoardDriver] = set()

    def noted_read(self: SerialSource) -> bytes:
        data = read(self)
        here.read_s = time.monotonic()
        return data

    def noted_feed(self: BoardDriver, data: bytes, received_s: float) -> list[Samples]:
        samples = feed(self, data, received_s)
        if self not in known and self.clock.session_s is not None:
            known.add(self)
            # Both are of the newest frame.
            tick_us = self.clock._t_us - round(self.clock.session_s * 1e6)
            seen.append(["origin", self._station.station.id, tick_us])
        return samples

    def noted_count(self: Backlog, messages: Sequence[Any]) -> None:
        for one in messages:
            if isinstance(one, RepMessage) and hasattr(here, "read_s"):
                counted[one.event_id, one.revision] = here.read_s, time.monotonic()
        count(self, messages)

    def noted_append(self: Outbox, station: str, messages: Sequence[Any], **options: Any) -> Any:
        result = append(self, station, messages, **options)
        now_s = time.monotonic()
        for one in messages:
            if isinstance(one, RepMessage) and (one.event_id, one.revision) in counted:
                what = [one.event_id, one.revision, one.rep.number, one.set_number, one.session_s]
                seen.append(["commit", station, *what, *counted[one.event_id, one.revision], now_s])
        return result

    def noted_publish(self: BrokerConnection, leaf: str, payload: bytes, qos: int) -> None:
        publish(self, leaf, payload, qos)
        if leaf == "rep":
            now_s = time.monotonic()
            rep = json.loads(payload)
            seen.append(["publish", rep["event_id"], rep["revision"], now_s])

    BoardDriver.feed = noted_feed  # type: ignore[method-assign]
    SerialSource.read_arrived = noted_read  # type: ignore[method-assign]
    Backlog.add = noted_count  # type: ignore[method-assign]
    Outbox.append = noted_append  # type: ignore[method-assign]
    BrokerConnection.publish = noted_publish  # type: ignore[method-assign]


def note_arrivals() -> None:
    """["arrived", event_id, revision, at]: in the screen's inbox."""
    from dashboard.broker.events import Packet  # noqa: PLC0415
    from dashboard.broker.inbox import Inbox  # noqa: PLC0415

    put = Inbox._put

    def noted_put(self: Inbox, topic: str, packets: list[Packet]) -> None:
        put(self, topic, packets)
        if topic.endswith("/rep"):
            for packet in packets:
                rep = json.loads(packet.payload)
                seen.append(["arrived", rep["event_id"], rep["revision"], packet.received_s])

    Inbox._put = noted_put  # type: ignore[method-assign]


def dashboard() -> None:
    """["arrived", event_id, revision, at] and ["shown", station, set, reps, at]: written to the terminal."""
    from dashboard.tui.app import PlumblineApp  # noqa: PLC0415
    from dashboard.tui.terminal import _Screen  # noqa: PLC0415
    from dashboard.tui.widgets.tile import Tile  # noqa: PLC0415

    note_arrivals()
    lines, write = Tile.lines, _Screen.write
    drawn: list[list[Any]] = []

    def noted_lines(self: Tile, width: int, height: int) -> Any:
        drawn.append(["shown", self.view.key[1], self.view.set_number, len(self.view.reps)])
        return lines(self, width, height)

    class Behind(str):
        """Goes through the writing thread's queue behind a frame."""

        what: list[list[Any]]

    def displayed(self: PlumblineApp) -> None:
        if drawn and self._driver is not None:
            behind = Behind()
            behind.what = drawn[:]
            drawn.clear()
            self._driver.write(behind)

    def noted_write(self: _Screen, text: str) -> None:
        if not isinstance(text, Behind):
            write(self, text)
            return
        self.flush()
        now_s = time.monotonic()
        seen.extend([*one, now_s] for one in text.what)

    _Screen.write = noted_write  # type: ignore[method-assign]
    Tile.lines = noted_lines  # type: ignore[method-assign]
    PlumblineApp.post_display_hook = displayed  # type: ignore[method-assign]


def screen() -> None:
    """["arrived", …] as above, and ["shown", station, set, reps, at]: a player has been started."""
    from dashboard.sound.events import Heard, MomentDetector  # noqa: PLC0415
    from dashboard.sound.player import Player  # noqa: PLC0415

    note_arrivals()
    hear, start = MomentDetector.hear, Player._start
    newest: list[list[Any]] = []

    def noted_hear(self: MomentDetector, view: Any) -> list[Heard]:
        found = hear(self, view)
        if any(one.say for one in found):
            newest[:] = [["shown", view.key[1], view.set_number, len(view.reps)]]
        return found

    def noted_start(self: Player, clip: Path) -> bool:
        started = start(self, clip)  # comes back when the child runs the player's own code
        seen.extend([*one, time.monotonic()] for one in newest)
        newest.clear()
        return started

    MomentDetector.hear = noted_hear  # type: ignore[method-assign]
    Player._start = noted_start  # type: ignore[method-assign]


PROBES: dict[str, Callable[[], None]] = {
    "simulate": simulate,
    "edge": edge,
    "dashboard": dashboard,
    "screen": screen,
    "record": lambda: None,
}


def main(log: Path, argv: list[str]) -> int:
    """Run one command with its probes."""
    PROBES[argv[0]]()
    try:
        return station.cli.main(argv)
    finally:
        log.write_text("\n".join(map(json.dumps, seen)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
