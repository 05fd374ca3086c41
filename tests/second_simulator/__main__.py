"""`python -m tests.second_simulator`: sessions through the counter, and tables of what came of it."""

import argparse
import multiprocessing
import sys
from functools import partial
from pathlib import Path

from tests.second_simulator.report import report
from tests.second_simulator.scoring import Score, score_seed
from tests.second_simulator.sensors import LEVELS
from tests.second_simulator.sessions import KINDS, make


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.second_simulator", description=__doc__)
    parser.add_argument("--reps", type=int, default=4000, help="as many true reps, or some more")
    parser.add_argument("--seed", type=int, default=1, help="of the first session; the next has the next")
    parser.add_argument("--only", choices=list(KINDS), help="sessions of this kind alone")
    parser.add_argument("--level", choices=list(LEVELS), help="sensors of this level alone")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument(
        "--plot", type=int, metavar="SEED", help="draw one session and say what was said of it"
    )
    parser.add_argument("--span", type=float, nargs=2, metavar=("FROM", "TO"), help="of the drawing, seconds")
    parser.add_argument("--out", type=Path, default=Path("/tmp/session.png"), help="the drawing")
    parser.add_argument(
        "--write", type=Path, metavar="DIR", help="with --plot: recording, station file, truth"
    )
    args = parser.parse_args()
    if args.plot is not None:
        session = make(args.plot, args.only, args.level)
        from tests.second_simulator.drawing import draw, write  # noqa: PLC0415 - matplotlib is slow

        print(draw(session, args.out, tuple(args.span) if args.span else None))
        print(args.out)
        if args.write:
            print(write(session, args.write))
        return 0
    scores: list[Score] = []
    most = args.reps if not (args.only or "").startswith("idle") else 0
    work = partial(score_seed, kind=args.only, level=args.level)
    seeds = range(args.seed, args.seed + (1_000_000 if most else max(1, args.reps // 50)))
    with multiprocessing.Pool(args.jobs) as pool:
        results = map(work, seeds) if args.jobs == 1 else pool.imap(work, seeds, chunksize=4)
        done = 0
        for score in results:
            scores.append(score)
            done += score.true
            if len(scores) % 20 == 0 and sys.stderr.isatty():
                print(f"\r{done} reps, {len(scores)} sessions", end="", file=sys.stderr)
            if most and done >= most:
                break
        pool.terminate()
    print(report(scores, args.only, args.level))
    return 0


if __name__ == "__main__":
    sys.exit(main())
