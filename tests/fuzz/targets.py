"""What is fuzzed: the parsers of messages, of TOML, of tables, of serial lines and of a board's frames.

Each takes or refuses. What it takes is used as the program would: a message is said again and shown, a
recording has rising times, a line gives finite numbers.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from dashboard.broker.events import Arrival, Packet, read
from dashboard.cli import DashboardFile
from dashboard.floor.state import FloorState, apply_all
from dashboard.floor.views import view
from dashboard.roster.athletes_file import read_roster
from edge.link.drivers import make_driver
from edge.link.recording import checked, read_recording
from edge.tools.importing import _read as read_foreign
from station.config import Calibration, Port, StationFile, StationTable, decode_toml, load_station
from station.errors import MessageError, PlumblineError
from station.exercises import all_profiles, load_profile
from station.messages import (
    AckMessage,
    BadgeMessage,
    CommandMessage,
    HealthMessage,
    InfoMessage,
    LiveMessage,
    ReplyMessage,
    Sensor,
    SetMessage,
    StateMessage,
    StreamAck,
    Tombstone,
    decode,
    encode,
)
from station.records import Live, SetSummary
from station.text.tables import text_of
from tests.faults.station import make_rep
from tests.fuzz.fuzzer import Target

NOW = "2030-01-01T00:00:00.000Z"
ROOT = Path(__file__).parents[2]
LEAVES = ("state", "info", "health", "current", "live", "rep", "set", "command", "reply", "ack", "badge")


def messages(_: Path) -> Target:
    """Any payload on any topic, as the record and the screens take it. The first byte picks the topic."""
    profiles = all_profiles()

    def run(data: bytes) -> None:
        leaf = LEAVES[data[0] % len(LEAVES)] if data else "rep"
        arrival: Arrival = read(Packet(f"plumbline/1/gym/rack-1/{leaf}", data[1:], 0.0))
        again = decode(leaf, encode(arrival.message))
        assert again == arrival.message, "it says something else when it is said again"
        floor = apply_all(FloorState(), [arrival])
        for station in floor.stations.values():
            view(station, profiles, 1.0)

    says = [
        ("state", StateMessage(event_id="e", at_utc=NOW, session="s", state="ready")),
        ("live", LiveMessage(event_id="e", at_utc=NOW, session="s", live=_of(Live, session_s=1.0))),
        ("rep", make_rep("rack-1")),
        ("rep", Tombstone(event_id="t", at_utc=NOW, stream="f", seq=9, first_seq=2, lost=8)),
        ("set", _set()),
        ("command", CommandMessage(event_id="c", at_utc=NOW, name="set-load", by="coach", load_kg=60.0)),
        ("reply", ReplyMessage(event_id="r", at_utc=NOW, in_reply_to="c", ok=True, text="done")),
        ("ack", AckMessage(event_id="a", at_utc=NOW, streams=[StreamAck(stream="f", committed_seq=3)])),
        ("badge", BadgeMessage(event_id="b", at_utc=NOW, badge="0042", by="rack-1")),
        ("info", _info()),
        ("health", _health()),
    ]
    seeds = [bytes([LEAVES.index(leaf)]) + encode(message) for leaf, message in says]
    words = [word for seed in seeds for word in seed[1:].replace(b",", b" ").replace(b":", b" ").split()]
    return Target(run, (MessageError,), seeds, sorted(set(words)))


def toml(folder: Path) -> Target:
    """A file of settings, as a station's, a dashboard's, an exercise's and a list of athletes."""
    profiles = all_profiles()

    def run(data: bytes) -> None:
        path = folder / "own.toml"
        path.write_bytes(data)
        refused = 0
        for load in (
            load_station,
            lambda path: decode_toml(path, DashboardFile),
            lambda path: load_profile("own", path.parent),
            lambda path: read_roster(path, profiles),
        ):
            refused += _refuses(load, path)
        if refused == 4:
            raise PlumblineError

    seeds = [path.read_bytes() for path in sorted((ROOT / "station" / "exercises").glob("*.toml"))[:3]]
    seeds += [STATION, DASHBOARD, ATHLETES]
    words = sorted({word for seed in seeds for word in seed.split() if len(word) < 60})
    return Target(run, (PlumblineError,), seeds, words)


