"""The floor under load: 60 stations, 10 live values a second each, a rep every 3 s each.

One process publishes to a real broker, the dashboard draws on a terminal of 200 × 60, as it is shipped, with
its record, and on a phone's of 55 × 37. A live value carries the machine's own monotonic time as its session
time, so what is shown has an age.

A frame is drawn only where something in sight looks otherwise. A phone has three tiles in sight, and lifters
who change phase twice in three seconds give them four frames a second, however fast it is: there the crowd
changes phase with every live value.

    python -m tests.benchmarks.screen hour      an hour's messages in ten minutes: does memory stay flat?
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
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import paho.mqtt.client as paho

import station.cli
from edge.broker.mosquitto import Broker
from station.messages import LiveMessage, Message, RepMessage, SetMessage, encode, new_id, now_utc
from station.program.process import end_with_parent
from station.records import Live, Rep, SetSummary
from station.topics import Address
from tests.benchmarks.birth import EXERCISE, birth

STATIONS = 60
LIVE_HZ = 10.0
REP_S = 3.0
SET_REPS = 10
FOR_S = 25.0
SETTLE_S = 5.0
WALL, PHONE = (200, 60), (55, 37)


def run() -> list[str]:
    """Lines to print, of a wall's screen and a phone's."""
    return [*measure(), *measure(size=PHONE, restless=True)]


def measure(
    for_s: float = FOR_S, speed: float = 1.0, size: tuple[int, int] = WALL, restless: bool = False
) -> list[str]:
    """Lines to print; `speed` sends everything so many times as fast, `restless`: a phase a value."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="plumbline-bench-")))
        broker = stack.enter_context(Broker())
        log = folder / "screen.json"
        ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        lasts = str(for_s + SETTLE_S + 2.0)
        where = ["--port", str(broker.port), "--db", str(folder / "history.db"), "--for", lasts]
        options = {"preexec_fn": end_with_parent(), "start_new_session": True}
        screen = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.screen", "probe", str(log), *where],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm-256color"},
            **options,  # type: ignore[call-overload]
        )
        os.close(theirs)
        written = _Reader(ours)
        crowd = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.benchmarks.screen",
                "crowd",
                str(broker.port),
                str(speed),
                str(restless),
            ],
            preexec_fn=end_with_parent(),  # noqa: PLW1509 - calls prctl and nothing else
        )
        try:
            time.sleep(SETTLE_S)
            cpu_s, first_mb, bytes_before = _cpu_s(screen.pid), _rss_mb(screen.pid), written.count
            time.sleep(for_s / 4)
            quarter_mb = _rss_mb(screen.pid)
            time.sleep(for_s * 3 / 4)
            share, last_mb = (_cpu_s(screen.pid) - cpu_s) / for_s, _rss_mb(screen.pid)
            kilobytes = (written.count - bytes_before) / 1e3 / for_s
            screen.wait(60.0)
        finally:
            for child in (crowd, screen):
                child.kill()
                child.wait()
        os.close(ours)
        seen = json.loads(log.read_text(encoding="utf-8"))
    ages_ms, times = np.array(seen["ages_ms"]).T
    middle, late = ages_ms[np.searchsorted(np.cumsum(times), [0.5 * times.sum(), 0.95 * times.sum()])]
    looks, frames = (seen[what] / seen["for_s"] for what in ("looks", "frames"))
    return [
        f"floor of {STATIONS} stations on {size[0]} × {size[1]} at {LIVE_HZ:g} Hz, "
        f"speed {speed:g}, {for_s:g} s: {frames:.1f} frames/s of {looks:.1f} looks/s, "
        f"{100 * share:.0f} % of a core, {1e3 * share / looks:.1f} ms a look, "
        f"{kilobytes:.0f} kB/s to the terminal",
        f"  age of what is shown: p50 {middle:.0f} ms, p95 {late:.0f} ms; "
        f"  memory: {first_mb:.0f} MB after {SETTLE_S:g} s, {quarter_mb:.0f} MB after a quarter, "
        f"{last_mb:.0f} MB at the end",
    ]


class _Reader:
    """A terminal that somebody reads."""

    def __init__(self, descriptor: int) -> None:
        self.count = 0
        self._descriptor = descriptor
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            while data := os.read(self._descriptor, 65_536):
                self.count += len(data)
        except OSError:
            return  # the other end has gone


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _rss_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def probe(log: Path, argv: list[str]) -> int:
    """The dashboard, noting when it drew and how old the newest live values then were."""
    from dashboard.tui.app import PlumblineApp  # noqa: PLC0415  only this process draws
    from dashboard.tui.messages import FloorChanged  # noqa: PLC0415

    # Counts, not values: a list of everything seen would be the memory that grows.
    ages_ms: Counter[int] = Counter()
    frames, looks = [0], [0]
    span_s: list[float] = []  # of the first frame, of the first and the last that count
    waiting: list[Any] = []
    show = PlumblineApp.on_floor_changed

    def shown(self: PlumblineApp, event: FloorChanged) -> None:
        show(self, event)
        waiting[:] = [event.floor]
        looks[0] += len(span_s) > 1

    def displayed(self: PlumblineApp) -> None:
        if not waiting:
            return
        now_s = time.monotonic()
        current = [one.newest for one in waiting.pop().stations.values()]
        if not span_s:
            span_s.append(now_s)
        if now_s < span_s[0] + SETTLE_S:
            return
        span_s[1:] = [span_s[1] if len(span_s) > 1 else now_s, now_s]
        frames[0] += 1
        ages_ms.update(round(1e3 * (now_s - one.trace[-1].session_s)) for one in current if one.trace)

    PlumblineApp.on_floor_changed = shown  # type: ignore[method-assign]
    PlumblineApp.post_display_hook = displayed  # type: ignore[method-assign]
    try:
        return station.cli.main(["dashboard", *argv])
    finally:
        seen = {
            "frames": frames[0] - 1,
            "looks": looks[0],
            "for_s": span_s[-1] - span_s[1],
        }
        log.write_text(json.dumps(seen | {"ages_ms": sorted(ages_ms.items())}), encoding="utf-8")


