"""A station that issues numbered reps and says on a log what it issued and what it committed.

python -m tests.faults.station OUTBOX PORT STATION RUN COUNT PER_S LOG
"""

import os
import sys
import time
from pathlib import Path

import msgspec

from edge.delivery.outbox import Outbox
from edge.delivery.publisher import Publisher
from station.config import Mqtt
from station.errors import StoreError
from station.messages import HealthMessage, RepMessage, new_id, now_utc
from station.records import Rep
from tests.faults.gym import velocity_of


def make_rep(name: str) -> RepMessage:
    """A rep by its name."""
    fields = {field.name: None for field in msgspec.structs.fields(Rep)}
    fields |= {"number": 1, "counted": True, "start_s": 1.0, "end_s": 4.0, "concentric_s": 1.0}  # type: ignore[dict-item]
    fields |= {"concentric_start_s": 3.0, "concentric_end_s": 4.0}  # type: ignore[dict-item]
    fields["mean_concentric_velocity_mps"] = velocity_of(name)  # type: ignore[assignment]
    return RepMessage(
        event_id=name,
        at_utc=now_utc(),
        stream="",
        seq=1,
        session=name.rsplit("-", 1)[0],
        session_s=4.0,
        revision=1,
        state="confirmed",
        exercise="romanian-deadlift",
        set_number=1,
        rep=Rep(**fields),  # type: ignore[arg-type]
    )


def health(outbox: Outbox, station: str, run: str) -> HealthMessage:
    """What a node says every second of what it has sent."""
    counts = ("frames", "frames_lost", "frames_corrupt", "samples_rejected", "bytes_discarded")
    return HealthMessage(
        event_id=new_id(),
        at_utc=now_utc(),
        session=run,
        session_s=time.monotonic(),
        link_up=True,
        clock_drift_ppm=None,
        outbox_depth=outbox.depth(station),
        settled=outbox.settled(station),
        **dict.fromkeys(counts, 0),  # type: ignore[arg-type]
    )


def main(path: str, port: str, station: str, run: str, count: str, per_s: str, log: str) -> None:
    """Issue, then keep sending until killed."""
    to = os.open(log, os.O_WRONLY | os.O_APPEND)
    stop = Path(log).with_name("stop")
    outbox = Outbox(Path(path))
    publisher = Publisher(
        outbox, {station: Mqtt(host="127.0.0.1", port=int(port), tls=False)}, {station: run}
    )
    publisher.start()
    for n in range(1, int(count) + 1):
        if stop.exists():
            break
        name = f"{run}-{n}"
        os.write(to, f"issue {name}\n".encode())
        while True:
            try:
                (seq,) = outbox.append(station, [make_rep(name)])
                break
            except StoreError:
                time.sleep(0.05)
        os.write(to, f"commit {name} {outbox.stream(station)} {seq}\n".encode())
        publisher.wake()
        if float(per_s):
            time.sleep(1.0 / float(per_s))
    while publisher.alive:
        publisher.senders[station].retain(health(outbox, station, run))
        time.sleep(1.0)
    raise SystemExit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
