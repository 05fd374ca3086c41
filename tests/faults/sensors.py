"""Sensors that fail at a running node, in real time: how soon it is said, and what is counted meanwhile."""

import contextlib
import dataclasses
import sqlite3
import time

import numpy as np

from station.sim.devices.board import LOAD_CELL_COUNTS_PER_N, announce
from station.sim.devices.sensors import Signal
from station.sim.session import SimulatedSet, simulate_set
from tests.faults.gym import Gym, Verdict
from tests.faults.hardware import PROFILE, Board, Health, edge, end, pieces_of
from tests.station.timing.test_clock import latency_timer, link_errors_s, uniform_timer, usb_cdc

FAULTS = (
    ("position_m", "silent"),
    ("force_n", "stuck"),
    ("position_m", "no value"),
    ("force_n", "saturated"),
)
FLAGGED_S = 1.0


def failing(simulated: SimulatedSet, channel: str, fault: str, out_s: float, in_s: float) -> SimulatedSet:
    """The same set, where a channel fails for a while."""
    time_s, value = simulated.recording[channel]
    bad = (time_s >= out_s) & (time_s < in_s)
    value = value.copy()
    if fault == "stuck":
        value[bad] = value[np.flatnonzero(bad)[0]]
    elif fault == "no value":
        value[bad] = np.nan
    elif fault == "saturated":
        (announced,) = (
            c.announced
            for c in announce(simulated.recording, simulated.sensors)
            if c.announced.name == channel
        )
        value[bad] = announced.max_counts / LOAD_CELL_COUNTS_PER_N
    else:
        time_s, value = time_s[~bad], value[~bad]
    recording = {**simulated.recording, channel: Signal(time_s, value)}
    return dataclasses.replace(simulated, recording=recording)


def sensors(quick: bool) -> Verdict:
    """Silent, stuck, without a value, saturated: flagged within a second, and nothing made of it."""
    simulated = simulate_set(PROFILE, reps=3, rng=np.random.default_rng(5), approach="none")
    reps = simulated.truth["sets"][0]["reps"]
    out_s, in_s = reps[1]["start_s"] + 0.3, reps[1]["end_s"]
    words, passed = [], True
    for channel, fault in FAULTS[: 2 if quick else 4]:
        pieces = pieces_of(failing(simulated, channel, fault, out_s, in_s))
        with Gym() as gym:
            gym.record()
            health = Health(gym.broker.port)
            board = Board(gym.folder / "board")
            child = edge(gym, simulated, board, {})
            start_s, flagged_s, cleared_s = time.monotonic(), float("inf"), float("inf")
            for sent_s, data in pieces:
                while (wait_s := start_s + sent_s - time.monotonic()) > 0.0:
                    time.sleep(min(wait_s, 0.02))
                board.send(data)
                said = health.newest.get("sim-1", {}).get("sensor_faults", {})  # type: ignore[union-attr]
                at_s = time.monotonic() - start_s
                if said.get(channel) == fault:
                    flagged_s = min(flagged_s, at_s - out_s)
                elif at_s > in_s:
                    cleared_s = min(cleared_s, at_s - in_s)
            board.read_out()
            end(gym, simulated, board, child)
            rows = reps_with_force(gym)
            health.close()
        meanwhile = [row for row in rows if row[0] < in_s - 0.1 and row[1] > out_s + 0.1]
        wrong = len(meanwhile) if channel == "position_m" else sum(row[2] is not None for row in meanwhile)
        what = "reps" if channel == "position_m" else "forces"
        words.append(
            f"{channel} {fault}: said after {flagged_s:.2f} s, {wrong} {what} meanwhile, {len(rows)} reps"
        )
        passed = passed and flagged_s <= FLAGGED_S and cleared_s < 3.0 and wrong == 0 and len(rows) >= 2
    return Verdict("sensors that fail", "; ".join(words), passed)


def reps_with_force(gym: Gym) -> list[tuple[float, float, float | None]]:
    """Start, end and mean force of the counted reps."""
    with contextlib.closing(sqlite3.connect(gym.history)) as db:
        columns = "start_s, end_s, mean_force_n"
        return db.execute(f"SELECT {columns} FROM reps WHERE counted AND state != 'rejected'").fetchall()


def ticks(quick: bool) -> Verdict:
    """The board's ticks on the host's clock, over links as they are, for 200 s."""
    seeds = 2 if quick else 10
    words, passed = [], True
    # Frames that keep step with the timer have a beat of 20 s here, and two of them tell it from a drift.
    for name, delay, after_s, most_ms in (
        ("USB CDC after 5 s", usb_cdc, 5.0, 0.1),
        ("16 ms latency timer after 5 s", uniform_timer, 5.0, 0.5),
        ("in step with it after 45 s", latency_timer, 45.0, 0.5),
    ):
        rms_ms, off_ppm = [], []
        for seed in range(seeds):
            drift_ppm = -80.0 if seed % 2 else 50.0
            errors_s, clock = link_errors_s(delay, seed=seed, drift_ppm=drift_ppm, after_s=after_s)
            rms_ms.append(1e3 * float(np.sqrt(np.mean(errors_s**2))))
            off_ppm.append(abs((clock.drift_ppm or np.inf) - drift_ppm))
        words.append(f"{name}: {max(rms_ms):.3f} ms rms at worst, drift told within {max(off_ppm):.1f} ppm")
        passed = passed and max(rms_ms) <= most_ms and max(off_ppm) <= 3.0
    return Verdict(f"board ticks on the host's clock, {seeds} links each", "; ".join(words), passed)
