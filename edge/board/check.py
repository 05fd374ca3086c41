"""Checks of a live board: firmware, sensors, counting direction, and its own counters."""

import math
from collections.abc import Iterator

import numpy as np
import tomlkit
from numpy.typing import NDArray

from edge.board.build import firmware_version
from edge.board.configuration import SETTINGS_HZ, BoardFile, SensorName, block
from edge.board.contents import configured, differences
from edge.doctor.findings import Finding, Status
from edge.doctor.port_checks import NEGATIVE_M, check_channel, check_device
from edge.link.drivers.board import NOT_CONFIGURED, BoardDriver
from edge.link.listening import Listener
from station.config import Port, StationFile, StationKind, StationTable
from station.errors import ConfigError
from station.exercises import all_profiles, load_profile
from station.messages import Sensor
from station.wire import Hello

HELLO_S = 2.5
MOVED_M = 0.05
BUSY_WARN = 0.5
MISSED: dict[SensorName, str] = {
    "encoder": "edges come too fast or are disturbed: check pull-ups and shield",
    "hx711": "the converter does not answer: check its power and wires; is its RATE pin tied for {rate_hz:g}"
    " readings a second?",
    "nau7802": "the converter does not answer: check its power, SDA, SCL and DRDY, and the bus's pull-ups",
    "as5600": "the tilt encoder does not answer: check its power, SDA and SCL, and the bus's pull-ups",
}
LOADS: dict[StationKind, tuple[str, ...]] = {  # of the exercises that a station of each kind is for
    "barbell": ("mass", "none"),
    "cable": ("cable",),
    "band": ("band",),
}
USUAL: dict[StationKind, str] = {
    "barbell": "romanian-deadlift",
    "cable": "cable-pull-through",
    "band": "banded-pull-through",
}
FEW = 5  # readings; so many alike are no chance


def check_board(
    port: Port, board: BoardFile | None, seconds: float, kind: StationKind = "barbell"
) -> Iterator[Finding]:
    """Check a board of a station of this kind; yields each finding when it is known.

    Raises SourceError if its port does not open.
    """
    found = check_device(port, "board")
    yield from found
    if found and found[-1].status == "fail":
        return
    station = StationFile(station=StationTable("board", kind))
    with Listener(port, station) as listener:
        driver = listener.driver
        assert isinstance(driver, BoardDriver)
        listener.wait(lambda: driver.hello, HELLO_S)
        samples = listener.listen(seconds)
        if driver.hello is None:
            yield _no_board(listener)
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
            missed = stats.missed.get(sensor.channel, 0)
            yield from _missed(sensor, _converter(sensor, board), missed)
            values = np.concatenate([part.value for part in parts] or [np.empty(0)])
            yield from _moves(sensor.channel, values[~np.isnan(values)], kind)


def exercise_at(kind: StationKind, name: str | None) -> str:
    """The exercise such a station begins with. None: the usual one. Raises ConfigError for no such."""
    profile = load_profile(USUAL[kind] if name is None else name)
    if profile.load in LOADS[kind]:
        return profile.name
    its = next(other for other, loads in LOADS.items() if profile.load in loads)
    there = ", ".join(sorted(one.name for one in all_profiles().values() if one.load in LOADS[kind]))
    raise ConfigError(f"{profile.name} is not done at a {kind} station; give {there}, or --kind {its}")


def station_toml(port: Port, station_id: str, kind: str, exercise: str) -> str:
    """A station file for the board that was checked, to be completed by hand."""
    geometry = (
        "lpt_anchor_m = [0.0, 0.0]   # where the tether leaves the unit: forward of the bar line, height"
    )
    if kind != "barbell":
        geometry = "travel_ratio = 1.0           # handle travel per travel of the stack"
    baud = "" if port.baud == Port(port.url).baud else f"baud = {port.baud}\n"
    return (
        f"exercise = {_toml(exercise)}\n\n[station]\nid = {_toml(station_id)}\nkind = {_toml(kind)}\n\n"
        f"[geometry]\n{geometry}\n\n[[ports]]\nurl = {_toml(port.url)}\n{baud}\n"
        '[mqtt]\nhost = "localhost"\nport = 1883\ntls = false                  # this machine only\n'
    )


