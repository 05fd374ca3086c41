"""What a whole node costs: its start, and then each second at boards of 1000 samples a second.

python -m tests.benchmarks.node [--stations 1 16] [--seconds S] [--python PATH] [--qemu qemu-x86_64]

Plain, it is a share of this machine's core, and memory, which an hour's run (--seconds 3600) shows as a gym
has it: the set again and again, with rests; each board sends its frames when it does, not with the others.
What the core is worth is said too. With --qemu the node runs under qemu-user with a plugin that
counts instructions (tests/packaging/instructions.c), which depend less on what else the machine does;
`make pi` gives the python of an arm64 root.
"""

import argparse
import heapq
import math
import os
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np

from edge.broker.mosquitto import Broker
from station.config import Mqtt, Port
from station.exercises import load_profile
from station.sim.devices.board import board_bytes
from station.sim.devices.device import Piece
from station.sim.devices.sensors import Sensors, Signal
from station.sim.recording import station_toml
from station.sim.session import simulate_set
from tests.benchmarks.timing import yardstick_s
from tests.faults.hardware import Board, is_open

PLUGIN = Path(__file__).parents[1] / "packaging" / "instructions.c"
SETTLES_S = 3.0
# What a Pi with other work to do is to find room for: a station's second, a start; megabytes by stations.
MOST_M_EACH, MOST_START_G = 12.0, 0.35
MOST_MB = {1: 45, 16: 80}
OVER = "   OVER"
RESTS_S = 60.0  # between two sets
FRAME_S = 0.02  # from one frame of a board to the next


def run(
    stations: Sequence[int] = (1, 16),
    seconds: float = 20.0,
    qemu: Sequence[str] = (),
    python: str = sys.executable,
    site: str | None = None,
) -> list[str]:
    """Lines to print. `qemu`: what stands before the interpreter's path."""
    return [line for count in stations for line in _measure(count, seconds, qemu, python, site)]


def _measure(count: int, seconds: float, qemu: Sequence[str], python: str, site: str | None) -> list[str]:
    simulated = simulate_set(
        load_profile("rdl"), reps=12, rng=np.random.default_rng(5),
        sensors=Sensors(position_hz=1000.0, force_hz=80.0), approach="none",
    )  # fmt: skip
    lasting = replace(simulated, recording=_again(simulated.recording, SETTLES_S + seconds))
    pieces = [
        piece for piece in board_bytes(lasting, np.random.default_rng(6)) if piece[0] < SETTLES_S + seconds
    ]
    with Broker() as broker, tempfile.TemporaryDirectory(prefix="plumbline-node-") as name:
        folder = Path(name)
        counter = folder / "count"
        if qemu:
            shared = str(folder / "plugin.so")
            subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", shared, PLUGIN], check=True)
            qemu = [qemu[0], "-plugin", f"{shared},count={counter}", *qemu[1:]]
        mqtt = Mqtt(host="127.0.0.1", port=broker.port, tls=False)
        boards, files = [], []
        for n in range(count):
            boards.append(Board(folder / f"board-{n}"))
            table = msgspec.structs.replace(simulated.station.station, id=f"rack-{n}")
            station = msgspec.structs.replace(
                simulated.station,
                station=table,
                ports=[Port(url=str(boards[-1].path))],
                mqtt=mqtt,
                exercise="rdl",
            )
            files.append(str(folder / f"rack-{n}.toml"))
            Path(files[-1]).write_text(station_toml(station), encoding="utf-8")
        where = [
            "--db",
            str(folder / "history.db"),
            "--host",
            "127.0.0.1",
            "--port",
            str(broker.port),
            "--no-tls",
        ]
        record = subprocess.Popen(
            [sys.executable, "-m", "station.cli", "record", *where], stdout=subprocess.DEVNULL
        )
        command = "import sys; from station.cli import main; sys.exit(main())"  # as the installed one does
        words = ["-c", command, "edge", "--station", *files, "--outbox", str(folder / "outbox.db")]
        own = {**os.environ, "PYTHONPATH": site} if site else None
        node = subprocess.Popen(
            [*qemu, python, "-P", *words], stdout=subprocess.PIPE, text=True, cwd=folder, env=own
        )
        assert node.stdout is not None
        try:
            node.stdout.readline()
            started = _instructions(counter)
            while not all(is_open(node.pid, board) for board in boards):
                time.sleep(0.1)
            start_s, before = time.monotonic(), None
            for at_s, n, data in heapq.merge(*(_of_board(n, pieces, n / count) for n in range(count))):
                time.sleep(max(0.0, start_s + at_s - time.monotonic()))
                if before is None and at_s >= SETTLES_S:
                    before = time.monotonic(), _cpu_s(node.pid), _instructions(counter)
                boards[n].send(data)
            assert before is not None
            after = time.monotonic(), _cpu_s(node.pid), _instructions(counter)
            span_s, cpu_s, counted = (now - then for now, then in zip(after, before, strict=True))
            status = Path(f"/proc/{node.pid}/status").read_text(encoding="utf-8")
            kib, threads = (int(status.split(f"{key}:")[1].split()[0]) for key in ("VmRSS", "Threads"))
        finally:
            for child in (node, record):
                child.terminate()
                child.wait()
    if qemu:
        said = _instructions_said(counted / 1e6 / span_s / count, started / 1e9)
    else:
        over = OVER if kib / 1024 > MOST_MB.get(count, math.inf) else ""
        said = f"{100 * cpu_s / span_s:.1f} % of a core, {kib / 1024:.0f} MB{over}"
    return [f"node: {count:2d} stations at 1 kHz: {threads} threads, {said}"]


