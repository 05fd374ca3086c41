"""Many stations on one broker, many ports on one node, and a long day."""

import os
import time

import msgspec
import numpy as np
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from station.config import Mqtt, Port
from station.sim.devices.board import board_bytes
from station.sim.devices.sensors import Sensors
from station.sim.recording import station_toml
from station.sim.session import simulate_set
from tests.faults import long_day
from tests.faults.bare import Hearing
from tests.faults.gym import Gym, Verdict, cpu_s, rss_bytes
from tests.faults.hardware import PROFILE, Board, Health, descriptors, frames_in, is_open, until

PROCESSES = 2


class Ages:
    """How old each live value is when it is heard; the machine's own monotonic clock is in the value."""

    def __init__(self) -> None:
        self.ages_s: list[float] = []

    def __call__(self, payload: bytes) -> None:
        at = payload.index(b'"session_s":') + 12
        self.ages_s.append(time.monotonic() - float(payload[at : payload.index(b",", at)]))


def stations(quick: bool) -> Verdict:
    """200 stations with 20 live values a second each, and reps at 80 a second in all."""
    count, lasts_s = (20, 3.0) if quick else (200, 20.0)
    with Gym() as gym:
        record = gym.record()
        children = [
            gym.run(
                "tests.faults.crowd",
                *(str(gym.folder / f"crowd-{n}.outbox"), str(gym.broker.port), f"crowd{n}"),
                *(str(count // PROCESSES), str(80 // PROCESSES), str(gym.log)),
            )
            for n in range(PROCESSES)
        ]
        children.append(gym.run("tests.faults.crowd_live", str(gym.broker.port), "live", str(count), "20"))
        gym.settle_committed(20)
        assert gym.broker.pid is not None
        ages = Ages()
        hears = Hearing(gym.broker.port, "plumbline/1/+/+/live", ages)
        until(lambda: ages.ages_s, 20.0)
        time.sleep(1.0)
        ages.ages_s.clear()
        start_s, used = time.monotonic(), [cpu_s(gym.broker.pid), cpu_s(record.pid)]
        time.sleep(lasts_s)
        span_s = time.monotonic() - start_s
        ages_s = np.array(ages.ages_s)
        broker, recording = (
            (cpu_s(pid) - before) / span_s
            for pid, before in zip((gym.broker.pid, record.pid), used, strict=True)
        )
        hears.close()
        gym.stop_issuing()
        gym.settle()
        tally = gym.tally()
        alive = all(child.poll() is None for child in children)
    p99_s = float(np.quantile(ages_s, 0.99)) if len(ages_s) else float("inf")
    per_s, wanted_per_s = len(ages_s) / span_s, 20.0 * count
    return Verdict(
        f"{count} stations × 20 live/s and 80 reps/s, one broker",
        f"{tally}; {per_s:.0f} of {wanted_per_s:.0f} live/s heard, p99 {1000 * p99_s:.0f} ms;"
        f" broker {100 * broker:.0f} %, record {100 * recording:.0f} % of a core",
        tally.clean
        and alive
        and (
            quick or (per_s >= 0.98 * wanted_per_s and p99_s <= 0.25 and broker <= 0.25 and recording <= 0.5)
        ),
    )


def ports(quick: bool) -> Verdict:
    """One node, 16 boards at 1000 samples a second."""
    count, lasts_s = 16, 3.0 if quick else 15.0
    simulated = simulate_set(
        PROFILE,
        reps=6,
        rng=np.random.default_rng(5),
        sensors=Sensors(position_hz=1000.0, force_hz=80.0),
        approach="none",
    )
    pieces = [
        (at_s, data) for at_s, data in board_bytes(simulated, np.random.default_rng(6)) if at_s < lasts_s
    ]
    with Gym() as gym:
        boards, files = [], []
        mqtt = Mqtt(host="127.0.0.1", port=gym.broker.port, tls=False)
        for n in range(count):
            boards.append(Board(gym.folder / f"board-{n}"))
            table = msgspec.structs.replace(simulated.station.station, id=f"rack-{n}")
            port = [Port(url=str(boards[-1].path))]
            station = msgspec.structs.replace(
                simulated.station, station=table, ports=port, mqtt=mqtt, exercise="rdl"
            )
            path = gym.folder / f"rack-{n}.toml"
            path.write_text(station_toml(station), encoding="utf-8")
            files.append(str(path))
        node = gym.run(
            "station.cli", "edge", "--station", *files, "--outbox", str(gym.folder / "edge.outbox")
        )
        until(lambda: all(is_open(node.pid, board) for board in boards), 15.0)
        time.sleep(1.0)
        health = Health(gym.broker.port)
        start_s, used_s = time.monotonic(), cpu_s(node.pid)
        for at_s, data in pieces:
            time.sleep(max(0.0, start_s + at_s - time.monotonic()))
            for board in boards:
                board.send(data)
        span_s = time.monotonic() - start_s
        busy = (cpu_s(node.pid) - used_s) / span_s
        sent = count * frames_in(pieces)
        until(lambda: sum(h["frames"] for h in health.newest.values()) >= sent, 5.0)
        said = health.close().values()
        lost = sum(h["frames_lost"] + h["frames_corrupt"] + h["overruns"] for h in said)
        frames = sum(h["frames"] for h in said)
    return Verdict(
        f"one node, {count} ports at 1 kHz",
        f"{100 * busy:.0f} % of a core; {frames} of {sent} frames, {lost} lost, corrupt or overrun",
        (quick or busy <= 0.6) and lost == 0 and frames == sent,
    )


def soak(quick: bool) -> Verdict:
    """A lifter who never stops for a day of the session's clock, as fast as the node counts."""
    sets = 30 if quick else long_day.SETS_A_DAY
    reps = sets * long_day.REPS
    with Gym() as gym:
        gym.record()
        where = (str(gym.folder / "edge.outbox"), str(gym.broker.port), str(sets))
        node = gym.run("tests.faults.long_day", *where)
        until(lambda: len(gym.delivered()) > reps // 3, 600.0)
        start = (len(gym.delivered()), rss_bytes(node.pid), threads(node.pid), len(descriptors(node.pid)))
        until(lambda: len(gym.delivered()) > 0.7 * reps, 600.0)
        end = (len(gym.delivered()), rss_bytes(node.pid), threads(node.pid), len(descriptors(node.pid)))
        status = node.wait(600.0)
        until(lambda: len(gym.delivered()) >= reps, 10.0)
        found = len(gym.delivered())
    per_10k_mb = (end[1] - start[1]) / 1e6 * 10_000 / max(1, end[0] - start[0])
    return Verdict(
        f"soak, {24 * sets / long_day.SETS_A_DAY:.0f} h of sets without a rest",
        f"{found} of {reps} reps; {per_10k_mb:+.2f} MB per 10 000; threads {start[2]} then {end[2]},"
        f" descriptors {start[3]} then {end[3]}",
        found == reps and status == 0 and (quick or per_10k_mb < 1.0) and start[2:] == end[2:],
    )


def attack(quick: bool) -> Verdict:
    """Poison on the topics of reps and a flood beside them, on a broker that lets everybody in."""
    lasts_s = 2.0 if quick else 15.0
    with Gym() as gym:
        record = gym.record()
        gym.station("a", 10**6, 50.0)
        gym.settle_committed(5)
        flood = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        flood.connect("127.0.0.1", gym.broker.port)
        flood.loop_start()
        poison = [b"", b"{", b"[" * 5000, b'{"schema":"plumbline/rep/1"}', b"\xff" * 100, b"x" * 100_000]
        end_s, sent, bad = time.monotonic() + lasts_s, 0, 0
        while time.monotonic() < end_s:
            for n in range(200):
                flood.publish(f"plumbline/1/gym/other-{n % 7}/live", b"x" * 200)
                sent += 1
            flood.publish("plumbline/1/gym/rack-1/rep", poison[bad % len(poison)], qos=1)
            flood.publish("plumbline/1/gym/rack-1/ack", poison[bad % len(poison)], qos=1)
            bad += 1
            time.sleep(0.01)
        flood.loop_stop()
        drained_s = gym.settle()
        gym.stop_issuing()
        gym.settle()
        tally = gym.tally()
        alive = record.poll() is None
    return Verdict(
        "poison and flood",
        f"{tally}; among {sent} messages of a flood and {2 * bad} poisoned; drained in {drained_s:.1f} s",
        tally.clean and alive and (quick or drained_s <= 5.0),
    )


def threads(pid: int) -> int:
    """How many threads a process has."""
    return len(os.listdir(f"/proc/{pid}/task"))  # noqa: PTH208
