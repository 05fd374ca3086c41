"""Broker, record, station and network fail in turn; every committed rep is in the history, once."""

import random
import time

from tests.faults.gym import Gym, Tally, Verdict
from tests.faults.proxy import Proxy

DRAINED_S = 5.0


def broker_kills(quick: bool) -> Verdict:
    """The broker is killed while reps flow."""
    kills, chance = (4 if quick else 20), random.Random(1)
    with Gym() as gym:
        gym.record()
        gym.station("a", 10**6, 100.0)
        for _ in range(kills):
            time.sleep(chance.uniform(0.2, 0.6))
            gym.broker.kill()
            time.sleep(chance.uniform(0.0, 0.4))
            gym.broker.start()
        drained_s, tally = _drain(gym)
    return Verdict(
        f"broker kill -9 × {kills}", f"{tally}; drained in {drained_s:.1f} s", _well(tally, drained_s, quick)
    )


def partitions(quick: bool) -> Verdict:
    """The network between station and broker fails in four ways."""
    rounds, pace = (1, 0.5) if quick else (3, 1.0)
    worst_s = 0.0
    with Gym() as gym, Proxy(gym.broker.port) as proxy:
        gym.station_port = proxy.port
        gym.record()
        gym.station("a", 10**6, 100.0)
        gym.settle(50)
        for _ in range(rounds):
            for how, lasts_s in (("refuse", 1.5), ("hole", 3.0), ("no-answers", 2.0), ("cut", 0.3)):
                proxy.set(how)  # type: ignore[arg-type]
                time.sleep(pace * lasts_s)
                proxy.set("pass")
                worst_s = max(worst_s, gym.settle())
        _, tally = _drain(gym)
    return Verdict(
        f"partitions: refused, black hole, acks lost, cut × {rounds}",
        f"{tally}; drained in {worst_s:.1f} s at worst",
        _well(tally, worst_s, quick),
    )


def station_kills(quick: bool) -> Verdict:
    """The station is killed at random points and started again."""
    kills, chance, slowest_s = (10 if quick else 100), random.Random(2), 0.0
    with Gym() as gym:
        gym.record()
        for run in range(kills):
            before = len(gym.told()[1])
            start_s = time.monotonic()
            child = gym.station(f"run{run}", 10**6, 200.0)
            while len(gym.told()[1]) == before and time.monotonic() - start_s < 10:
                time.sleep(0.01)
            slowest_s = max(slowest_s, time.monotonic() - start_s)
            time.sleep(chance.uniform(0.0, 0.15))
            child.kill()
            child.wait()
        gym.station("last", 1, 100.0)
        gym.settle(1 + len(gym.told()[1]))
        tally = gym.tally()
    torn = tally.issued - tally.delivered
    return Verdict(
        f"kill -9 × {kills} at 200 reps/s, outbox and publisher alone",
        f"{tally}; {torn} in progress; up again in {slowest_s:.1f} s at worst",
        tally.clean and torn <= kills and (quick or slowest_s <= 3.0),
    )


def record_kills(quick: bool) -> Verdict:
    """The record is killed at random points, every other time right between commit and acknowledgement."""
    kills, chance = (4 if quick else 20), random.Random(3)
    with Gym() as gym:
        gym.station("a", 10**6, 100.0)
        for n in range(kills):
            if n % 2:
                port = str(gym.broker.port)
                gym.run("tests.faults.dying_record", str(gym.history), port, "3").wait(20.0)
            else:
                child = gym.record()
                time.sleep(0.6 + chance.uniform(0.0, 0.4))
                child.kill()
                child.wait()
        gym.record()
        drained_s, tally = _drain(gym)
    return Verdict(
        f"record kill -9 × {kills}, half before the ack",
        f"{tally}; drained in {drained_s:.1f} s",
        tally.clean,
    )


def chaos(quick: bool) -> Verdict:
    """Everything at once, by several seeds."""
    seeds, reps = (1, 300) if quick else (10, 5000)
    kills = 0
    totals = [0] * 8
    worst_s = 0.0
    for seed in range(seeds):
        chance = random.Random(seed)
        with Gym() as gym, Proxy(gym.broker.port) as proxy:
            gym.station_port = proxy.port
            record, run = gym.record(), 0
            station = gym.station("run0", 10**6, 400.0)
            while len(gym.told()[1]) < reps:
                time.sleep(chance.uniform(0.1, 0.5))
                kills += 1
                match chance.choice(("broker", "record", "station", "station", "net", "net")):
                    case "broker":
                        gym.broker.kill()
                        time.sleep(chance.uniform(0.0, 0.5))
                        gym.broker.start()
                    case "record":
                        record.kill()
                        record.wait()
                        record = gym.record()
                    case "station":
                        station.kill()
                        station.wait()
                        run += 1
                        station = gym.station(f"run{run}", 10**6, 400.0)
                    case _:
                        proxy.set(chance.choice(("refuse", "hole", "no-answers", "cut")))  # type: ignore[arg-type]
                        time.sleep(chance.uniform(0.1, 1.0))
                        proxy.set("pass")
            drained_s, tally = _drain(gym)
            worst_s = max(worst_s, drained_s)
            totals = [a + b for a, b in zip(totals, tally, strict=True)]
    total = Tally(*totals)
    return Verdict(
        f"mixed chaos, {seeds} seeds × {reps} reps, {kills} faults",
        f"{total}; drained in {worst_s:.1f} s at worst",
        total.clean,
    )


def _drain(gym: Gym) -> tuple[float, Tally]:
    """How long it takes until what is committed now is delivered; then issue no more, and compare."""
    drained_s = gym.settle()
    gym.stop_issuing()
    gym.settle()
    return drained_s, gym.tally()


def _well(tally: Tally, drained_s: float, quick: bool) -> bool:
    """Times are judged by `make faults`; the short forms run beside a busy suite."""
    return tally.clean and (quick or drained_s <= DRAINED_S)
