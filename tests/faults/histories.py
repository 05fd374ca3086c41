"""Histories that lack what others have: restored from a copy, and two records that write by turns."""

import re
import shutil
import sqlite3
import time
from contextlib import closing

from tests.faults.gym import Gym, Verdict
from tests.faults.hardware import until

SAYS_S = 60.0  # a hole is said when it has stayed for 30 s


def said(gym: Gym) -> int:
    """How many events records have said to be missing, by their last word."""
    found = re.findall(r"rack-1: (\d+) events.* not in this history", gym.errors())
    return int(found[-1]) if found else 0


def restored(quick: bool) -> Verdict:
    """The history is restored from a copy some seconds old, and the station goes on."""
    reps = 100 if quick else 400
    with Gym() as gym:
        record = gym.record()
        gym.station("a", 2 * reps, 50.0)
        gym.settle(reps)
        copy = gym.folder / "copy.db"
        with closing(sqlite3.connect(gym.history)) as live, closing(sqlite3.connect(copy)) as kept:
            live.backup(kept)
        at_copy = len(gym.delivered())
        gym.settle(at_copy + reps // 2)
        record.kill()
        record.wait()
        at_kill = len(gym.delivered())
        for suffix in ("", "-wal", "-shm"):
            gym.history.with_name(gym.history.name + suffix).unlink(missing_ok=True)
        shutil.copy(copy, gym.history)
        gym.record()
        until(lambda: said(gym), SAYS_S)
        gym.settle_committed(2 * reps)
        until(lambda: len(gym.told()[1]) == 2 * reps, 30.0)
        until(lambda: len(gym.delivered()) + said(gym) == 2 * reps, SAYS_S)
        tally, told = gym.tally(), said(gym)
    return Verdict(
        "history restored from a copy",
        f"{tally.committed} committed, {tally.delivered} in the history, {tally.lost} of {at_kill - at_copy}"
        f" it had confirmed missing, {told} said to be; {tally.doubled} doubled",
        tally.lost == told > 0 and tally.doubled == tally.altered == tally.invented == 0,
    )


def two_records(quick: bool) -> Verdict:
    """A second record on another file confirms events while the first is away, also at the end."""
    reps = 60 if quick else 200
    with Gym() as gym:
        elsewhere = gym.folder / "other.db"
        first, other = gym.history, elsewhere
        issued = 0
        for turn in ("a", "b", "c", "d"):  # by turns; the last belongs to the other
            gym.history = first if turn in "ac" else other
            record = gym.record()
            before = len(gym.delivered())
            station = gym.station(turn, reps, 200.0)
            issued += reps
            until(lambda before=before: len(gym.delivered()) >= before + reps, 30.0)
            time.sleep(0.5)  # the last of it is acknowledged
            record.terminate()
            record.wait(10.0)
            station.kill()
            station.wait()
        gym.history = first
        gym.record()
        gym.station("e", 1, 10.0)
        until(lambda: said(gym) == 2 * reps, SAYS_S)
        tally, told = gym.tally(), said(gym)
    return Verdict(
        "two records on two files, by turns",
        f"{tally.committed} committed, {tally.delivered} in the first history, {tally.lost} missing,"
        f" {told} said to be; {tally.doubled} doubled",
        tally.lost == told == 2 * reps and tally.doubled == 0,
    )
