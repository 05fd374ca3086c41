"""The reps of many stations in one process, at a pace; each with its own connection and stream.

python -m tests.faults.crowd OUTBOX PORT NAME STATIONS REPS_PER_S LOG
"""

import os
import sys
import time
from pathlib import Path

from edge.delivery.outbox import Outbox
from edge.delivery.publisher import Publisher
from station.config import Mqtt
from tests.faults.station import make_rep


def main(path: str, port: str, name: str, stations: str, reps_per_s: str, log: str) -> None:
    """Until killed; no reps once a file "stop" lies beside the log."""
    to, stop = os.open(log, os.O_WRONLY | os.O_APPEND), Path(log).with_name("stop")
    outbox = Outbox(Path(path))
    mqtt = Mqtt(host="127.0.0.1", port=int(port), tls=False)
    ids = [f"{name}-{n}" for n in range(int(stations))]
    publisher = Publisher(outbox, dict.fromkeys(ids, mqtt), dict.fromkeys(ids, name))
    publisher.start()
    while not all(publisher.senders[station].connection.connected for station in ids):
        time.sleep(0.1)
    start_s, reps = time.monotonic(), 0
    while publisher.alive:
        if not stop.exists() and reps < (time.monotonic() - start_s) * float(reps_per_s):
            reps += 1
            rep, station = f"{name}-{reps}", ids[reps % len(ids)]
            os.write(to, f"issue {rep}\n".encode())
            (seq,) = outbox.append(station, [make_rep(rep)])
            os.write(to, f"commit {rep} {outbox.stream(station)} {seq}\n".encode())
            publisher.wake()
        time.sleep(0.002)
    raise SystemExit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
