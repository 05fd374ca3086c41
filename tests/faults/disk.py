"""The outbox's disk fills, fails at every single operation, and loses what was not synced in a power cut."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from edge.delivery.outbox import Outbox
from station.messages import Tombstone, decode
from tests.faults.gym import ROOT, Gym, Verdict

BATCHES = 6


def shim(folder: Path) -> Path:
    """Compile the disk that fails."""
    made = folder / "disk.so"
    source = str(Path(__file__).with_name("disk.c"))
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", str(made), source, "-ldl"], check=True)
    return made


class Life(NamedTuple):
    """What a short run said before it ended or was ended."""

    status: int
    committed: set[int]
    acked: int  # everything up to here may be gone
    lost: int  # of the quota, as tombstones
    empty: bool  # it drained without a restart


def short_run(outbox: Path, env: dict[str, str]) -> Life:
    """Append, keep, acknowledge under a failing disk, with a quota that is reached."""
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
    if "Traceback" in done.stderr:
        raise AssertionError(done.stderr)
    said = [line.split() for line in done.stdout.splitlines()]
    numbers = {
        word: [int(line[1]) for line in said if line[0] == word] for word in ("commit", "acked", "lost")
    }
    committed, acked = set(numbers["commit"]), max(numbers["acked"], default=0)
    return Life(done.returncode, committed, acked, sum(numbers["lost"]), ["empty"] in said)


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
    return _at_every_operation("fail", 17 if quick else 1)


def power_cuts(quick: bool) -> Verdict:
    """The power goes at operation N, and what was not synced is there or not by the toss of a coin."""
    return _at_every_operation("cut", 17 if quick else 1)


def _at_every_operation(how: str, step: int) -> Verdict:
    with Gym() as gym:
        so, count = shim(gym.folder), gym.folder / "count"
        env = {"LD_PRELOAD": str(so), "FAULT_MATCH": "outbox", "FAULT_COUNT": str(count)}
        whole = short_run(gym.folder / "outbox.db", env)
        operations = int(count.read_text())
        runs = missing = buried = not_opened = drained = 0
        for n in range(1, operations + 1, step):
            path = gym.folder / f"outbox-{n}.db"
            fault = {"FAULT_AT": str(n), "FAULT_HOW": how, "FAULT_SEED": str(n), "FAULT_COUNT": ""}
            life = short_run(path, {**env, **fault})
            found, lost = survivors(path) if path.exists() else (set(), 0)
            missing += len({seq for seq in life.committed if seq > life.acked} - found)
            buried += life.lost or lost
            not_opened += life.status == 1
            drained += life.empty
            runs += 1
    words = f"{missing} committed rows lost, {buried} as tombstones of the quota, integrity ok in all"
    if how == "cut":
        name, passed = "power cut at the N-th I/O, unsynced writes at random", missing == 0
    else:
        name = "the N-th I/O fails"
        words += f"; drained without a restart in {drained}, and told at the start in {not_opened}"
        passed = missing == 0 and drained + not_opened == runs
    return Verdict(
        f"{name}, N = 1 … {operations}" + (f" in steps of {step}" if step > 1 else ""),
        f"{runs} runs: {words}",
        passed and whole.empty and runs >= (1 if step > 1 else 20),
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
