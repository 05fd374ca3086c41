"""Stations, broker and record killed in turn: every event in the history, none twice."""

import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboard.record.record import Record
from dashboard.record.store import Store, open_store
from edge.broker.mosquitto import Broker
from edge.delivery.outbox import Outbox
from edge.delivery.publisher import Publisher
from station.config import Mqtt
from station.messages import AckMessage, RepMessage, StreamAck, encode
from tests.dashboard.record import written

ROOT = str(Path(__file__).parents[2])
MakeRep = Callable[..., RepMessage]


def at(broker: Broker) -> Mqtt:
    return Mqtt(host="127.0.0.1", port=broker.port, tls=False)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "history.db") as store:
        yield store


def ids(store: Store) -> list[str]:
    return [row["event_id"] for row in written.reps(store, "gym", "rack-1", 100_000)]


def assert_all_once(store: Store, issued: list[str]) -> None:
    assert sorted(ids(store)) == sorted(issued)
    (ack,) = store.acks().values()
    assert (ack.committed_seq, ack.missing) == (len(issued), [])


def test_a_broker_killed_in_the_middle_of_a_stream_loses_none_and_doubles_none(
    broker: Broker, outbox: Outbox, publisher: Publisher, store: Store, make_rep: MakeRep, until: Any
) -> None:
    issued: list[str] = []
    with Record(at(broker), store):
        for _ in range(3):
            for _ in range(100):
                issued.append(f"e{len(issued)}")
                outbox.append("rack-1", [make_rep(event_id=issued[-1])])
                publisher.wake()
            broker.kill()
            for _ in range(50):
                issued.append(f"e{len(issued)}")
                outbox.append("rack-1", [make_rep(event_id=issued[-1])])
            broker.start()
        until(lambda: outbox.depth() == 0)
    assert_all_once(store, issued)


NODE = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
import msgspec
from edge.delivery.outbox import Outbox
from edge.delivery.publisher import Publisher
from station.config import Mqtt
from station.messages import RepMessage
outbox = Outbox(Path(sys.argv[2]))
broker = Mqtt(host="127.0.0.1", port=int(sys.argv[3]), tls=False)
publisher = Publisher(outbox, {"rack-1": broker}, {"rack-1": "s"})
publisher.start()
rep = msgspec.json.decode(sys.argv[4], type=RepMessage)
n = 0
while True:
    n += 1
    name = f"{sys.argv[5]}-{n}"
    (seq,) = outbox.append("rack-1", [msgspec.structs.replace(rep, event_id=name)])
    publisher.wake()
    print(seq, name, flush=True)
    sys.stdin.readline()
"""


def test_a_node_killed_at_random_points_loses_nothing_it_had_committed(
    broker: Broker, store: Store, make_rep: MakeRep, until: Any, tmp_path: Path
) -> None:
    chance = random.Random(7)
    path = tmp_path / "node.db"
    committed: dict[tuple[int, int], str] = {}  # by run and number: each run has a stream of its own
    with Record(at(broker), store):
        for run in range(4):
            args = [ROOT, str(path), str(broker.port), encode(make_rep()).decode(), f"run{run}"]
            node = subprocess.Popen(
                [sys.executable, "-c", NODE, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            assert node.stdin is not None and node.stdout is not None
            for _ in range(40):
                node.stdin.write("\n")
            node.stdin.flush()
            for _ in range(chance.randint(3, 35)):
                seq, name = node.stdout.readline().split()
                assert (run, int(seq)) not in committed, "a number was used twice"
                committed[run, int(seq)] = name
            node.kill()
            # not communicate(): it reads past what readline has already buffered
            rest = node.stdout.read()
            node.wait()
            node.stdin.close()
            node.stdout.close()
            said = rest[: rest.rfind("\n") + 1]  # what it was saying when it was killed is not said
            committed |= {(run, int(line.split()[0])): line.split()[1] for line in said.splitlines()}
        with Outbox(path) as outbox:
            publisher = Publisher(outbox, {"rack-1": at(broker)}, {"rack-1": "one"})
            publisher.start()
            until(lambda: outbox.depth() == 0)
            publisher.stop()
    kept = ids(store)
    assert len(kept) == len(set(kept))
    assert set(committed.values()) <= set(kept)
    assert len(kept) <= len(committed) + 4  # one commit at most whose line was not written, per kill
    acks = store.acks().values()
    assert sum(ack.committed_seq for ack in acks) == len(kept)
    assert not any(ack.missing or ack.lost for ack in acks)


DYING_RECORD = """
import os, signal, sys, time
sys.path.insert(0, sys.argv[1])
from dashboard.database.schema import open_writable
from dashboard.record.record import Record
from dashboard.record.store import Store
from station.config import Mqtt
from tests.dashboard.record import written