def csv(folder: Path) -> Target:
    """A table, as a recording, as another program's log and as a list of athletes."""
    profiles = all_profiles()

    def recording(path: Path) -> None:
        found = read_recording(path)
        assert (np.diff(found.time_s) > 0.0).all() and np.isfinite(found.time_s).all()

    def foreign(path: Path) -> None:
        rows, _ = read_foreign(text_of(path.read_bytes()), [], None, False)
        assert (np.diff(checked(rows).time_s) > 0.0).all()

    def run(data: bytes) -> None:
        path = folder / "a.csv"
        path.write_bytes(data)
        refused = _refuses(recording, path) + _refuses(foreign, path)
        if refused + _refuses(lambda path: read_roster(path, profiles), path) == 3:
            raise PlumblineError

    rows = "".join(f"{0.01 * n:.2f},{0.5 + 0.001 * n:.4f},{600 + n}\n" for n in range(40))
    text = "time_s,position_m,force_n\n" + rows
    seeds = [
        text.encode(),
        text.replace(",", ";").replace(".", ",").encode("utf-16"),
        ("sep=\t\n" + text.replace(",", "\t")).encode(),
        text.replace("time_s,position_m,force_n", "time_ms,position_mm,force_kgf\nms,mm,kgf").encode(),
        b"Time (micros);Force(N)\n" + b"".join(b"%d;%d,5\n" % (6225 * n, n) for n in range(20)),
        b"12:00:00.00,1\n12:00:00.01,2\n",
        b"1 0 -1 2 3\n" * 20,
        b"id,name,badge,exercise,load_kg,sets,reps,tempo\na-17,Zo\xc3\xab,0042,rdl,62.5,3,8,2-0-1-1\n",
    ]
    words = [b"time_s", b"time_us", b"position_cm", b"force_lbf", b"tether_angle_deg", b"# ", b"sep=;", b'""']
    return Target(
        run, (PlumblineError,), seeds, [*words, b",,,", b"\n\n", b"4.2E+11", b"1.234,56", b"12:59:60"]
    )


def lines(_: Path) -> Target:
    """Bytes of a device that prints lines. The first byte picks the port."""
    cell = StationFile(StationTable("band-1", "band"), calibration={"force_n": Calibration(0.0, 100.0)})
    rack = StationFile(StationTable("rack-1", "barbell"))
    ports: list[tuple[dict[str, Any], StationFile]] = [
        ({"driver": "csv", "columns": ["time_ms", "position_m"]}, rack),
        ({"driver": "csv", "columns": ["position_m"], "decimal": ","}, rack),
        ({"driver": "csv", "columns": ["position_m", "", "force_n"]}, rack),
        ({"driver": "hx711"}, cell),
        ({"driver": "hx711", "pattern": r"(?P<time_ms>\d+) raw=(?P<value>-?\d+)"}, cell),
        ({"driver": "openscale", "baud": 9600}, cell),
        ({"driver": "chronojump-force"}, cell),
        ({"driver": "chronojump-encoder-force"}, rack),
    ]

    def run(data: bytes) -> None:
        port, station = ports[data[0] % len(ports)] if data else ports[0]
        _drive(Port(url="x", rate_hz=80.0, **port), station, data[1:])

    said = [
        b"".join(b"%d,0.%04d\r\n" % (1000 + 12 * n, 8000 + n) for n in range(12)),
        b"".join(b"0,%04d\n" % (8000 + n) for n in range(12)),
        b"pos:0.84,state:ready,F:612.4 N\n" * 12,
        b"Weight: 12,34 kg\n" * 6 + b"-1\n8388607\n",
        b"1042 raw=84112\n1055 raw=84100\n" * 6,
        b"OpenScale\r\nReadings:\r\n" + b"".join(b"%d,12.3,kg,\r\n" % (100 * n) for n in range(12)),
        b"Starting capture...\r\n" + b"".join(b"%d;612.%02d\r\n" % (6225 * n, n) for n in range(12)),
        b"".join(b"3;%d;61240\n4;%d\n" % (6225 * n, 6225 * n + 7) for n in range(12)),
    ]
    words = [
        b'{"t":1,"pos":0.8}',
        b">force:1627551892437:612.4\xc2\xa7N",
        b"kg",
        b" mm",
        b"[D][sensor:094]: ",
    ]
    return Target(run, (), [bytes([n]) + data for n, data in enumerate(said)], words)


