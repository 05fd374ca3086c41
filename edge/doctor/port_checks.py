"""The doctor's checks of a port: presence, permissions, and whether its data is as configured."""

import grp
import os
import pwd
import stat
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.doctor.findings import Finding, Status
from edge.link.drivers import LinkStats, Samples
from edge.link.drivers.board import to_zero
from edge.link.drivers.fields import is_text
from edge.link.drivers.proposal import propose
from edge.link.listening import Listener
from station.calibration import USUAL_NOISE
from station.config import Port, StationFile
from station.errors import CalibrationError, SourceError

HELLO_S = 2.5  # a board says hello once a second; a rate that nobody has told is learned in two
RATE_OK, RATE_WARN = 0.02, 0.10
DRIFT_OK_PPM, DRIFT_WARN_PPM = 200.0, 1000.0  # a crystal has 100 at most, a ceramic resonator 5000
LOST_WARN = 0.01
NOISE_WARN = 3.0  # times what the station file says
CALIBRATION_DAYS = 365
NEGATIVE_M = 0.05  # below zero by more is no error of a survey
PATTERN_TODO = r"if it holds a value, give its form: driver = \"hx711\", pattern = '… (?P<value>[-+.\d]+) …'"


def check_port(port: Port, station: StationFile, duration_s: float, *, node_runs: bool) -> list[Finding]:
    """Check one port of a station, listening for `duration_s` and a moment more.

    node_runs: a node may have it open. A serial port tells the second reader so; a serial server on the
    network often throws the first one out.
    """
    place = station.station.id
    if node_runs and "://" in port.url:
        todo = "end the node that counts here to have the port measured"
        return [Finding(place, "port", "warn", f"{port.url}: not tried, a node runs", todo)]
    found = check_device(port, place)
    if found and found[-1].status == "fail":
        return found
    try:
        with Listener(port, station) as listener:
            return found + _listen(listener, station, duration_s)
    except (SourceError, CalibrationError) as error:
        seen, _, todo = str(error).partition("; ")
        in_use = "in use" in seen
        what = "end the node that counts here to have the port measured" if in_use else todo
        return [*found, Finding(place, "port", "warn" if in_use else "fail", seen, what)]


def check_device(port: Port, place: str) -> list[Finding]:
    """Check the device file: present, accessible to this user, persistently named."""
    check = "port"
    if "://" in port.url:
        return []
    path = Path(port.url)
    try:
        info = path.stat()
    except OSError as error:
        there = sorted(Path("/dev/serial/by-id").glob("*")) if Path("/dev/serial/by-id").is_dir() else []
        todo = f"there are {', '.join(map(str, there[:6]))}" if there else "plug it in; check cable and power"
        return [Finding(place, check, "fail", f"{path}: {error.strerror or error}", todo)]
    owner, group = _name(pwd.getpwuid, info.st_uid), _name(grp.getgrgid, info.st_gid)
    seen = f"{path}: {owner}:{group} {stat.filemode(info.st_mode)}"
    if not os.access(path, os.R_OK | os.W_OK):
        user = _name(pwd.getpwuid, os.geteuid())
        if info.st_mode & 0o060 == 0o060 and info.st_gid:
            todo = f"add this user to the group: sudo usermod -aG {group} {user}, and log in again"
        else:  # a group that may not open it either, or root's own: membership would help nobody, or too much
            todo = "give it a group of its own: `plumbline edge install` writes udev rules; or chmod 660 it"
        return [Finding(place, check, "fail", f"{seen}, not for this user", todo)]
    if path.resolve() == path and path.name.startswith(("ttyUSB", "ttyACM")):
        same = [link for link in Path("/dev/serial/by-id").glob("*") if link.resolve() == path]
        todo = f"use {same[0]}" if same else "use its name under /dev/serial/by-id"
        return [Finding(place, check, "warn", f"{seen}; the name changes with the order of plugging", todo)]
    return [Finding(place, check, "ok", seen)]


