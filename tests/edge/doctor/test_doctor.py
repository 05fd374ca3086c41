"""`plumbline doctor` at a simulated board, a real broker, and everything that can be wrong with them."""

import grp
import io
import json
import os
import socket
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge.delivery.outbox import Outbox
from edge.doctor import host_checks, port_checks
from edge.doctor.findings import Finding, as_line
from edge.link.sources import SerialSource
from station.cli import main
from station.config import Port
from station.sim.devices.device import LineFaults
from station.timing.clock import DeviceClock

FILE = """\
exercise = "rdl"
[station]
id = "rack-1"
kind = "barbell"
[[ports]]
url = "{url}"
[mqtt]
host = "127.0.0.1"
port = {port}
tls = false
"""


@pytest.fixture(autouse=True)
def clock_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the machine of the tests says of its own."""
    monkeypatch.setattr(host_checks, "clock_synchronised", lambda: True)


@pytest.fixture
def path(tmp_path: Path, live_board: Any, broker: Any) -> Path:
    file = tmp_path / "rack-1.toml"
    file.write_text(FILE.format(url=live_board.path, port=broker.port))
    return file


@pytest.fixture
def examine(
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., tuple[int, dict[str, Finding]]]:
    """Run the command with --json; its exit status, and the findings by check."""

    def run(*argv: str) -> tuple[int, dict[str, Finding]]:
        status = main(["doctor", "--json", "--for", "0.6", *argv])
        said = json.loads(capsys.readouterr().out)
        assert said["schema"] == "plumbline/doctor/1"
        found = {f["check"]: Finding(**f) for f in said["findings"]}
        assert (said["worst"] == "fail") == (status == 1)
        assert all(f.todo for f in found.values() if f.status != "ok")
        return status, found

    return run


def test_a_station_that_is_well_is_told_so(path: Path, tmp_path: Path, examine: Any) -> None:
    path.write_text(
        path.read_text() + f'[calibration.force_n]\ncounts_per_unit = 800.0\ndate = "{today()}"\n'
    )
    Outbox(tmp_path / "outbox.db").close()
    status, found = examine("--station", str(path), "--outbox", str(tmp_path / "outbox.db"))
    assert status == 0
    assert {name: f.seen for name, f in found.items() if f.status != "ok"} == {}
    assert found["device"].seen.startswith("bench board 1.0 on /")
    assert found["missed frames"].seen.startswith("0 of ")
    assert found["position_m rate"].seen.endswith(" of 200 Hz")
    assert found["force_n noise"].seen.endswith(" N from sample to sample")
    assert found["broker credentials"].seen == "no user name, let in over MQTT 5"
    assert found["outbox"].seen == "sound, 0 events wait for the record"
    assert found.keys() >= {
        "versions",
        "wall clock",
        "disk",
        "station file",
        "exercise",
        "port",
        "device clock",
    }


def test_a_bad_line_a_saturated_cell_and_a_missing_broker_fail(
    path: Path, live_board: Any, broker: Any, examine: Any
) -> None:
    broker.kill()
    live_board.faults = LineFaults(byte_drop_rate=2e-3)
    live_board.force_n = 1e6
    status, found = examine("--station", str(path))
    assert status == 1
    assert found["missed frames"].status == "fail" and "cable" in found["missed frames"].todo
    assert "end of the range" in found["force_n range"].seen
    assert found["broker"].status == "fail" and "refused" in found["broker"].seen


def test_lengths_below_zero_are_swapped_lines_or_a_tether_that_was_out(
    path: Path, live_board: Any, examine: Any
) -> None:
    live_board.position_m = -0.3
    status, found = examine("--station", str(path))
    assert status == 1
    assert (
        found["position_m direction"].status == "fail"
        and "swap A and B" in found["position_m direction"].todo
    )
    assert "position_m is below 0" in found["board"].seen and "A and B are swapped" in found["board"].seen
    assert "let the tether run in" in found["board"].todo


def test_another_rate_and_noise_are_seen(path: Path, live_board: Any, examine: Any) -> None:
    live_board.rates_hz = (200.0, 60.0)
    live_board.force_noise_n = 6.0
    _, found = examine("--station", str(path))
    assert found["force_n rate"].status == "fail"
    assert found["force_n rate"].seen.startswith(("59", "60", "61"))
    assert found["force_n noise"].status == "warn"
    assert found["force_n calibration"].status == "warn" and "calibrate" in found["force_n calibration"].todo


@pytest.mark.parametrize(
    "driver, check, says",
    [
        ('driver = "chronojump-force"', "device", "bytes came and chronojump-force understands none"),
        ('driver = "hx711"\npattern = "(?P<value>.*"', "station file", "ports[0].pattern is no regular"),
        ('driver = "csv"', "station file", "ports[0].columns names no channel"),
    ],
)
def test_a_wrong_driver_is_found_out(
    path: Path, examine: Any, driver: str, check: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(port_checks, "HELLO_S", 0.0)  # none is understood
    path.write_text(path.read_text().replace("[mqtt]", f"{driver}\n[mqtt]"))
    status, found = examine("--station", str(path))
    assert status == 1
    assert found[check].status == "fail" and says in found[check].seen


def test_a_silent_port_and_one_in_use(path: Path, live_board: Any, examine: Any) -> None:
    with SerialSource(Port(str(live_board.path))):
        status, found = examine("--station", str(path))
    assert status == 0
    assert found["port"].status == "warn" and "end the node" in found["port"].todo
    assert "not tried" in found["broker credentials"].seen
    live_board.rates_hz = (0.0, 0.0)
    status, found = examine("--station", str(path))
    assert status == 1
    assert found["device"].seen.endswith(": nothing comes in 0.6 s")


def test_a_serial_server_is_left_to_the_node_that_runs(tmp_path: Path, broker: Any, examine: Any) -> None:
    path = tmp_path / "rack-1.toml"
    with socket.create_server(("127.0.0.1", 0)) as server, Outbox(tmp_path / "o.db"):
        url = f"socket://127.0.0.1:{server.getsockname()[1]}"
        path.write_text(FILE.format(url=url, port=broker.port))
        _, found = examine("--station", str(path), "--outbox", str(tmp_path / "o.db"))
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert found["port"].status == "warn" and "a node runs" in found["port"].seen


def test_a_port_that_is_not_there_or_not_allowed(
    path: Path, live_board: Any, examine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(port_checks.os, "access", lambda *_: False)
    tty = Path(live_board.path).resolve()
    group = grp.getgrgid(os.getgid() or next(g.gr_gid for g in grp.getgrall() if g.gr_gid))
    os.chown(tty, -1, group.gr_gid)
    tty.chmod(0o660)
    _, found = examine("--station", str(path))
    assert found["port"].status == "fail" and f"usermod -aG {group.gr_name}" in found["port"].todo
    tty.chmod(0o600)  # no membership would help
    _, found = examine("--station", str(path))
    assert "usermod" not in found["port"].todo and "udev" in found["port"].todo
    path.write_text(path.read_text().replace(str(live_board.path), "/dev/ttyNone7"))
    status, found = examine("--station", str(path))
    assert status == 1
    assert found["port"].seen == "/dev/ttyNone7: No such file or directory"


@pytest.mark.parametrize("ppm, status", [(30.0, "ok"), (-400.0, "warn"), (5000.0, "fail")])
def test_a_clock_that_drifts(
    path: Path, examine: Any, monkeypatch: pytest.MonkeyPatch, ppm: float, status: str
) -> None:
    monkeypatch.setattr(DeviceClock, "drift_ppm", property(lambda _: ppm))
    _, found = examine("--station", str(path))
    assert found["device clock"].status == status
    assert found["device clock"].seen.startswith(f"{ppm:+.0f} ppm")


def test_an_old_calibration_is_a_warning_and_a_missing_file_a_failure(
    path: Path, tmp_path: Path, examine: Any
) -> None:
    old = (datetime.now(UTC) - timedelta(days=400)).date().isoformat()
    path.write_text(path.read_text() + f'[calibration.force_n]\ncounts_per_unit = 800.0\ndate = "{old}"\n')
    status, found = examine("--station", str(path), str(tmp_path / "nowhere.toml"))
    assert found["force_n calibration"].status == "warn"
    assert "400 days old" in found["force_n calibration"].seen
    assert status == 1
    assert found["station file"].place == "nowhere"


class TestOutbox:
    def test_in_use_by_a_node_is_well(self, tmp_path: Path) -> None:
        with Outbox(tmp_path / "o.db") as outbox:
            outbox.stream("rack-1")
            (finding,), node_runs = host_checks.check_outbox(tmp_path / "o.db")
        assert (finding.status, node_runs) == ("ok", True)
        assert "in use by a node" in finding.seen

    def test_waiting_events_and_tombstones_are_counted(self, tmp_path: Path, make_rep: Any) -> None:
        with Outbox(tmp_path / "o.db", max_events=4) as outbox:
            outbox.append("rack-1", [make_rep(number=n) for n in range(1, 9)])
        found, node_runs = host_checks.check_outbox(tmp_path / "o.db")
        assert not node_runs
        assert found[0].seen == "sound, 3 events wait for the record"
        assert found[1].seen == "5 events were forced out" and found[1].status == "warn"

    def test_is_looked_at_and_not_touched(self, tmp_path: Path) -> None:
        path = tmp_path / "o.db"
        path.write_bytes(b"not a database, but 60 bytes of something that was one before\n" * 40)
        before = path.read_bytes()
        (finding,), _ = host_checks.check_outbox(path)
        assert finding.status == "fail" and "not a database" in finding.seen
        assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]

    def test_damage_within_is_found(self, tmp_path: Path, make_rep: Any) -> None:
        path = tmp_path / "o.db"
        with Outbox(path) as outbox:
            outbox.append("rack-1", [make_rep(number=n) for n in range(1, 60)])
        raw = bytearray(path.read_bytes())
        raw[5 * 4096 : 6 * 4096] = bytes(4096)
        path.write_bytes(raw)
        found, _ = host_checks.check_outbox(path)
        assert found[0].status == "fail"

    def test_of_another_program_is_no_outbox(self, tmp_path: Path) -> None:
        with sqlite3.connect(tmp_path / "o.db") as db:
            db.execute("CREATE TABLE t (x)")
        (finding,), _ = host_checks.check_outbox(tmp_path / "o.db")
        assert finding.status == "fail"


def test_a_clock_in_1970_fails() -> None:
    (finding,) = host_checks.check_clock(now_s=3600.0)
    assert finding.status == "fail" and "1970-01-01" in finding.seen


def test_a_clock_that_nobody_sets_is_said_with_what_it_leads_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_checks, "clock_synchronised", lambda: False)
    (finding,) = host_checks.check_clock()
    assert finding.status == "warn" and "TLS" in finding.todo and "timesyncd" in finding.todo
    monkeypatch.setattr(host_checks, "clock_synchronised", lambda: True)
    assert host_checks.check_clock()[0].status == "ok"


def test_a_full_disk_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for free, status in ((2**31, "ok"), (2**29, "warn"), (2**20, "fail")):
        usage = type("Usage", (), {"free": free})
        monkeypatch.setattr(host_checks.shutil, "disk_usage", lambda _, usage=usage: usage)
        assert host_checks.check_disk(tmp_path)[0].status == status


class Screen(io.StringIO):
    """A terminal of some encoding."""

    def __init__(self, encoding: str) -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._encoding

    def isatty(self) -> bool:
        return True


def test_status_is_word_glyph_and_colour_and_text_cannot_steer_the_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    finding = Finding("rack-1", "broker", "fail", "says \x1b[2J\u202e", "look")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert as_line(finding, Screen("utf-8")).startswith("\x1b[31m✗ fail\x1b[0m rack-1     broker ")
    assert as_line(finding, Screen("utf-8")).endswith("says ?[2J?; look")
    monkeypatch.setenv("NO_COLOR", "1")
    assert as_line(finding, Screen("utf-8")).startswith("✗ fail rack-1")
    assert as_line(finding, Screen("ascii")).startswith("fail rack-1")


def test_without_a_station_the_machine_is_looked_at(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "plumbline" in said and "serial ports" in said and "\x1b" not in said


def today() -> str:
    return datetime.now(UTC).date().isoformat()


@pytest.mark.parametrize(
    "line, told, todo",
    [
        (b"%d;0,%04d\r\n", 'driver = "csv"\ncolumns = ["position_m"]', 'columns = ["time_ms", "position_m"]'),
        (b"pos:%d.%04d,ok\n", 'driver = "plumbline"', 'driver = "csv", columns = ["position_m", ""]'),
        (b"%d,0,%04d\n", 'driver = "csv"\ncolumns = ["time_ms", "position_m"]', "pattern = '(?P<time_ms>"),
        (b"<%d> %d\n", 'driver = "hx711"', "pattern = '<(?P<"),
        (b"ready at %d (%d)\n", 'driver = "chronojump-force"', "pattern = 'ready at (?P<"),
    ],
)
def test_a_line_that_is_not_understood_is_shown_with_what_would_read_it(
    path: Path, live_board: Any, examine: Any, line: bytes, told: str, todo: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(port_checks, "HELLO_S", 0.0)  # it says none
    count = 0

    def say(*_: object) -> list[tuple[float, bytes]]:
        nonlocal count
        count += 1
        return [(0.0, line % (40 * count, count))]

    live_board.says = say
    path.write_text(path.read_text().replace("[mqtt]", f"{told}\n[mqtt]"))
    status, found = examine("--station", str(path))
    assert status == 1
    assert found["lines"].status == "fail" and "cannot read the line" in found["lines"].seen
    assert todo in found["lines"].todo
