"""The flight recorder: what is disputed is on disk, names nobody, and counts the same once more."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from edge.counting.dispute import Dispute
from edge.delivery.outbox import Outbox
from edge.link.capture import Capture
from edge.node.dispute_store import DisputeStore
from edge.node.reading import PortAcquisition
from edge.node.session import Session
from edge.tools.dispute_replay import differences, read_dispute, replay
from station.config import Port
from station.exercises import load_profile
from station.messages import CommandMessage, ReplyMessage
from station.sim import Sensors, SimulatedSet, load_scenario, simulate_station, with_seed
from station.sim.devices.board import board_bytes
from station.sim.session import simulate_set
from tests.edge.node.bench import ListeningSender

START_S = 5000.0  # of the host's clock
READ_S = 0.1
SHORT = simulate_set(load_profile("rdl"), reps=5, rng=np.random.default_rng(5))


class Gym:
    """A node's session at a simulated station, in simulated time, and its folder of disputes."""

    def __init__(self, simulated: SimulatedSet, outbox: Outbox, folder: Path, **store: Any) -> None:
        self.folder, self.hears = folder, ListeningSender()
        station = msgspec.structs.replace(simulated.station, ports=[Port(url="/dev/board")])
        self.session = Session(station, load_profile(simulated.exercise))
        self.session.attach(outbox, self.hears)  # type: ignore[arg-type]
        self.recorder = self.session.record_flight(DisputeStore(folder, **store), ports=1)
        self.port = PortAcquisition(self.session, station.ports[0])
        self.port.record_flight(self.recorder)
        self._pieces = board_bytes(simulated, np.random.default_rng(6))
        self._next = next(self._pieces, None)
        self.now_s = START_S
        self._commands = 0

    def run(self, until_s: float = float("inf")) -> None:
        """Go on to a time of the simulation, or to its end."""
        while self._next is not None and self.now_s - START_S < until_s:
            self.now_s += READ_S
            data = b""
            while self._next is not None and self._next[0] <= self.now_s - START_S:
                data += self._next[1]
                self._next = next(self._pieces, None)
            self.port.take(data, self.now_s, self.now_s)
            self.session.write(self.now_s)
            self.session.keep_disputes(self.now_s)

    def ask(self, name: Any, **given: Any) -> ReplyMessage:
        """Give a command; it is obeyed with the next read."""
        self._commands += 1
        self.hears.waiting.append(
            CommandMessage(
                event_id=f"c{self._commands}",
                at_utc="2026-01-01T00:00:00Z",
                name=name,
                by="coach-anna",
                **given,
            )
        )
        self.port.take(b"", self.now_s, self.now_s)
        self.session.write(self.now_s)
        reply = self.hears.replies[-1]
        assert reply.ok, reply.text
        return reply

    def end(self) -> None:
        self.session.finish()
        self.session.keep_disputes(self.now_s, last=True)

    @property
    def reps(self) -> list[Any]:
        return [m for m in self.hears.retained if hasattr(m, "reps")][-1].reps  # type: ignore[no-any-return]

    @property
    def kept(self) -> list[tuple[Path, Dispute]]:
        return (
            [(path, read_dispute(path)) for path in sorted(self.folder.iterdir())]
            if self.folder.is_dir()
            else []
        )


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with Outbox(tmp_path / "outbox.db") as outbox:
        yield outbox


@pytest.fixture
def gym(tmp_path: Path, outbox: Outbox) -> Gym:
    return Gym(SHORT, outbox, tmp_path / "disputes")


