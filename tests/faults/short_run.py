"""A short life of an outbox; prints each number once its event is committed.

python -m tests.faults.short_run OUTBOX BATCHES
"""

import sys
from pathlib import Path

from edge.outbox import Outbox
from station.errors import StoreError
from tests.faults.station import make_rep


def main(path: str, batches: int) -> int:
    """Appends; goes on after a failure as the node does."""
    try:
        outbox = Outbox(Path(path), say=lambda line: None)
    except StoreError:
        return 1
    for n in range(batches):
        for _ in range(3):
            try:
                numbers = outbox.append("rack-1", [make_rep(f"a-{3 * n + k}") for k in range(3)])
            except StoreError:
                continue
            print(*numbers, sep="\n", flush=True)
            break
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
