"""The outbox against sets of numbers, whatever is done to it in whatever order."""

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from edge.delivery.outbox import Outbox
from station.messages import RepMessage, StreamAck, Tombstone, decode
from tests.edge.delivery.held import MakeRep, tombstones


class OutboxModel(RuleBasedStateMachine):
    """Against sets of numbers: issued = acknowledged + waiting + buried, each number in exactly one."""

    stations = ("a", "b")
    quota = 12
    rep: RepMessage

    def __init__(self) -> None:
        super().__init__()
        # The disk of a machine at work makes each of the thousand commits wait.
        memory = Path("/dev/shm")
        self.folder = tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None)
        self.path = Path(self.folder.name) / "o.db"
        self.outbox = Outbox(self.path, max_events=self.quota, say=lambda line: None)
        self.issued = dict.fromkeys(self.stations, 0)
        self.gone: dict[str, set[int]] = {station: set() for station in self.stations}  # acknowledged
        self.streams = {station: self.outbox.stream(station) for station in self.stations}

    def teardown(self) -> None:
        self.outbox.close()
        self.folder.cleanup()

    @rule(station=st.sampled_from(stations), count=st.integers(0, 5), lost=st.sampled_from([0, 0, 0, 2]))
    def append(self, station: str, count: int, lost: int) -> None:
        first = self.issued[station] + lost + 1
        reps = [self.rep for _ in range(count)]
        assert self.outbox.append(station, reps, lost_before=lost) == list(range(first, first + count))
        self.issued[station] += lost + count

    @precondition(lambda self: any(self.issued.values()))
    @rule(data=st.data(), station=st.sampled_from(stations))
    def acknowledge(self, data: st.DataObject, station: str) -> None:
        committed = data.draw(st.integers(0, self.issued[station]))
        missing = data.draw(st.sets(st.integers(1, max(1, committed)), max_size=4))
        ranges = [(seq, seq) for seq in sorted(missing)]
        waiting = self.waiting(station)
        ack = StreamAck(stream=self.streams[station], committed_seq=committed, missing=ranges)
        deleted = self.outbox.acknowledge(station, ack).deleted
        accepted = set(range(1, committed + 1)) - missing
        gone = [numbers for numbers in waiting if numbers <= accepted]
        assert deleted == len(gone)
        self.gone[station] |= set().union(*gone)

    @rule(station=st.sampled_from(stations), beyond=st.integers(1, 1000))
    def acknowledge_what_was_never_issued(self, station: str, beyond: int) -> None:
        ack = StreamAck(stream=self.streams[station], committed_seq=self.issued[station] + beyond)
        before = self.waiting(station)
        assert self.outbox.acknowledge(station, ack) == (0, False, True)
        assert self.waiting(station) == before

    @rule()
    def restart(self) -> None:
        """All is acknowledged before, so that the model holds one stream at a time."""
        for station in self.stations:
            self.outbox.acknowledge(
                station, StreamAck(stream=self.streams[station], committed_seq=self.issued[station])
            )
        self.outbox.close()
        self.outbox = Outbox(self.path, max_events=self.quota, say=lambda line: None)
        assert self.outbox.depth() == 0
        self.streams = {station: self.outbox.stream(station) for station in self.stations}
        self.issued = dict.fromkeys(self.stations, 0)
        self.gone = {station: set() for station in self.stations}

    def waiting(self, station: str) -> list[set[int]]:
        """What each row stands for, numbers already acknowledged left out of a tombstone's range."""
        found = []
        for entry in self.outbox.unacknowledged(station, 10_000):
            message = decode(entry.leaf, entry.payload)
            first = message.first_seq if isinstance(message, Tombstone) else entry.seq
            found.append(set(range(first, entry.seq + 1)))
        return found

    @invariant()
    def every_number_is_accounted_for_once(self) -> None:
        for station in self.stations:
            rows = self.waiting(station)
            numbers: set[int] = set()
            for row in rows:
                assert not numbers & row
                numbers |= row
            assert numbers | self.gone[station] == set(range(1, self.issued[station] + 1))
            for stone in tombstones(self.outbox, station):
                buried = set(range(stone.first_seq, stone.seq + 1)) - self.gone[station]
                assert stone.lost == len(buried)

    @invariant()
    def the_quota_holds(self) -> None:
        rows = sum(len(self.waiting(station)) for station in self.stations)
        assert rows == self.outbox.depth()
        stones = sum(len(tombstones(self.outbox, station)) for station in self.stations)
        assert rows <= max(self.quota, stones)

    @invariant()
    def streams_stay(self) -> None:
        assert {station: self.outbox.stream(station) for station in self.stations} == self.streams


def test_the_outbox_agrees_with_a_simple_model(make_rep: MakeRep) -> None:
    OutboxModel.rep = make_rep()
    run_state_machine_as_test(
        OutboxModel, settings=settings(max_examples=15, stateful_step_count=30, deadline=None)
    )
