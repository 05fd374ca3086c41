"""Checks of a live board: firmware, sensors, counting direction, and its own counters."""

import math
from collections.abc import Iterator

import numpy as np

from edge.board.build import firmware_version
from edge.board.configuration import BoardFile, announced
from edge.board.contents import UNCONFIGURED
from edge.doctor.findings import Finding, Status
from edge.doctor.port_checks import check_channel, check_device
from edge.link.drivers import Samples
from edge.link.drivers.board import BoardDriver
from edge.link.listening import Listener
from station.config import Port, StationFile, StationTable
from station.wire import Hello

HELLO_S = 2.5
MOVED_M = 0.05
BUSY_WARN = 0.5


def check_board(url: str, board: BoardFile | None, seconds: float) -> Iterator[Finding]:
    """Check a board; yields each finding when it is known. Raises SourceError if its port does not open."""
    found = check_device(Port(url), "board")
    yield from found
    if found and found[-1].status == "fail":
        return
    station = StationFile(station=StationTable("board", "barbell"))
    with Listener(Port(url), station) as listener:
        driver = listener.driver
        assert isinstance(driver, BoardDriver)
        listener.wait(lambda: driver.hello, HELLO_S)
        samples = listener.listen(seconds)
        if driver.hello is None:
            yield _no_board(url, listener)
            return
        yield from check_firmware(driver.hello, board)
        stats = driver.stats
        bad = stats.frames_lost + stats.frames_corrupt
        yield _finding(
            "frames",
            "fail" if bad > 0.01 * stats.frames else "warn" if bad else "ok",
            f"{bad} of {stats.frames + bad} lost or damaged",
            "a shorter cable; check the baud",
        )
        if not math.isnan(driver.load):
            yield _finding(
                "processor",
                "ok" if driver.load < BUSY_WARN else "warn",
                f"busy {100 * driver.load:.1f} %",
                "lower the rates",
            )
        yield _finding(
            "frames dropped",
            "warn" if stats.device_dropped else "ok",
            f"{stats.device_dropped}",
            "the line is too slow for what is sent: raise baud, or lower the rates",
        )
        yield _finding(
            "watchdog",
            "warn" if stats.device_restarts else "ok",
            f"{stats.device_restarts} restarts since it was switched on",
            "report it, with the board file",
        )
        for sensor in driver.sensors:
            parts = [part for part in samples if part.channel == sensor.channel]
            hits = stats.saturated.get(sensor.channel, 0)
            yield from check_channel(sensor.channel, sensor.rate_hz, parts, hits, station)
            yield from _missed(sensor.channel, stats.missed.get(sensor.channel, 0))
            if sensor.channel.startswith("position"):
                yield _direction(sensor.channel, parts)


def station_toml(url: str, station_id: str, kind: str, exercise: str) -> str:
    """A station file for the board that was checked, to be completed by hand."""
    geometry = (
        "lpt_anchor_m = [0.0, 0.0]   # where the tether leaves the unit: forward of the bar line, height"
    )
    if kind != "barbell":
        geometry = "travel_ratio = 1.0           # handle travel per travel of the stack"
    return (
        f'exercise = "{exercise}"\n\n[station]\nid = "{station_id}"\nkind = "{kind}"\n\n'
        f'[geometry]\n{geometry}\n\n[[ports]]\nurl = "{url}"\n\n'
        '[mqtt]\nhost = "localhost"\nport = 1883\ntls = false                  # this machine only\n'
    )


def _no_board(url: str, listener: Listener) -> Finding:
    if not listener.bytes_received:
        seen, todo = f"{url}: nothing comes", "is it the right port? check power, cable and baud"
    elif listener.driver.stats.device_problem:
        seen, _, todo = listener.driver.stats.device_problem.partition("; ")
    else:
        seen = f"{url}: {listener.bytes_received} bytes came, and no Plumbline board says so"
        todo = "another device, or another baud; see docs/devices.md"
    return _finding("board", "fail", seen, todo)


def check_firmware(hello: Hello, board: BoardFile | None) -> Iterator[Finding]:
    """Compare a board's firmware with this release's, and its configuration with the board file."""
    ours = firmware_version()
    name = f"{hello.board}, firmware {hello.firmware}, serial {hello.serial or 'none'}"
    if hello.board == UNCONFIGURED:
        yield _finding(
            "configuration", "fail", "the board has none, or half of one", "plumbline board configure"
        )
    older, newer = _version(hello.firmware) < _version(ours), _version(hello.firmware) > _version(ours)
    todo = f"this software brings {ours}: " + (
        "plumbline board build, then flash" if older else "it still reads what the board says; update it"
    )
    yield _finding("board", "warn" if older or newer else "ok", name, todo)
    if board is None:
        return
    wanted = tuple(announced(channel, board.target)[:5] for channel in board.channels)
    if wanted == tuple(channel[:5] for channel in hello.channels):
        yield _finding("configuration", "ok", f"as the file says, {len(wanted)} channels", "")
    else:
        said = ", ".join(channel.name for channel in hello.channels)
        yield _finding(
            "configuration", "fail", f"another than the file's: {said}", "plumbline board configure"
        )


def _missed(channel: str, missed: int) -> Iterator[Finding]:
    if not missed:
        return
    if channel.startswith("position"):
        todo = "edges come too fast or are disturbed: check pull-ups and shield"
    else:
        todo = "the converter does not answer: check its power and wires; is its rate pin set to 80?"
    yield _finding(f"{channel} missed", "fail", f"{missed} since the board's start", todo)


def _direction(channel: str, parts: list[Samples]) -> Finding:
    values = np.concatenate([part.value for part in parts] or [np.empty(0)])
    seen = values[~np.isnan(values)]
    check = f"{channel} direction"
    if not len(seen) or np.ptp(seen) < MOVED_M:
        return _finding(
            check, "warn", "it did not move", "pull the tether out and let it in while this listens"
        )
    rest = seen[0]
    if rest - seen.min() > seen.max() - rest:
        return _finding(check, "fail", "pulling it out counts down", "swap A and B, or say reversed = true")
    return _finding(check, "ok", f"pulling it out counts up, {seen.max() - rest:.3f} m")


def _finding(check: str, status: Status, seen: str, todo: str = "") -> Finding:
    return Finding("board", check, status, seen, "" if status == "ok" else todo)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())