def texts(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_a_rep_marked_false_is_kept_and_counts_to_the_same_last_bit_once_more(gym: Gym) -> None:
    gym.ask("set-athlete", athlete="athlete-bob")
    gym.run()
    gym.ask("mark-rep", rep_event_id=gym.reps[2].event_id, mark="false")
    gym.end()
    ((folder, dispute),) = gym.kept
    assert dispute.why == ["marked"] and dispute.whole
    assert [one.mark for one in dispute.verdicts] == [None, None, "false", None, None]
    assert dispute.verdicts[2].event_id == gym.reps[2].event_id
    assert differences(dispute, replay(folder, dispute)) == []
    written = texts(folder)
    assert b"anna" not in written and b"bob" not in written
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_nothing_is_written_where_nobody_disputes(gym: Gym) -> None:
    gym.run()
    gym.end()
    assert gym.kept == []


def test_a_rep_added_is_told_from_one_that_was_measured(gym: Gym) -> None:
    gym.run()
    gym.ask("add-rep")
    gym.end()
    ((folder, dispute),) = gym.kept
    assert dispute.why == ["added"] and [one.added for one in dispute.verdicts] == [False] * 5 + [True]
    assert differences(dispute, replay(folder, dispute)) == []


def test_a_mark_taken_back_is_no_verdict(gym: Gym) -> None:
    gym.run()
    gym.ask("mark-rep", rep_event_id=gym.reps[0].event_id, mark="partial")
    gym.ask("undo")
    gym.end()
    ((_, dispute),) = gym.kept
    assert [one.mark for one in dispute.verdicts] == [None] * 5


@pytest.mark.long
@pytest.mark.parametrize("rough", [False, True])
def test_a_dispute_late_in_a_long_session_counts_the_same_without_what_came_before(
    tmp_path: Path, outbox: Outbox, rough: bool
) -> None:
    plan = load_scenario("two-lifters").stations[0]
    if rough:
        sensors = Sensors(position_hz=100.0, position_noise_m=0.001)
        plan = msgspec.structs.replace(plan, sensors=sensors)
    simulated = simulate_station(plan, with_seed(1000))
    gym = Gym(simulated, outbox, tmp_path / "disputes")
    end_s = float(simulated.motion.time_s[-1])
    gym.run(end_s * 0.3)
    gym.ask("set-load", load_kg=80.0)
    gym.ask("end-set")
    gym.run(end_s * 0.6)
    gym.ask("tare")
    gym.run()
    gym.ask("mark-rep", rep_event_id=gym.reps[-2].event_id, mark="failed")
    gym.end()
    ((folder, dispute),) = gym.kept
    assert not dispute.whole and len(dispute.verdicts) > 2
    assert differences(dispute, replay(folder, dispute)) == []


def test_a_change_in_what_was_kept_shows_as_a_difference(gym: Gym) -> None:
    gym.run()
    gym.ask("mark-rep", rep_event_id=gym.reps[1].event_id, mark="false")
    gym.end()
    ((folder, dispute),) = gym.kept
    moved = msgspec.structs.replace(
        dispute,
        station=msgspec.structs.replace(
            dispute.station,
            geometry=msgspec.structs.replace(dispute.station.geometry, lpt_anchor_m=(0.3, 0.0)),
        ),
    )
    assert differences(moved, replay(folder, moved)) != []


def test_a_doubtful_rep_is_kept_by_itself(gym: Gym, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "edge.counting.judging._confidences", lambda standing, *_: {one.event_id: 0.5 for one in standing}
    )
    gym.run()
    gym.end()
    assert [dispute.why for _, dispute in gym.kept] == [["doubtful"]]


def test_the_stretch_around_a_reset_of_the_board_is_kept(tmp_path: Path, outbox: Outbox) -> None:
    plan = msgspec.structs.replace(load_scenario("clean-rdl").stations[0], resets_at_s=(20.0,))
    gym = Gym(simulate_station(plan, with_seed(3)), outbox, tmp_path / "disputes")
    gym.run()
    gym.end()
    (_, dispute), *_ = gym.kept
    assert dispute.why == ["reset"] and abs(dispute.from_s - 20.0) < 2.0


def test_beyond_the_quota_the_oldest_goes_first(tmp_path: Path, outbox: Outbox) -> None:
    gym = Gym(SHORT, outbox, tmp_path / "disputes")
    gym.run()
    gym.ask("mark-rep", rep_event_id=gym.reps[1].event_id, mark="false")
    gym.end()
    ((folder, dispute),) = gym.kept
    size = sum(path.stat().st_size for path in folder.iterdir())
    captures = [(replay_info(folder), (folder / "port-0.plc").read_bytes())]
    store = DisputeStore(tmp_path / "few", quota_bytes=round(3.5 * size))
    for number in range(6):
        store.put(msgspec.structs.replace(dispute, name=f"rack-1-a-s{number}"), captures)
        kept = {path.name for path in (tmp_path / "few").iterdir()}
        assert f"rack-1-a-s{number}" in kept and len(kept) <= 3
    assert kept == {"rack-1-a-s3", "rack-1-a-s4", "rack-1-a-s5"}


def replay_info(folder: Path) -> Any:
    return Capture(folder / "port-0.plc").info


def test_a_disk_that_takes_nothing_is_said_and_stops_no_counting(tmp_path: Path, outbox: Outbox) -> None:
    (tmp_path / "taken").write_text("no folder")
    gym = Gym(SHORT, outbox, tmp_path / "taken")
    gym.run()
    gym.ask("mark-rep", rep_event_id=gym.reps[1].event_id, mark="false")
    gym.end()
    assert "cannot be kept" in str(gym.recorder.problem)