def _listen(listener: Listener, station: StationFile, duration_s: float) -> list[Finding]:
    place, port, driver = station.station.id, listener.port, listener.driver
    listener.wait(lambda: driver.sensors, HELLO_S)
    before = _counted(driver.stats)
    saturated_before, spikes_before = dict(driver.stats.saturated), driver.stats.spikes
    samples = listener.listen(duration_s)
    after = _counted(driver.stats)
    check = "device"
    if not listener.bytes_received:
        todo = "check power, cable and baud; is it the right port?"
        return [Finding(place, check, "fail", f"{port.url}: nothing comes in {duration_s:g} s", todo)]
    if driver.board is None:
        seen = f"{port.url}: {listener.bytes_received} bytes came and {port.driver} understands none of them"
        todo = f"check driver and baud ({port.baud}) in [[ports]]"
        strange = check_lines(listener, station)
        if strange is not None:
            return [strange]
        problem, _, cure = (driver.stats.device_problem or "").partition("; ")
        return [Finding(place, check, "fail", problem or seen, cure or todo)]
    found = [Finding(place, check, "ok", f"{driver.board} on {port.url}")]
    strange = check_lines(listener, station) if driver.stats.not_understood else None
    if strange is not None:
        found.append(strange)
    elif driver.stats.device_problem is not None:
        problem, _, todo = driver.stats.device_problem.partition("; ")
        found.append(Finding(place, "board", "fail", problem, todo))
    for channel, missed in driver.stats.missed.items():
        if missed:
            todo = "edges: check pull-ups and shield; readings: the converter's power and wires"
            found.append(Finding(place, f"{channel} missed", "warn", f"{missed}, the board says", todo))
    good, bad = after[0] - before[0], after[1] - before[1]
    share = bad / max(1, good + bad)
    status: Status = "ok" if not bad else "warn" if share < LOST_WARN else "fail"
    todo = "" if not bad else "use a shorter or shielded cable; keep it away from motors; check the baud"
    found.append(Finding(place, "missed frames", status, f"{bad} of {good + bad} lost or damaged", todo))
    spikes = driver.stats.spikes - spikes_before
    if spikes:
        todo = "the converter is read too early or is disturbed; they make no rep, but check its wiring"
        found.append(Finding(place, "spikes", "warn", f"{spikes} readings no load can have made", todo))
    drift_ppm = driver.clock.drift_ppm
    if drift_ppm is None:
        found.append(Finding(place, "device clock", "ok", "drift not measured; that takes --for 25"))
    else:
        off = abs(drift_ppm)
        status = "ok" if off < DRIFT_OK_PPM else "warn" if off < DRIFT_WARN_PPM else "fail"
        todo = "" if status == "ok" else "its clock is no crystal: velocities are wrong by as much"
        found.append(
            Finding(place, "device clock", status, f"{drift_ppm:+.0f} ppm against this machine", todo)
        )
    for sensor in driver.sensors:
        parts = [part for part in samples if part.channel == sensor.channel]
        hits = driver.stats.saturated.get(sensor.channel, 0) - saturated_before.get(sensor.channel, 0)
        found += check_channel(sensor.channel, sensor.rate_hz, parts, hits, station)
    return found


def check_lines(listener: Listener, station: StationFile) -> Finding | None:
    """The newest line that is not understood, as it came, and what would read it. None: no text comes."""
    place, port, driver = station.station.id, listener.port, listener.driver
    whole = listener.recent.replace(b"\r", b"\n").split(b"\n")[:-1]
    lines = [text for line in whole if (text := line.decode("utf-8", "replace").strip())]
    if not lines or not is_text("".join(lines)):
        return None
    line = driver.stats.not_understood or lines[-1][:120]
    alike = [one for one in lines if one[:120] != line]
    found = propose([*alike, line], port, station)
    seen = f"{port.url}: {port.driver} cannot read the line {line!r}"
    if not found:
        return Finding(place, "lines", "fail" if driver.board is None else "warn", seen, PATTERN_TODO)
    return Finding(place, "lines", "fail", seen, f"write into its [[ports]]:  {'  or  '.join(found)}")


