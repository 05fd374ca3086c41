"""The log of a device on a pseudo-terminal, over and over, until Ctrl-C: a unit for whoever has none.

python -m tests.edge.link.play draw-wire /tmp/unit
"""

import sys
from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path

from station.sim.devices.device import Piece
from station.sim.play import Terminals, play
from tests.edge.link.logs import LOGS


def over_and_over(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """The pieces without an end: the device is switched on anew whenever it has said all."""
    *_, (last_s, _) = pieces
    for turn in count():
        for at_s, data in pieces:
            yield turn * last_s + at_s, data


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in LOGS:
        sys.exit(f"give a log and where its port is to stand; the logs are {', '.join(LOGS)}")
    sys.exit(play([over_and_over(LOGS[sys.argv[1]].pieces)], Terminals([Path(sys.argv[2])]), 1.0))
