"""`plumbline simulate`: a set, or a whole station, without hardware."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from station.config import Mqtt
from station.errors import RecordingError
from station.exercises import load_profile
from station.sim.demo import run_demo
from station.sim.recording import station_toml, write_recording, write_truth
from station.sim.session import simulate_set, with_seed

EXAMPLES = """\
examples:
  plumbline simulate --exercise rdl --reps 8 --out rec.csv.gz --truth truth.json --station-out rack.toml
  plumbline simulate --demo /tmp/gym --mqtt 127.0.0.1:1883
"""


def _broker(text: str) -> Mqtt:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or not 0 < int(port) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT, e.g. 127.0.0.1:1883")
    return Mqtt(host=host, port=int(port), tls=False)


def simulate(argv: Sequence[str]) -> int:
    """Simulate a set to a recording with its truth."""
    parser = argparse.ArgumentParser(
        prog="plumbline simulate",
        description="Simulate a lifter at an instrumented station.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--exercise", metavar="NAME", help="one of the exercises, e.g. rdl")
    parser.add_argument("--reps", type=int, default=8, metavar="N", help="reps per set (default 8)")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="the same seed gives the same bits")
    parser.add_argument("--out", type=Path, metavar="REC.csv", help="recording to write; .gz compresses")
    parser.add_argument("--truth", type=Path, metavar="TRUTH.json", help="what really happened")
    parser.add_argument("--station-out", type=Path, metavar="STATION.toml", help="the station file that fits")
    parser.add_argument(
        "--demo", type=Path, metavar="DIR", help="four stations on pseudo-terminals until stopped"
    )
    parser.add_argument("--mqtt", type=_broker, metavar="HOST:PORT", help="broker named in the demo's files")
    args = parser.parse_args(argv)
    if args.demo is not None:
        return run_demo(args.demo, args.mqtt, args.seed)
    if args.exercise is None:
        parser.error("say what to simulate: --exercise NAME")
    if args.reps < 1:
        parser.error(f"--reps is {args.reps}; a set has at least 1")
    simulated = simulate_set(load_profile(args.exercise), reps=args.reps, rng=with_seed(args.seed))
    try:
        if args.out:
            write_recording(args.out, simulated.recording)
        if args.truth:
            write_truth(args.truth, simulated.truth)
        if args.station_out:
            args.station_out.write_text(station_toml(simulated.station), encoding="utf-8")
    except OSError as error:
        raise RecordingError(f"{error.filename}: cannot be written ({error.strerror})") from error
    seconds = simulated.motion.time_s[-1]
    print(f"{simulated.exercise}: {args.reps} reps in {seconds:.1f} s, seed {args.seed}")
    return 0