def _no_board(listener: Listener) -> Finding:
    url = listener.port.url
    if not listener.bytes_received:
        seen, todo = f"{url}: nothing comes", "is it the right port? check power, cable and baud"
    elif listener.driver.stats.device_problem:
        seen, _, todo = listener.driver.stats.device_problem.partition("; ")
    else:
        seen = f"{url}: {listener.bytes_received} bytes came, and no Plumbline board says so"
        todo = "another device, or another baud; see docs/devices.md"
    return _finding("board", "fail", seen, todo)


def check_firmware(hello: Hello, board: BoardFile | None) -> Iterator[Finding]:
    """Compare a board's firmware with this release's, and what it says of itself with the board file."""
    ours = firmware_version()
    name = f"{hello.board}, firmware {hello.firmware}, serial {hello.serial or 'none'}"
    older, newer = _version(hello.firmware) < _version(ours), _version(hello.firmware) > _version(ours)
    todo = f"this software brings {ours}: " + (
        "plumbline board build, then flash" if older else "it still reads what the board says; update it"
    )
    yield _finding("board", "warn" if older or newer else "ok", name, todo)
    check, todo = "configuration", "plumbline board configure, then flash; or is it another board's file?"
    if hello.board == NOT_CONFIGURED:
        yield _finding(check, "fail", "the board has none, or half of one", todo)
    elif board is not None:
        wanted = configured(block(board, board.serial or ""))
        if other := "; ".join(differences(hello, wanted)):
            yield _finding(check, "fail", other, todo)
        else:
            seen = f"name, serial number and {len(wanted.channels)} channels as the file says"
            yield _finding(check, "ok", f"{seen}; pins are not told")


def _converter(sensor: Sensor, board: BoardFile | None) -> SensorName:
    """What measures a channel: as the board file says; a hello does not."""
    for channel in board.channels if board is not None else ():
        if channel.name == sensor.channel:
            return channel.sensor
    if sensor.channel.startswith("position"):
        return "encoder"
    if not sensor.channel.endswith("_n"):
        return "as5600"
    return "nau7802" if sensor.rate_hz in SETTINGS_HZ["nau7802"] else "hx711"


def _missed(sensor: Sensor, converter: SensorName, missed: int) -> Iterator[Finding]:
    if missed:
        todo = MISSED[converter].format(rate_hz=sensor.rate_hz or 0.0)
        yield _finding(f"{sensor.channel} missed", "fail", f"{missed} since the board's start", todo)


def _moves(channel: str, values: NDArray[np.float64], kind: StationKind) -> Iterator[Finding]:
    """Whether tether or stack was moved and a converter converts. Of lengths below 0 check_channel tells."""
    if channel.endswith("_n") and len(values) >= FEW and not np.ptp(values):
        todo = "a converter's last digits never rest: check the cell's four wires and the converter's supply"
        yield _finding(f"{channel} converter", "fail", f"all {len(values)} readings are the same", todo)
    if not channel.startswith("position"):
        return
    check = f"{channel} direction"
    if not len(values) or np.ptp(values) < MOVED_M:
        move = "raise the stack and let it down" if kind == "cable" else "pull the tether out and let it in"
        todo = f"{move} while this listens"
        yield _finding(check, "warn", "it did not move", todo)
    elif values.min() >= -NEGATIVE_M:
        what = "raising the stack" if kind == "cable" else "pulling it out"
        yield _finding(check, "ok", f"{what} counts up, {np.ptp(values):.3f} m")


def _toml(text: str) -> str:
    return str(tomlkit.item(text).as_string())


def _finding(check: str, status: Status, seen: str, todo: str = "") -> Finding:
    return Finding("board", check, status, seen, "" if status == "ok" else todo)


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())
