"""A record that dies right between a commit and its acknowledgement.

python -m tests.faults.dying_record HISTORY PORT COMMITS
"""

import os
import signal
import sys
import time
from collections.abc import Sequence

from dashboard.database.schema import open_writable
from dashboard.record.ledger import StreamKey
from dashboard.record.record import Record
from dashboard.record.store import Arrived, Store
from station.config import Mqtt
from station.messages import StreamAck


class DiesAfterCommit(Store):
    """Commits as often as it may, and dies."""

    left = 1

    def ingest(self, arrived: Sequence[Arrived]) -> dict[StreamKey, StreamAck]:
        acks = super().ingest(arrived)
        self.left -= 1
        if not self.left:
            os.kill(os.getpid(), signal.SIGKILL)
        return acks


if __name__ == "__main__":
    with DiesAfterCommit(open_writable(sys.argv[1])) as store:
        store.left = int(sys.argv[3])
        with Record(Mqtt(host="127.0.0.1", port=int(sys.argv[2]), tls=False), store):
            time.sleep(60)
