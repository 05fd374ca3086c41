"""Writing a simulated session down: recording, truth, and the station file that fits them."""

import gzip
import json
from collections.abc import Mapping
from math import isnan
from pathlib import Path
from typing import IO, Any

import numpy as np

from station.config import CHANNELS, StationFile
from station.sim.devices.sensors import Signal


def write_recording(path: Path, recording: Mapping[str, Signal]) -> None:
    """Write the recording CSV, gzip where the name ends in .gz; an empty cell is "no sample at that time"."""
    names = [name for name in CHANNELS if name in recording]
    ticks = {name: np.round(recording[name].time_s * 1e6).astype(np.int64) for name in names}
    every = np.unique(np.concatenate(list(ticks.values()))) if names else np.zeros(0, np.int64)
    columns: list[list[str]] = []
    for name in names:
        cells = [""] * len(every)
        for row, value in zip(
            np.searchsorted(every, ticks[name]).tolist(), recording[name].value.tolist(), strict=True
        ):
            cells[row] = "" if isnan(value) else f"{value:.6g}"
        columns.append(cells)
    with _open(path) as file:
        file.write(",".join(["time_s", *names]) + "\n")
        for tick, *cells in zip(every.tolist(), *columns, strict=True):
            file.write(f"{tick / 1e6:.6f}," + ",".join(cells) + "\n")


def _open(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "wt", encoding="utf-8", newline="")
    return path.open("w", encoding="utf-8", newline="")


def write_truth(path: Path, truth: Mapping[str, Any]) -> None:
    """Write the truth JSON; what the physics does not define is null."""
    path.write_text(json.dumps(truth, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def station_toml(station: StationFile) -> str:
    """The station file as TOML."""
    geometry = station.geometry
    lines = []
    if station.exercise:
        lines += [f'exercise = "{station.exercise}"', ""]
    lines += [
        "[station]",
        f'id = "{station.station.id}"',
        f'kind = "{station.station.kind}"',
        "",
        "[geometry]",
    ]
    if station.station.kind == "barbell":
        lines.append(f"lpt_anchor_m = {list(geometry.lpt_anchor_m)}")
        if geometry.lpt_2_anchor_m is not None:
            lines.append(f"lpt_2_anchor_m = {list(geometry.lpt_2_anchor_m)}")
    else:
        lines.append(f"travel_ratio = {geometry.travel_ratio}")
        lines.append(f"pulley_efficiency = {geometry.pulley_efficiency}")
        if geometry.free_length_m is not None:
            lines.append(f"free_length_m = {geometry.free_length_m}")
    noise = station.noise
    lines += [
        "",
        "[noise]",
        f"position_m = {noise.position_m}",
        f"tether_angle_rad = {noise.tether_angle_rad}",
    ]
    lines += [f"{name} = {getattr(noise, name)}" for name in ("pulley_n", "anchor_m", "zero_m", "scale")]
    for port in station.ports:
        lines += ["", "[[ports]]", f'url = "{port.url}"', f'driver = "{port.driver}"', f"baud = {port.baud}"]
    if station.mqtt:
        mqtt = station.mqtt
        lines += ["", "[mqtt]", f'host = "{mqtt.host}"', f"port = {mqtt.port}", f'site = "{mqtt.site}"']
        lines.append(f"tls = {str(mqtt.tls).lower()}")
    return "\n".join(lines) + "\n"