def check_channel(
    channel: str, rate_hz: float | None, parts: list[Samples], saturated: int, station: StationFile
) -> list[Finding]:
    """Check rate, noise, range and calibration of one channel from its samples."""
    place = station.station.id
    time_s = np.concatenate([part.time_s for part in parts] or [np.empty(0)])
    value = np.concatenate([part.value for part in parts] or [np.empty(0)])
    if len(time_s) < 3:
        todo = "is the sensor plugged into the board?"
        return [Finding(place, channel, "fail", f"{len(time_s)} samples; the device announces it", todo)]
    found = [_rate(place, channel, rate_hz, time_s)]
    if saturated:
        todo = "unload it; a broken wire or a cell too small for the load reads like this"
        seen = f"{saturated} of {len(value)} samples at the end of the range"
        found.append(Finding(place, f"{channel} range", "fail", seen, todo))
    seen_values = value[~np.isnan(value)]
    if channel.startswith("position") and len(seen_values) and seen_values.min() < -NEGATIVE_M:
        todo = f"swap A and B of the encoder; or {to_zero(station)} and switch the device off and on"
        seen = f"{seen_values.min():.2f} m: no tether is shorter than nothing"
        if station.station.kind == "cable":
            seen = f"{seen_values.min():.2f} m: no stack is below where it rests"
            todo = f"change reversed in the board file, or {todo}"
        found.append(Finding(place, f"{channel} direction", "fail", seen, todo))
    if saturated:
        return found
    if not len(seen_values):
        todo = f"run plumbline calibrate --station … --channel {channel}"
        return [*found, Finding(place, f"{channel} value", "fail", "no sample has a value", todo)]
    return [*found, _noise(place, channel, seen_values, station), _calibration(place, channel, station)]


def _rate(place: str, channel: str, rate_hz: float | None, time_s: NDArray[np.float64]) -> Finding:
    measured_hz = (len(time_s) - 1) / float(time_s[-1] - time_s[0])
    if rate_hz is None:
        return Finding(place, f"{channel} rate", "ok", f"{measured_hz:.1f} Hz; no rate_hz to compare it with")
    off = abs(measured_hz / rate_hz - 1.0)
    status: Status = "ok" if off <= RATE_OK else "warn" if off <= RATE_WARN else "fail"
    todo = "" if status == "ok" else "samples are lost, or the device is set to another rate"
    return Finding(place, f"{channel} rate", status, f"{measured_hz:.1f} Hz of {rate_hz:g} Hz", todo)


def _noise(place: str, channel: str, value: NDArray[np.float64], station: StationFile) -> Finding:
    """From sample to sample, so that a load that moves slowly does not count."""
    unit = channel.rsplit("_", 1)[1]
    noise = float(1.4826 * np.median(np.abs(np.diff(value))) / np.sqrt(2.0)) if len(value) > 1 else 0.0
    told = {
        "position_m": station.noise.position_m,
        "position_2_m": station.noise.position_m,
        "tether_angle_rad": station.noise.tether_angle_rad,
        "pulley_x_n": station.noise.pulley_n,
        "pulley_y_n": station.noise.pulley_n,
    }
    usual = told.get(channel, USUAL_NOISE[unit])
    seen = f"{noise:.2g} {unit.upper() if unit == 'n' else unit} from sample to sample"
    if noise > NOISE_WARN * usual:
        todo = f"{usual:g} is expected; leave it at rest, check shield and wiring, or write it into [noise]"
        return Finding(place, f"{channel} noise", "warn", seen, todo)
    return Finding(place, f"{channel} noise", "ok", seen)


def _calibration(place: str, channel: str, station: StationFile) -> Finding:
    entry = station.calibration.get(channel)
    check = f"{channel} calibration"
    todo = f"run plumbline calibrate --station … --channel {channel}"
    if entry is None or entry.counts_per_unit is None:
        # A wheel of known girth needs none; a load cell always does.
        if channel.endswith("_n"):
            return Finding(place, check, "warn", "by the device's own numbers", todo)
        return Finding(place, check, "ok", "by the device's own numbers")
    if entry.date is None:
        return Finding(place, check, "ok", "in the station file, without a date")
    try:
        days = (datetime.now(UTC).date() - date.fromisoformat(entry.date)).days
    except ValueError:
        return Finding(place, check, "warn", f"its date is {entry.date!r}, not a day", todo)
    if days > CALIBRATION_DAYS:
        return Finding(place, check, "warn", f"of {entry.date}, {days} days old", todo)
    return Finding(place, check, "ok", f"of {entry.date}, residual {entry.residual or 0.0:.2g}")


def _counted(stats: LinkStats) -> tuple[int, int]:
    """Frames that were good and those that were not."""
    return stats.frames, stats.frames_lost + stats.frames_corrupt + stats.frames_unsupported


def _name(look_up: object, number: int) -> str:
    try:
        return str(look_up(number)[0])  # type: ignore[operator]
    except KeyError:
        return str(number)
