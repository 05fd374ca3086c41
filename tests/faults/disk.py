"""The outbox's disk fills, fails at every single operation, and loses what was not synced in a power cut."""

import os
import subprocess
import sys
import time
from pathlib import Path

from edge.outbox import Outbox
from station.messages import Tombstone, decode
from tests.faults.gym import ROOT, Gym, Verdict

BATCHES = 4


def shim(folder: Path) -> Path:
    """Compile the disk that fails."""
    made = folder / "disk.so"
    source = str(Path(__file__).with_name("disk.c"))
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", str(made), source, "-ldl"], check=True)
    return made


def short_run(outbox: Path, env: dict[str, str]) -> tuple[int, list[int]]:
    """Open, append, acknowledge a few times under a failing disk; exit status, and what was committed."""
    command = [sys.executable, "-m", "tests.faults.short_run", str(outbox), str(BATCHES)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    lines = done.stdout.splitlines()
    if "Traceback" in done.stderr:
        raise AssertionError(done.stderr)
    return done.returncode, [int(line) for line in lines]


def survivors(outbox: Path) -> tuple[set[int], int]:
    """The numbers an outbox holds, those of tombstones included, and how many of them are lost."""
    said: list[str] = []
    numbers: set[int] = set()
    lost = 0
    with Outbox(outbox, say=said.append) as again:
        for entry in again.unacknowledged("rack-1", 10_000):
            message = decode(entry.leaf, entry.payload)
            if isinstance(message, Tombstone):
                lost += message.lost
                numbers |= set(range(message.first_seq, message.seq + 1))
            else:
                numbers.add(entry.seq)
    if said:
        raise AssertionError(f"not sound after it: {said}")
    return numbers, lost


def every_operation(quick: bool) -> Verdict:
    """The N-th write, sync or truncation fails once, for every N of a short run."""
    return _at_every_operation("fail", 7 if quick else 1)


def power_cuts(quick: bool) -> Verdict:
    """The power goes at operation N, and what was not synced is there or not by the toss of a coin."""
    return _at_every_operation("cut", 7 if quick else 1)


def _at_every_operation(how: str, step: int) -> Verdict:
    with Gym() as gym:
        so, count = shim(gym.folder), gym.folder / "count"
        env = {"LD_PRELOAD": str(so), "FAULT_MATCH": "outbox", "FAULT_COUNT": str(count)}
        short_run(gym.folder / "outbox.db", env)
        operations = int(count.read_text())
        runs = missing = lost = 0
        for n in range(1, operations + 1, step):
            path = gym.folder / f"outbox-{n}.db"
            fault = {"FAULT_AT": str(n), "FAULT_HOW": how, "FAULT_SEED": str(n), "FAULT_COUNT": ""}
            _, committed = short_run(path, {**env, **fault})
            found, buried = survivors(path) if path.exists() else (set(), 0)
            missing += len(set(committed) - found)
            lost += buried
            runs += 1
    what = "the N-th I/O fails" if how == "fail" else "power cut at the N-th I/O, unsynced writes at random"
    return Verdict(
        f"{what}, N = 1 … {operations}" + (f" in steps of {step}" if step > 1 else ""),
        f"{runs} runs: {missing} committed rows lost, {lost} as tombstones, integrity ok in all",
        missing == 0,
    )


def full(_quick: bool) -> Verdict:
    """The disk is full while reps come and are acknowledged, and later it is not."""
    with Gym() as gym:
        flag = gym.folder / "full"
        env = {"LD_PRELOAD": str(shim(gym.folder)), "FAULT_MATCH": "outbox", "FAULT_FULL": str(flag)}
        station = gym.station("a", 10**6, 100.0, env=env)
        gym.settle_committed(50)
        flag.touch()
        time.sleep(0.5)
        record = gym.record()
        deadline_s = time.monotonic() + 8.0
        while not (at_full := len(gym.delivered())) and time.monotonic() < deadline_s:
            time.sleep(0.1)
        flag.unlink()
        drained_s = gym.settle()
        gym.stop_issuing()
        gym.settle()
        tally = gym.tally()
        alive = station.poll() is None and record.poll() is None
    return Verdict(
        "disk full under the outbox, and room again",
        f"{tally}; {at_full} delivered while full; drained in {drained_s:.1f} s without a restart",
        tally.clean and alive and at_full > 0,
    )