class DiesAfterCommit(Store):
    def ingest(self, arrived):
        acks = super().ingest(arrived)
        os.kill(os.getpid(), signal.SIGKILL)

store = DiesAfterCommit(open_writable(sys.argv[2]))
with Record(Mqtt(host="127.0.0.1", port=int(sys.argv[3]), tls=False), store):
    time.sleep(60)
"""


def test_a_record_killed_between_commit_and_acknowledgement_doubles_nothing(
    broker: Broker, outbox: Outbox, publisher: Publisher, make_rep: MakeRep, until: Any, tmp_path: Path
) -> None:
    path = tmp_path / "history.db"
    issued = [f"e{n}" for n in range(60)]
    for run in range(3):
        outbox.append("rack-1", [make_rep(event_id=name) for name in issued[20 * run : 20 * run + 20]])
        publisher.wake()
        command = [sys.executable, "-c", DYING_RECORD, ROOT, str(path), str(broker.port)]
        assert subprocess.run(command, timeout=20.0, check=False).returncode == -signal.SIGKILL
        assert outbox.depth() > 0  # what was committed last is not acknowledged
    with open_store(path) as store:
        assert 0 < len(ids(store)) <= 60
        with Record(at(broker), store):
            until(lambda: outbox.depth() == 0)
        assert_all_once(store, issued)


def test_an_outbox_restored_from_an_old_copy_loses_nothing_before_nor_after(
    broker: Broker, store: Store, make_rep: MakeRep, until: Any, tmp_path: Path
) -> None:
    path, copy = tmp_path / "node.db", tmp_path / "copy.db"

    def append(outbox: Outbox, names: str) -> None:
        for name in names.split():
            outbox.append("rack-1", [make_rep(event_id=name)])

    def send(outbox: Outbox) -> None:
        publisher = Publisher(outbox, {"rack-1": at(broker)}, {"rack-1": "one"})
        publisher.start()
        until(lambda: outbox.depth() == 0)
        publisher.stop()

    with Outbox(path) as outbox:
        append(outbox, "a0 a1 a2")  # before the image, not sent yet
    shutil.copy(path, copy)
    with Record(at(broker), store), Outbox(path) as outbox:
        append(outbox, "b0 b1 b2 b3 b4 b5")
        send(outbox)
    with Outbox(
        copy
    ) as outbox:  # the record is away, so the image goes on under numbers that it has heard of
        append(outbox, "c0 c1")
        with Record(at(broker), store):
            send(outbox)
    with Record(at(broker), store), Outbox(copy) as outbox:
        append(outbox, "d0")
        send(outbox)
    everything = [f"{run}{n}" for run, count in zip("abcd", (3, 6, 2, 1), strict=True) for n in range(count)]
    assert sorted(ids(store)) == everything
    assert written.gaps(store) == []
    assert not any(ack.missing for ack in store.acks().values())


def test_what_the_quota_forced_out_shows_as_a_gap_in_the_record(
    broker: Broker, store: Store, make_rep: MakeRep, until: Any, tmp_path: Path
) -> None:
    with Outbox(tmp_path / "small.db", max_events=10) as outbox:
        publisher = Publisher(outbox, {"rack-1": at(broker)}, {"rack-1": "one"})
        for n in range(1, 31):
            outbox.append("rack-1", [make_rep(event_id=f"e{n}")])
        publisher.start()
        with Record(at(broker), store):
            until(lambda: outbox.depth() == 0)
        publisher.stop()
    (gap,) = written.gaps(store)
    assert (gap.first_seq, gap.last_seq) == (1, 21)
    assert ids(store) == [f"e{n}" for n in range(22, 31)]


def test_two_records_of_one_history_agree(
    broker: Broker, outbox: Outbox, publisher: Publisher, make_rep: MakeRep, until: Any, tmp_path: Path
) -> None:
    issued = [f"e{n}" for n in range(100)]
    path = tmp_path / "shared.db"
    with open_store(path) as one, open_store(path) as two:
        with Record(at(broker), one), Record(at(broker), two):
            for name in issued:
                outbox.append("rack-1", [make_rep(event_id=name)])
                publisher.wake()
            until(lambda: outbox.depth() == 0)
        assert_all_once(one, issued)


def test_a_spoofed_acknowledgement_deletes_nothing(
    outbox: Outbox, publisher: Publisher, wire: Any, make_rep: MakeRep, until: Any
) -> None:
    outbox.append("rack-1", [make_rep(), make_rep()])
    until(lambda: publisher.senders["rack-1"].connection.connected)
    stream = outbox.stream("rack-1")
    for ack in (StreamAck(stream="0" * 32, committed_seq=2), StreamAck(stream=stream, committed_seq=3)):
        text = encode_ack(ack)
        wire.say("plumbline/1/gym/rack-1/ack", text)
    until(lambda: publisher.senders["rack-1"].messages_refused == 1)
    assert outbox.depth() == 2


def encode_ack(ack: StreamAck) -> bytes:
    return encode(AckMessage(event_id="a", at_utc="2030-01-01T00Z", streams=[ack]))


def children_of(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(word) for word in text.split()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_the_broker_command_says_where_it_listens_and_leaves_no_child(
    broker: Broker, until: Any, how: signal.Signals
) -> None:
    command = [sys.executable, "-m", "station.cli", "broker", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = process.stdout.readline()
    assert said.startswith("listening on 127.0.0.1:") and said.endswith(" (mosquitto)\n")
    (child,) = children_of(process.pid)
    process.send_signal(how)
    assert process.wait(5.0) == (0 if how != signal.SIGKILL else -signal.SIGKILL)
    process.stdout.close()
    until(lambda: not alive(child))


def test_a_broker_that_dies_is_started_again_on_its_port(broker: Broker, until: Any) -> None:
    command = [sys.executable, "-m", "station.cli", "broker"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        (child,) = children_of(process.pid)
        subprocess.run(["kill", "-9", str(child)], check=True)
        until(lambda: children_of(process.pid) not in ([], [child]))
    finally:
        process.terminate()
        process.communicate(timeout=5.0)


def test_a_taken_port_is_said_in_a_line(broker: Broker) -> None:
    command = [sys.executable, "-m", "station.cli", "broker", "--port", str(broker.port)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10.0, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"plumbline broker: port {broker.port} cannot be listened on")
    assert len(done.stderr.splitlines()) == 1


def test_a_recording_replayed_comes_back_through_broker_record_and_dashboard(
    broker: Broker, tmp_path: Path
) -> None:
    recording, station = tmp_path / "rec.csv", tmp_path / "sim-1.toml"
    run([*simulate(recording, tmp_path), "--station-out", str(station)])
    command = ["replay", str(recording), "--station", str(station), "--exercise", "rdl", "--speed", "12"]
    said = run(command)
    assert "set 1 over: 3 reps" in said, said
    assert all(f"set 1 rep {n}" in said for n in (1, 2, 3))


def simulate(recording: Path, folder: Path) -> list[str]:
    truth = str(folder / "truth.json")
    return [
        "simulate",
        "--exercise",
        "rdl",
        "--reps",
        "3",
        "--seed",
        "1",
        "--out",
        str(recording),
        "--truth",
        truth,
    ]


def run(args: list[str]) -> str:
    command = [sys.executable, "-m", "station.cli", *args]
    done = subprocess.run(command, capture_output=True, text=True, timeout=40.0, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
