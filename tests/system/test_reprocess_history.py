"""An archive counted again, against what a history holds of it: as a node said it, and as coaches left it."""

import threading
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from datetime import datetime, timedelta
from functools import cache
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest
from sqlalchemy import select, update

from dashboard.database.tables import REPS
from dashboard.record.store import Arrived, open_store
from edge.counting.dispute import Dispute
from edge.delivery.outbox import Outbox
from edge.link.capture import CaptureInfo, CaptureWriter
from edge.node.dispute_store import DISPUTE
from edge.tools import stored_reps
from edge.tools.replay import acquisition
from station.cli import main
from station.exercises import load_profile
from station.messages import CommandMessage, RepMessage, decode, new_id, now_utc
from station.records import Rep
from station.sim import load_scenario, simulate_station, with_seed
from station.sim.devices.board import board_bytes
from station.sim.devices.device import Piece
from station.sim.recording import station_toml, write_recording
from station.sim.session import simulate_set
from tests.edge.node.bench import ListeningSender
from tests.edge.node.test_flight_recorder import Gym as Node
from tests.servers import Postgres

pytestmark = pytest.mark.timeout(600)  # at most: five programs are started for most of these
PROFILE = load_profile("rdl")
SET = simulate_set(PROFILE, reps=4, rng=np.random.default_rng(5))
BEGAN = datetime.fromisoformat("2025-01-31T23:59:50.000Z")  # it goes on past midnight
Message = Any


@cache
def pieces() -> list[Piece]:
    """The set as a board sends it."""
    return list(board_bytes(SET, np.random.default_rng(6)))


def write_capture(path: Path, started_utc: str, station: str = "sim-1") -> None:
    info = CaptureInfo(station=station, url="pty", driver="plumbline", baud=115_200, started_utc=started_utc)
    path.parent.mkdir(parents=True, exist_ok=True)
    with CaptureWriter(path, info) as writer:
        for at_s, data in pieces():
            writer.write(at_s, data)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A capture of a session from its beginning."""
    write_capture(tmp_path / "archive" / "set.plc", now_utc(BEGAN))
    (tmp_path / "rack.toml").write_text(station_toml(SET.station), encoding="utf-8")
    return tmp_path / "archive"


@pytest.fixture(scope="session")
def said(tmp_path_factory: pytest.TempPathFactory) -> list[Message]:
    """What a node says of the capture, as if it had counted at the time."""
    folder = tmp_path_factory.mktemp("node")
    path = folder / "set.plc"
    write_capture(path, now_utc(BEGAN))
    playing = acquisition(path, SET.station, PROFILE, None, float("inf"))
    with Outbox(folder / "outbox.db") as outbox:
        playing.session.attach(outbox, ListeningSender())  # type: ignore[arg-type]
        playing.run(threading.Event())
        playing.session.finish()
        assert playing.session.write(time.monotonic())
        sent: list[Message] = [decode(one.leaf, one.payload) for one in outbox.unacknowledged("sim-1", 1000)]
    return [
        msgspec.structs.replace(
            one, at_utc=now_utc(BEGAN + timedelta(seconds=one.session_s)), clock_synchronised=True
        )
        for one in sent
    ]


class Gym:
    """What a node has said of the archive, and a history to put it into."""

    def __init__(self, archive: Path, history: str, said: list[Message]) -> None:
        self.archive, self.history, self.messages = archive, history, list(said)

    @property
    def reps(self) -> list[RepMessage]:
        """In their newest revision, by number."""
        newest = {one.event_id: one for one in self.messages if isinstance(one, RepMessage)}
        return list(newest.values())

    def change(self, number: int, /, **changes: Any) -> None:
        """Have the node of then said something else of a rep."""
        event_id = self.reps[number - 1].event_id
        for place, one in enumerate(self.messages):
            if one.event_id == event_id:
                of_rep = {name: value for name, value in changes.items() if name in one.rep.__struct_fields__}
                around = {name: value for name, value in changes.items() if name not in of_rep}
                self.messages[place] = msgspec.structs.replace(
                    one, rep=msgspec.structs.replace(one.rep, **of_rep), **around
                )

    def ghost(self) -> Rep:
        """Have the node of then counted a rep before the first, where nobody lifted."""
        first = self.reps[0]
        at_s = first.rep.start_s - 1.0
        rep = msgspec.structs.replace(
            first.rep, start_s=at_s - 0.5, end_s=at_s, concentric_end_s=at_s, number=9
        )
        self.messages.append(msgspec.structs.replace(first, event_id="ghost", seq=999, rep=rep))
        return rep

    def keep(self, *sites: str) -> None:
        """Put all of it into the history."""
        with open_store(self.history) as store:
            for site in sites or ("gym-a",):
                store.ingest([Arrived(site, "sim-1", one) for one in self.messages])

    def correct(self, name: Any, **given: Any) -> None:
        """A coach's, the next day."""
        asked = CommandMessage(
            event_id=new_id(), at_utc="2025-02-01T08:00:00.000Z", name=name, by="coach", **given
        )
        with open_store(self.history) as store:
            assert store.correct("gym-a", "sim-1", asked).ok

    def reprocess(self, *more: str, history: str | None = None) -> int:
        folder = self.archive.parent
        asked = ["--station", str(folder / "rack.toml"), "--exercise", "rdl", "--out", str(folder / "out")]
        given = ["--against", history or self.history, "--workers", "1", *more]
        return main(["reprocess", str(self.archive), *asked, *given])