def _of_board(n: int, pieces: Sequence[Piece], phase: float) -> Iterator[tuple[float, int, bytes]]:
    return ((at_s + phase * FRAME_S, n, data) for at_s, data in pieces)


def _instructions_said(each_m: float, start_g: float) -> str:
    over = OVER if each_m > MOST_M_EACH or start_g > MOST_START_G else ""
    return f"{each_m:.2f} M instructions a second each, start {start_g:.3f} G{over}"


def _again(recording: Mapping[str, Signal], seconds: float) -> dict[str, Signal]:
    """A recording repeated for as long as that: the bar goes back and lies still, RESTS_S in all."""
    period_s = max(time_s[-1] for time_s, _ in recording.values()) + RESTS_S
    starts_s = np.arange(0.0, max(seconds, 1.0), period_s)
    again, rng = {}, np.random.default_rng(7)
    for name, (time_s, value) in recording.items():
        rest_s = np.arange(time_s[-1], period_s, np.median(np.diff(time_s)))[1:]
        rest = np.interp(rest_s, time_s[-1] + np.array([5.0, 10.0]), [value[-1], value[0]])
        if name == "force_n":  # a converter is never still, an encoder is
            rest += np.std(value[time_s < time_s[0] + 0.5]) * rng.standard_normal(rest_s.size)
        once_s, once = np.r_[time_s, rest_s], np.r_[value, rest]
        again[name] = Signal((starts_s[:, np.newaxis] + once_s).ravel(), np.tile(once, starts_s.size))
    return again


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _instructions(counter: Path) -> int:
    return struct.unpack("<Q", counter.read_bytes())[0] if counter.exists() else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.node", description=__doc__)
    parser.add_argument("--stations", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument(
        "--qemu", nargs="+", default=[], metavar="WORD", help="qemu-x86_64, or qemu-aarch64 -L ROOT"
    )
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--path", help="its site-packages, where it is not its own")
    args, more = parser.parse_known_args()
    lines = run(args.stations, args.seconds, [*args.qemu, *more], args.python, args.path)
    if not args.qemu:
        lines.append(f"this core adds up ten million numbers in Python in {yardstick_s():.2f} s")
    print(*lines, sep="\n")