def frames(_: Path) -> Target:
    """Bytes of a board, cut anywhere."""
    from station.exercises import load_profile as load  # noqa: PLC0415
    from station.sim.devices.board import board_bytes  # noqa: PLC0415 - the simulator
    from station.sim.session import simulate_set  # noqa: PLC0415

    simulated = simulate_set(load("rdl"), reps=1, rng=np.random.default_rng(1))
    data = b"".join(piece for _, piece in board_bytes(simulated, np.random.default_rng(2)))
    rack = StationFile(StationTable("rack-1", "barbell"))
    seeds = [data[at : at + 800] for at in range(0, min(len(data), 8000), 800)]
    return Target(lambda data: _drive(Port(url="x"), rack, data), (), seeds, [b"\x00", b"\x00\x00"])


TARGETS: dict[str, Callable[[Path], Target]] = {  # by a folder that they may write to
    "messages": messages,
    "toml": toml,
    "csv": csv,
    "lines": lines,
    "frames": frames,
}


def _drive(port: Port, station: StationFile, data: bytes) -> None:
    driver = make_driver(port, station)
    for at in range(0, len(data), 64):
        for samples in driver.feed(data[at : at + 64], 100.0 + at / 6400.0):
            assert not np.isinf(samples.value).any() and np.isfinite(samples.time_s).all()


def _refuses(load: Callable[[Path], object], path: Path) -> bool:
    try:
        load(path)
    except PlumblineError:
        return True
    return False


def _of(kind: type[Any], **given: Any) -> Any:
    """A record with nothing in it but what is given."""
    return kind(**{field.name: None for field in msgspec.structs.fields(kind)} | given)


def _set() -> SetMessage:
    summary = _of(SetSummary, number=1, counted_reps=5, partial_reps=0, start_s=1.0, end_s=20.0)
    around = {"stream": "f", "seq": 1, "session": "s", "session_s": 21.0, "revision": 1, "exercise": "rdl"}
    return SetMessage(event_id="e", at_utc=NOW, summary=summary, **around)


def _info() -> InfoMessage:
    return InfoMessage(
        event_id="i",
        at_utc=NOW,
        session="s",
        software="0.1.0",
        kind="barbell",
        sensors=[Sensor(channel="position_m", rate_hz=100.0)],
        geometry={"travel_ratio": 1.0},
        exercise="romanian-deadlift",
    )


def _health() -> HealthMessage:
    counts = (
        "frames",
        "frames_lost",
        "frames_corrupt",
        "samples_rejected",
        "bytes_discarded",
        "outbox_depth",
    )
    around: dict[str, Any] = {"session": "s", "session_s": 1.0, "link_up": True, "clock_drift_ppm": None}
    return HealthMessage(event_id="h", at_utc=NOW, **around, **dict.fromkeys(counts, 0))


STATION = b"""\
exercise = "rdl"
[station]
id = "rack-1"
kind = "cable"
[geometry]
travel_ratio = 2.0
pulley_efficiency = 0.98
free_length_m = 1.32
[[ports]]
url = "/dev/ttyACM0"
driver = "csv"
columns = ["time_ms", "position_m"]
decimal = ","
[calibration.force_n]
zero_counts = 84112.0
counts_per_unit = 812.4
[stack]
plates_kg = [5.0, 10.0, 15.0, 20.0]
[mqtt]
host = "gym.local"
port = 8883
tls = true
site = "gym"
"""
DASHBOARD = b'exercises_dir = "own"\ndb = "h.db"\n[mqtt]\nhost = "127.0.0.1"\ntls = false\n'
ATHLETES = b"""\
[[athletes]]
id = "a-17"
name = "Zo\xc3\xab"
badge = "0042"
[[athletes.plans]]
exercise = "rdl"
load_kg = 62.5
sets = 3
reps = 8
tempo = "2-0-1-X"
"""