@pytest.fixture
def gym(request: pytest.FixtureRequest, archive: Path, said: list[Message]) -> Gym:
    """By default with a history in a file."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return Gym(archive, str(archive.parent / "h.db"), said)
    return Gym(archive, request.getfixturevalue("postgres").database(), said)


on_both = pytest.mark.parametrize("gym", ["sqlite", "postgres"], indirect=True)


@pytest.fixture
def exported_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """`plumbline export` without a process of its own, which takes longer than all the rest."""

    def run(command: list[str], **_: Any) -> SimpleNamespace:
        out, err = StringIO(), StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            status = main(command[command.index("station.cli") + 1 :])
        return SimpleNamespace(returncode=status, stdout=out.getvalue(), stderr=err.getvalue())

    monkeypatch.setattr(stored_reps, "subprocess", SimpleNamespace(run=run))


quick = pytest.mark.usefixtures("exported_here")


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[str]]:
    """What was printed below the line of the run itself."""

    def lines() -> list[str]:
        said = capsys.readouterr()
        assert said.err == ""
        return said.out.partition("not usable\n")[2].splitlines()

    return lines


@on_both
def test_what_the_same_kernels_have_counted_is_no_difference(gym: Gym, told: Any) -> None:
    gym.keep()
    assert gym.reprocess() == 0
    assert told() == ["0 differences from the history in 1 recordings"]


@quick
@on_both
def test_what_a_node_counted_otherwise_is_told_rep_by_rep(gym: Gym, told: Any) -> None:
    first, second, third, fourth = gym.reps
    ghost = gym.ghost()
    gym.change(2, counted=False, reason_code="short-of-set", reason="partial", number=1)
    gym.change(3, rom_m=third.rep.rom_m + 0.02)
    gym.change(4, rom_m=fourth.rep.rom_m + 1e-6)  # another compiler's last digits
    gym.messages = [one for one in gym.messages if one.event_id != first.event_id]
    gym.keep()
    assert gym.reprocess() == 0
    at = [f"set.plc at {one.rep.concentric_end_s:.2f} s" for one in (first, second, third)]
    assert told() == [
        f"{at[0]}: a rep that was none",
        f"{at[1]}: counts now",
        f"{at[1]}: number 1 was, 2 is",
        f"{at[2]}: rom_m {third.rep.rom_m + 0.02} was, {third.rep.rom_m} is",
        f"set.plc at {ghost.concentric_end_s:.2f} s: no rep any more",
        "5 differences from the history in 1 recordings",
    ]


@quick
@on_both
def test_what_a_coach_has_said_is_no_difference(gym: Gym, told: Any) -> None:
    gym.change(4, counted=False, reason_code="marked-partial", reason="partial", confidence=1.0)
    gym.ghost()
    gym.keep()
    ids = [one.event_id for one in gym.reps]
    gym.correct("mark-rep", rep_event_id=ids[0], mark="false")
    gym.correct("mark-rep", rep_event_id=ids[1], mark="failed")
    gym.correct("mark-rep", rep_event_id="ghost", mark="counted")
    gym.correct("add-rep", set_event_id=gym.reps[0].set_event_id)
    assert gym.reprocess() == 0
    assert told() == ["0 differences from the history in 1 recordings"]


@quick
def test_what_cannot_be_placed_is_said_and_the_rest_compared(gym: Gym, told: Any) -> None:
    gym.keep()
    write_recording(gym.archive / "a.csv", SET.recording)
    write_capture(gym.archive / "b.plc", now_utc(BEGAN), station="")
    write_capture(gym.archive / "c.plc", now_utc(BEGAN + timedelta(hours=1)))
    write_capture(gym.archive / "d.plc", "last Tuesday")
    write_capture(gym.archive / "e.plc", now_utc(BEGAN), station="sim-2")
    assert gym.reprocess() == 0
    assert told() == [
        "a.csv: not compared: a table of readings, without station and time of day",
        "b.plc: not compared: says of no station that it is its own",
        "c.plc: not compared: the history has reps of no session of sim-1 that began with it",
        "d.plc: not compared: says 'last Tuesday' for when it was made",
        "e.plc: not compared: of sim-2, and counted as sim-1; give that station's --station",
        "0 differences from the history in 1 recordings",
    ]


@quick
def test_of_several_sites_one_is_to_be_named(gym: Gym, told: Any) -> None:
    gym.keep("gym-a", "gym-b")
    assert gym.reprocess() == 0
    assert told()[0] == "set.plc: not compared: sim-1 is a station of gym-a and gym-b; give --site"
    assert gym.reprocess("--site", "gym-b") == 0
    assert told() == ["0 differences from the history in 1 recordings"]


@quick
def test_another_exercise_there_is_said(gym: Gym, told: Any) -> None:
    gym.messages = [msgspec.structs.replace(one, exercise="deadlift") for one in gym.messages]
    gym.keep()
    assert gym.reprocess() == 0
    assert told()[0] == "set.plc: not compared: the history has deadlift there; give --exercise deadlift"


@quick
def test_a_stretch_of_a_session_is_found_by_its_dispute_and_judged_within_its_time(
    gym: Gym, told: Any
) -> None:
    first, second, third, fourth = gym.reps
    gym.change(1, rom_m=0.1)  # the first and the last reach beyond
    gym.change(3, rom_m=third.rep.rom_m + 0.02, number=9)
    gym.messages = [one for one in gym.messages if one.event_id != fourth.event_id]
    gym.keep()
    folder = gym.archive / "quarrel"
    write_capture(folder / "port-0.plc", now_utc(BEGAN + timedelta(minutes=5)))
    (gym.archive / "set.plc").unlink()
    dispute = Dispute(
        name=f"sim-1-{second.session[:8]}-s1", why=["marked"], at_utc=now_utc(BEGAN + timedelta(minutes=5)),
        software="", station=SET.station, profiles={}, changes=[], whole=True,
        from_s=first.rep.start_s + 0.5, to_s=fourth.rep.start_s + 0.5, verdicts=[],
    )  # fmt: skip
    (folder / DISPUTE).write_bytes(msgspec.json.encode(dispute))
    assert gym.reprocess() == 0
    assert told() == [
        f"quarrel/port-0.plc at {third.rep.concentric_end_s:.2f} s:"
        f" rom_m {third.rep.rom_m + 0.02} was, {third.rep.rom_m} is",
        "1 differences from the history in 1 recordings",
    ]


@pytest.mark.long
def test_a_stretch_that_a_node_kept_late_in_its_session_counts_as_it_did_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    simulated = simulate_station(load_scenario("two-lifters").stations[0], with_seed(1000))
    folder, history = tmp_path / "disputes", str(tmp_path / "h.db")
    (tmp_path / "rack.toml").write_text(station_toml(simulated.station), encoding="utf-8")
    with Outbox(tmp_path / "outbox.db") as outbox, open_store(history) as store:
        node = Node(simulated, outbox, folder)
        node.run()
        node.ask("mark-rep", rep_event_id=node.reps[-2].event_id, mark="false")
        node.end()
        for one in outbox.unacknowledged(simulated.station.station.id, 1000):
            message: Message = decode(one.leaf, one.payload)
            store.ingest([Arrived("gym-a", simulated.station.station.id, message)])
    ((_, dispute),) = node.kept
    assert not dispute.whole and len(dispute.verdicts) > 2
    asked = ["--station", str(tmp_path / "rack.toml"), "--exercise", simulated.exercise]
    asked += ["--out", str(tmp_path / "out"), "--against", history]
    assert main(["reprocess", str(folder), *asked]) == 0
    assert capsys.readouterr().out.endswith("0 differences from the history in 1 recordings\n")
    with open_store(history) as store, store.db.transaction():
        wrong = update(REPS).where(REPS.c.event_id == dispute.verdicts[0].event_id).values(rom_m=0.1)
        assert store.db.run(wrong) == 1
    assert main(["reprocess", str(folder), *asked]) == 0
    said = capsys.readouterr().out
    assert "rom_m 0.1 was, " in said and "\n1 differences from the history in 1 recordings\n" in said


def test_a_chain_is_read_as_a_coach_may_read_it(
    archive: Path, said: list[Message], postgres: Postgres, told: Any
) -> None:
    from dashboard.chain.store import ChainStore  # noqa: PLC0415
    from tests.dashboard.chain.test_batches import batch_of, row  # noqa: PLC0415

    gym = Gym(archive, str(archive.parent / "h.db"), said)
    gym.change(3, counted=False, reason_code="short-of-set", reason="partial")
    gym.keep()
    with open_store(gym.history) as history:
        rows = [{**one} for one in history.db.rows(select(REPS))]
    url = postgres.database()
    chain = ChainStore(url)
    for site in ("gym-a", "gym-b"):
        some = [
            row(n, **{name: one[name] for name in one if name != "site"}) for n, one in enumerate(rows, 1)
        ]
        chain.write([batch_of(site, *some, last=len(some))])
    chain.close()
    assert main(["chain", "coach", "ana", "--sites", "gym-b", "--db", url]) == 0
    told()
    assert gym.reprocess(history=url.replace("plumbline@", "ana@")) == 0
    third = gym.reps[2].rep
    assert told() == [
        f"set.plc at {third.concentric_end_s:.2f} s: counts now",
        "1 differences from the history in 1 recordings",
    ]


@pytest.mark.parametrize("history", ["nothing.db", "rack.toml", "postgresql://ana:pw@127.0.0.1:1/chain"])
def test_a_history_that_cannot_be_read_is_said_before_anything_is_counted(
    archive: Path, history: str, capsys: pytest.CaptureFixture[str]
) -> None:
    where = history if "://" in history else str(archive.parent / history)
    asked = ["--station", str(archive.parent / "rack.toml"), "--exercise", "rdl", "--against", where]
    out = archive.parent / "out"
    assert main(["reprocess", str(archive), *asked, "--out", str(out)]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("plumbline reprocess: ") and said.err.count("\n") == 1 and "pw" not in said.err
    assert said.out == "" and not out.exists()