def crowd(port: int, speed: float, restless: bool) -> int:
    """Publish as 60 stations until we are ended."""
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)  # no thread: what is published is on its way, or the age would be ours
    client.loop()
    sessions = [new_id() for _ in range(STATIONS)]
    streams = [new_id() for _ in range(STATIONS)]
    seqs = [0] * STATIONS

    def send(number: int, leaf: str, message: Message) -> None:
        client.publish(
            Address("gym", f"rack-{number:02d}", leaf).topic, encode(message), retain=leaf == "info"
        )

    for number in range(STATIONS):
        state, info = birth(sessions[number], athlete=f"athlete-{number}", load_kg=60.0, target_reps=SET_REPS)
        send(number, "state", state)
        send(number, "info", info)
    step_s = 1.0 / LIVE_HZ / speed
    start_s = time.monotonic()
    tick = 0
    while True:
        for number in range(STATIONS):
            # Spread over the step, as stations that know nothing of each other are.
            due_s = start_s + (tick + number / STATIONS) * step_s
            time.sleep(max(0.0, due_s - time.monotonic()))
            send(number, "live", _live(sessions[number], tick + number, restless))
            done, rest = divmod(tick + number, round(REP_S * LIVE_HZ))
            if rest == 0 and done:
                seqs[number] += 1
                send(number, "rep", _rep(sessions[number], streams[number], seqs[number], done))
                if done % SET_REPS == 0:
                    seqs[number] += 1
                    send(
                        number, "set", _set(sessions[number], streams[number], seqs[number], done // SET_REPS)
                    )
        client.loop(0.0)
        tick += 1


def _live(session: str, tick: int, restless: bool) -> LiveMessage:
    share = tick % 30 / 30.0
    lowering = tick % 2 == 0 if restless else share < 0.5
    live = Live(
        session_s=time.monotonic(),
        position_m=0.4 + abs(share - 0.5),
        velocity_mps=0.3 if share > 0.5 else -0.3,
        force_n=600.0,
        x_m=0.01 * share,
        phase="eccentric" if lowering else "concentric",
    )
    return LiveMessage(event_id="l", at_utc=now_utc(), session=session, live=live)


def _rep(session: str, stream: str, seq: int, done: int) -> RepMessage:
    set_number, number = (done - 1) // SET_REPS + 1, (done - 1) % SET_REPS + 1
    now_s = time.monotonic()
    fields: dict[str, Any] = dict.fromkeys(Rep.__struct_fields__) | {
        "number": number,
        "counted": True,
        "start_s": now_s - 3.0,
        "end_s": now_s,
        "eccentric_end_s": now_s - 1.0,
        "concentric_start_s": now_s - 1.0,
        "concentric_end_s": now_s,
        "eccentric_s": 2.0,
        "bottom_pause_s": 0.0,
        "concentric_s": 1.0,
        "rom_m": 0.45,
        "mean_eccentric_velocity_mps": 0.225,
        "mean_concentric_velocity_mps": 0.5 - 0.01 * number,
        "path_deviation_m": 0.02,
        "path_deviation_sigma_m": 0.002,
        "velocity_loss_pct": 2.0 * number,
    }
    head = _envelope(f"s{set_number}-r{number}", session, stream, seq, now_s)
    return RepMessage(**head, state="confirmed", set_number=set_number, rep=Rep(**fields))


def _set(session: str, stream: str, seq: int, number: int) -> SetMessage:
    now_s = time.monotonic()
    summary = SetSummary(
        number=number,
        counted_reps=SET_REPS,
        partial_reps=0,
        start_s=now_s - 30.0,
        end_s=now_s,
        fastest_mean_concentric_velocity_mps=0.49,
        last_mean_concentric_velocity_mps=0.4,
        velocity_loss_pct=18.0,
        median_rom_m=0.45,
        largest_path_deviation_m=0.02,
    )
    return SetMessage(**_envelope(f"s{number}", session, stream, seq, now_s), summary=summary)


def _envelope(event: str, session: str, stream: str, seq: int, session_s: float) -> dict[str, Any]:
    return {
        "event_id": f"{session}-{event}",
        "at_utc": now_utc(),
        "stream": stream,
        "seq": seq,
        "session": session,
        "session_s": session_s,
        "revision": 1,
        "exercise": EXERCISE,
    }


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["probe", log, *rest]:
            sys.exit(probe(Path(log), rest))
        case ["crowd", port, speed, restless]:
            sys.exit(crowd(int(port), float(speed), restless == "True"))
        case ["hour"]:
            print(*measure(600.0, 6.0), sep="\n")
        case _:
            print(*run(), sep="\n")
