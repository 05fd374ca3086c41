"""`make faults`: break everything on purpose, and print what came of it.

python -m tests.faults [--quick] [--only NAME ...]
"""

import argparse
import sys
import time
from collections.abc import Callable

from tests.faults import (
    card,
    delivery,
    disk,
    flood,
    hardware,
    histories,
    interleave,
    load,
    node_kills,
    presence,
    sensors,
    spoof,
    web,
    week,
)
from tests.faults.gym import Verdict

ROWS: dict[str, Callable[[bool], Verdict]] = {
    "interleave": interleave.interleavings,
    "broker": delivery.broker_kills,
    "partitions": delivery.partitions,
    "edge": node_kills.node_kills,
    "outbox": delivery.station_kills,
    "record": delivery.record_kills,
    "chaos": delivery.chaos,
    "image": card.restored,
    "full": disk.full,
    "card": card.read_only,
    "io": disk.every_operation,
    "power": disk.power_cuts,
    "unplug": hardware.unplugs,
    "reset": hardware.resets,
    "corrupt": hardware.corrupt,
    "sensors": sensors.sensors,
    "ticks": sensors.ticks,
    "clock": hardware.wall_clock,
    "state": presence.presence,
    "stations": load.stations,
    "ports": load.ports,
    "attack": load.attack,
    "flood": flood.flood,
    "restored": histories.restored,
    "two-records": histories.two_records,
    "spoof": spoof.spoof,
    "web": web.web,
    "week": week.week,
    "soak": load.soak,
}


def main() -> int:
    """Run the rows asked for; 1 when one of them did not pass."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few of each fault: about a minute")
    parser.add_argument("--only", nargs="+", choices=ROWS, default=list(ROWS), metavar="NAME")
    args = parser.parse_args()
    failed, begun_s = 0, time.monotonic()
    for name in args.only:
        start_s = time.monotonic()
        try:
            verdict = ROWS[name](args.quick)
        except Exception as error:  # noqa: BLE001 - the rows behind it are worth having
            verdict = Verdict(name, f"did not run: {type(error).__name__}: {error}", False)
        failed += not verdict.passed
        took_s = time.monotonic() - start_s
        mark = "ok  " if verdict.passed else "FAIL"
        print(f"{mark} {verdict.name}  [{took_s:.0f} s]\n     {verdict.numbers}", flush=True)
    print(f"{len(args.only) - failed} of {len(args.only)} passed in {time.monotonic() - begun_s:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
