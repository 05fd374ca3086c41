"""From the true lockout to the tile on the terminal: the demo's whole chain, with a clock in every place.

Four simulated boards send their bytes in real time through pseudo-terminals to one edge process, from
there through the broker to the dashboard, which draws on a terminal of 120 × 40. All run as they are shipped,
each its own process (tests.benchmarks.probes). The lockout is the simulator's truth: when the motion itself
ended, not when anyone noticed.
"""

import fcntl
import json
import os
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from edge.broker.mosquitto import Broker
from station.program.process import end_with_parent

FOR_S = 60.0
READY_S = 20.0
SAME_REP_S = 0.6
PARTS = (
    "kernel: lockout to known",
    "board: until its frame is sent",
    "line and read",
    "decode and count",
    "outbox: commit",
    "publisher",
    "broker and client",
    "screen: drain and draw",
)


def run(for_s: float = FOR_S) -> list[str]:
    """Lines to print: p50 and p95 of the whole and of its parts."""
    rows = measure(for_s)
    if not rows:
        return ["lockout to tile: no rep came through"]
    columns = [*np.array(rows).T, np.sum(rows, axis=1)]
    lines = [f"lockout to tile, {len(rows)} reps at 4 stations: p50 and p95, ms"]
    for name, column in zip((*PARTS, "in total"), columns, strict=True):
        middle, late = np.percentile(column, [50, 95]) * 1e3
        lines.append(f"  {name:<32} {middle:6.0f} {late:6.0f}")
    return lines


def measure(for_s: float, watcher: Sequence[str] = ("dashboard",)) -> list[list[float]]:
    """The parts of each rep's way, seconds; `watcher` is the command at its end."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="plumbline-bench-")))
        broker = stack.enter_context(Broker())
        children = [
            _child(
                folder, "simulate", "--demo", str(folder), "--mqtt", f"127.0.0.1:{broker.port}", "--seed", "3"
            )
        ]
        try:
            _wait_for_stations(folder, children[0])
            record = ("--db", str(folder / "history.db"))
            where = ("--host", "127.0.0.1", "--port", str(broker.port))
            screen = (*watcher, *where, "--for", str(for_s))
            ours = _terminal(folder, children, *screen, *(record if watcher[0] == "dashboard" else ()))
            if watcher[0] != "dashboard":  # unless somebody acknowledges, a node soon sends no more
                children.append(_child(folder, "record", *where, *record))
            stations = sorted(str(path) for path in folder.glob("*.toml"))
            children.append(
                _child(folder, "edge", "--station", *stations, "--outbox", str(folder / "outbox.db"))
            )
            children[1].wait(for_s + READY_S)
            os.close(ours)
        finally:
            for child in reversed(children):
                child.terminate()
            for child in children:
                child.wait(10.0)
        return _rows([one for name in ("simulate", "edge", watcher[0]) for one in _seen(folder, name)])


def _seen(folder: Path, name: str) -> list[list[Any]]:
    """What a child noted. Raises RuntimeError with its last words where it noted nothing."""
    noted = folder / f"{name}.jsonl"
    lines = noted.read_text(encoding="utf-8").split("\n")[:-1] if noted.exists() else []
    if not any(lines):
        log = (folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")
        raise RuntimeError(f"{name} noted nothing: {log[-400:] or 'and said nothing'}")
    return [json.loads(line) for line in lines]


def _child(folder: Path, *argv: str, terminal: int | None = None) -> "subprocess.Popen[bytes]":
    """One command with its probes; on a terminal of its own where one is given."""
    with (folder / f"{argv[0]}.log").open("wb") as log:
        out = log if terminal is None else terminal
        return subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.probes", str(folder / f"{argv[0]}.jsonl"), *argv],
            stdin=subprocess.DEVNULL if terminal is None else terminal,
            stdout=out,
            stderr=out,
            env={**os.environ, "TERM": "xterm-256color", "PYTHONUNBUFFERED": "1"},
            start_new_session=terminal is not None,
            preexec_fn=end_with_parent(),  # noqa: PLW1509 - calls prctl and nothing else
        )


def _terminal(folder: Path, children: "list[subprocess.Popen[bytes]]", *argv: str) -> int:
    """A child on a pseudo-terminal of 120 × 40 that someone reads; returns our end."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    children.append(_child(folder, *argv, terminal=theirs))
    os.close(theirs)

    def read() -> None:
        try:
            while os.read(ours, 65_536):
                pass
        except OSError:
            return  # the other end has gone

    threading.Thread(target=read, daemon=True).start()
    return ours


def _wait_for_stations(folder: Path, simulator: "subprocess.Popen[bytes]") -> None:
    deadline_s = time.monotonic() + READY_S
    log = folder / "simulate.log"
    while "ready" not in log.read_text(encoding="utf-8"):
        if simulator.poll() is not None or time.monotonic() > deadline_s:
            raise RuntimeError(f"the simulator did not come up: {log.read_text(encoding='utf-8')[-400:]}")
        time.sleep(0.02)


def _rows(seen: Sequence[list[Any]]) -> list[list[float]]:
    """Follow the first word of each rep from process to process."""
    by_kind: dict[str, list[list[Any]]] = defaultdict(list)
    for kind, *rest in seen:
        by_kind[kind].append(rest)
    started_s = by_kind["started"][0][0]
    ticks_us = dict(by_kind["origin"])
    origin_s, rate = {}, {}
    for station, true_s, tick_us, drift_ppm in by_kind["board"]:
        rate[station] = 1.0 + drift_ppm * 1e-6
        origin_s[station] = true_s + ((ticks_us[station] - tick_us) % 2**32) / 1e6 / rate[station]
    published = _earliest(by_kind["publish"])
    arrived = _earliest(by_kind["arrived"])
    rows, told = [], set()
    for station, event_id, revision, number, in_set, known_s, read_at, given_at, committed_at in by_kind[
        "commit"
    ]:
        if event_id in told:
            continue
        told.add(event_id)
        known_true_s = origin_s[station] + known_s / rate[station]
        lockouts = [true_s for one, true_s in by_kind["lockout"] if one == station and true_s < known_true_s]
        sent_at = max(at for one, at in by_kind["piece"] if one == station and at <= read_at)
        shown_at = [
            at
            for one, a_set, reps, at in by_kind["shown"]
            if one == station and a_set == in_set and reps >= number and at >= committed_at
        ]
        key = (event_id, revision)
        if not lockouts or known_true_s - lockouts[-1] > SAME_REP_S or not shown_at or key not in arrived:
            continue  # a held or a late word, or the end of the run
        way = [
            started_s + lockouts[-1],
            started_s + known_true_s,
            sent_at,
            read_at,
            given_at,
            committed_at,
            published[key],
            arrived[key],
            shown_at[0],
        ]
        rows.append(np.diff(way).tolist())
    return rows


def _earliest(noted: Sequence[list[Any]]) -> dict[tuple[str, int], float]:
    times: dict[tuple[str, int], float] = {}
    for event_id, revision, at in noted:
        times.setdefault((event_id, revision), at)
    return times


if __name__ == "__main__":
    print("\n".join(run(float(sys.argv[1]) if len(sys.argv) > 1 else FOR_S)))
