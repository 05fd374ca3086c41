"""The live values of many stations, at a pace, a connection each.

python -m tests.faults.crowd_live PORT NAME STATIONS LIVE_PER_S
"""

import sys
import time

from station.messages import LiveMessage, encode, now_utc
from station.records import Live
from station.topics import Address
from tests.faults.bare import connect, publish

TICK_S = 0.005


def main(port: str, name: str, stations: str, live_per_s: str) -> None:
    """Until killed."""
    topics = [Address("gym", f"{name}-{n}", "live").topic for n in range(int(stations))]
    connections = [connect(int(port), topic.replace("/", "-")) for topic in topics]
    start_s, sent = time.monotonic(), 0
    while True:
        due = int((time.monotonic() - start_s) * float(live_per_s) * len(topics))
        while sent < due:
            n = sent % len(topics)
            live = Live(
                session_s=time.monotonic(),
                position_m=1.0,
                velocity_mps=0.5,
                force_n=600.0,
                x_m=None,
                phase="concentric",
            )
            message = LiveMessage(event_id=f"{sent}", at_utc=now_utc(), session=name, live=live)
            connections[n].sendall(publish(topics[n], encode(message)))
            sent += 1
        time.sleep(TICK_S)


if __name__ == "__main__":
    main(*sys.argv[1:])
