"""`plumbline edge` is killed at random points while a board goes on talking, and started again."""

import random
import shutil
import time
from pathlib import Path

import numpy as np

from edge.delivery.outbox import Outbox
from station.messages import RepMessage, SetMessage, decode
from station.sim.devices.board import board_bytes
from station.sim.session import simulate_set
from tests.faults.gym import Gym, Verdict
from tests.faults.hardware import PROFILE, Board, counted, edge, end, until

REPS_A_LIFE = (1.0, 3.0)
UP_AGAIN_S = 3.0


class Committed:
    """What an outbox held whenever its node had been killed."""

    def __init__(self) -> None:
        self.by_seq: dict[
            tuple[str, int], tuple[str, int]
        ] = {}  # event id and revision, by stream and number
        self.reused = 0

    def look(self, outbox: Path) -> None:
        """Read a copy of the file, its journal included; raises AssertionError where it is not sound."""
        copy = outbox.with_name("copy")
        for suffix in ("", "-wal"):
            if outbox.with_name(outbox.name + suffix).exists():
                shutil.copy(outbox.with_name(outbox.name + suffix), copy.with_name(copy.name + suffix))
        said: list[str] = []
        with Outbox(copy, say=said.append) as held:
            for entry in held.unacknowledged("sim-1", 100_000):
                message = decode(entry.leaf, entry.payload)
                assert isinstance(message, RepMessage | SetMessage)
                what = (message.event_id, message.revision if isinstance(message, RepMessage) else 0)
                self.reused += self.by_seq.setdefault((message.stream, entry.seq), what) != what
        assert not said, f"not sound after a kill: {said}"


def node_kills(quick: bool) -> Verdict:
    """0 lost of what was committed, one rep in progress a kill, no number reused, up again at once."""
    kills, chance = (6 if quick else 200), random.Random(4)
    simulated = simulate_set(PROFILE, reps=2 * kills + 2, rng=np.random.default_rng(5))
    reps = simulated.truth["sets"][0]["reps"]
    up_s: list[float] = []
    committed = Committed()
    with Gym() as gym:
        gym.record()
        board = Board(gym.folder / "board")
        pieces = board_bytes(simulated, np.random.default_rng(6))
        until_s = reps[0]["start_s"]
        for _ in range(kills):
            start_s = time.monotonic()
            child = edge(gym, simulated, board, {})
            up_s.append(time.monotonic() - start_s)
            until_s += chance.uniform(*REPS_A_LIFE) * (reps[-1]["end_s"] - reps[0]["start_s"]) / len(reps)
            for at_s, data in pieces:
                board.send(data)
                if at_s >= until_s:
                    break
            time.sleep(chance.uniform(0.0, 0.1))
            child.kill()
            child.wait()
            committed.look(gym.folder / "edge.outbox")
        child = edge(gym, simulated, board, {})
        for _, data in pieces:
            board.send(data)
        board.read_out()
        end(gym, simulated, board, child)
        wanted = {event_id for event_id, _ in committed.by_seq.values() if "-r" in event_id}
        until(lambda: wanted <= gym.delivered().keys(), 10.0)
        found = gym.delivered().keys()
        lost, rows = len(wanted - found), len(counted(gym))
    missed = len(reps) - rows
    return Verdict(
        f"edge kill -9 × {kills}",
        f"{len(committed.by_seq)} events seen committed, {lost} lost; {rows} of {len(reps)} reps counted,"
        f" {missed} in progress at a kill; {committed.reused} numbers reused,"
        f" up again in {np.median(up_s):.1f} s, {max(up_s):.1f} s at worst",
        lost == 0 and committed.reused == 0 and 0 <= missed <= kills and max(up_s) <= UP_AGAIN_S,
    )
