"""A short life of an outbox: events, a quota that is reached, settings, acknowledgements, until it is empty.

python -m tests.faults.short_run OUTBOX BATCHES

Prints `commit N`, `acked N` and `lost N` as they have happened, and `empty` when all went without a restart.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge.delivery.outbox import Outbox
from station.errors import StoreError
from station.messages import StreamAck, Tombstone, decode
from tests.faults.station import make_rep

STATION = "rack-1"
QUOTA = 10
TRIES = 3


def again(work: Callable[[], Any]) -> Any:
    """Try as often as the node does in three seconds; None when it fails each time."""
    for _ in range(TRIES):
        try:
            return work()
        except StoreError:
            continue
    return None


def say(*words: object) -> None:
    """A line of what is certain."""
    print(*words, flush=True)


def main(path: str, batches: int) -> int:
    """Goes on after a failure as the node does."""
    try:
        outbox = Outbox(Path(path), max_events=QUOTA, say=lambda line: None)
    except StoreError:
        return 1

    def append(first: int) -> list[int]:
        return outbox.append(STATION, [make_rep(f"a-{first + k}") for k in range(3)])

    for n in range(batches):
        for seq in again(lambda n=n: append(3 * n)) or []:
            if outbox.problem is None:  # otherwise it is in memory alone
                say("commit", seq)
        again(lambda n=n: outbox.save_state(STATION, b"%d" % n))
        if n == 1:
            say("acked", 2)
            again(lambda: outbox.acknowledge(STATION, _up_to(outbox, 2)))
    rest = outbox.unacknowledged(STATION, 1000)
    lost = [m.lost for entry in rest if isinstance(m := decode(entry.leaf, entry.payload), Tombstone)]
    say("lost", sum(lost))
    if rest:
        say("acked", rest[-1].seq)
        again(lambda: outbox.acknowledge(STATION, _up_to(outbox, rest[-1].seq)))
    if not outbox.depth():
        say("empty")
    return 0


def _up_to(outbox: Outbox, seq: int) -> StreamAck:
    return StreamAck(stream=outbox.stream(STATION), committed_seq=seq)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
