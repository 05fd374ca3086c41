"""A node whose lifter never stops: the same set again and again, as fast as the node counts.

python -m tests.faults.long_day OUTBOX PORT SETS
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np

from edge.delivery.outbox import Outbox
from edge.link.drivers import Samples
from edge.node.acquisition import PlayedSamples
from edge.node.node import Node
from edge.node.session import Session
from station.config import Mqtt
from station.exercises import load_profile
from station.sim.session import simulate_set

BLOCK_S = 0.5
REPS = 10
PAUSE_S = 15.0  # longer than a set's gap
SETS_A_DAY = 1275  # a set and its pause take 68 s
AHEAD = 200  # events the record may lag behind


def blocks(outbox: Outbox, sets: int) -> Iterator[list[Samples]]:
    """Blocks of samples, each set later than the one before."""
    simulated = simulate_set(load_profile("rdl"), reps=REPS, rng=np.random.default_rng(5))
    end_s = max(float(part.time_s[-1]) for part in simulated.recording.values())
    for n in range(sets):
        for start_s in np.arange(0.0, end_s, BLOCK_S):
            block = []
            for name, (time_s, value) in simulated.recording.items():
                part = (time_s >= start_s) & (time_s < start_s + BLOCK_S)
                if part.any():
                    block.append(Samples(name, time_s[part] + n * (end_s + PAUSE_S), value[part]))
            yield block
        while outbox.depth() > AHEAD:
            time.sleep(0.05)


def main(path: str, port: str, sets: str) -> int:
    """Until the sets are done, or killed."""
    station = simulate_set(load_profile("rdl"), reps=1, rng=np.random.default_rng(5)).station
    mqtt = Mqtt(host="127.0.0.1", port=int(port), tls=False)
    station = msgspec.structs.replace(station, mqtt=mqtt)
    with Outbox(Path(path)) as outbox:
        session = Session(station, load_profile("rdl"))
        playing = PlayedSamples(session, blocks(outbox, int(sets)), 1e9, [])
        return Node([playing], outbox, {station.station.id: mqtt}).run()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
