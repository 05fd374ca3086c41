"""`make accuracy`: simulate every scenario with many lifters, score the pipeline, print the table.

python -m tests.accuracy [--seeds N] [--only SCENARIO ...] [--plots DIR] [--doubtful N] [--against README.md]
python -m tests.accuracy --disputes DIR

Ends with 1 where a figure is beyond its limit (tests.accuracy.limits) or differs from the README's; what is
asked is asked of all scenarios together, and `--only` some of them asks nothing.
"""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

from station.sim import list_scenarios, load_scenario
from tests.accuracy import doubt, limits, sweeps
from tests.accuracy.disputes import report
from tests.accuracy.limits import rms
from tests.accuracy.score import BEYOND, CLEAN, SIGMAS, TIMES, Score, draw_session, score_session

SEEDS = 18  # sessions of every station


def jobs(names: list[str], seeds: int) -> list[tuple[str, int, int]]:
    return [
        (name, seed, station)
        for name in names
        for seed in range(1, seeds + 1)
        for station in range(len(load_scenario(name).stations))
    ]


def row(name: str, score: Score) -> str:
    times = [abs(e) for key in TIMES for e in score.errors.get(key, [])]
    mcv = np.array(score.errors.get("mean_concentric_velocity_mps", [np.nan]))
    return (
        f"{name:<22} {score.exact_sets:>5}/{score.sets:<5} {score.found:>6}/{score.reps:<6} {score.ghosts:>4}"
        f"   {np.percentile(times, 95) * 1e3 if times else np.nan:6.0f}   {np.sqrt(np.mean(mcv**2)):7.4f}"
        f"   {np.percentile(score.lags_s, 95) * 1e3 if score.lags_s else np.nan:6.0f}"
    )


def sigma_row(name: str, score: Score) -> str:
    """The share of each number's errors within 2 of their sigma, and how many of all lie beyond 5."""
    cells = []
    for key in SIGMAS:
        off = np.abs(score.in_sigma.get(key, []))
        cells.append(f"{100.0 * np.mean(off < 2.0):8.1f}" if off.size else f"{'-':>8}")
    every = np.abs([one for values in score.in_sigma.values() for one in values])
    return f"{name:<22}{''.join(cells)}  {np.sum(~(every <= 5.0)):>7}/{every.size}"


def figures(label: str, score: Score) -> list[str]:
    exact = 100.0 * score.exact_sets / max(score.sets, 1)
    lines = [
        f"{label}: F1 {score.f1:.4f}, exact sets {exact:.2f} % of {score.sets}, {score.reps} reps, "
        f"{score.ghosts} ghosts in {score.hours:.1f} h"
    ]
    for key, values in sorted(score.errors.items()):
        if key.startswith("null"):
            lines.append(f"  {key:<34} differs in {len(values)} reps")
        else:
            e = np.array(values)
            within = f"95 % within {np.percentile(abs(e), 95):.4f}"
            lines.append(f"  {key:<34} n {e.size:>6}  bias {e.mean():+.4f}  rmse {rms(e):.4f}  {within}")
    for layout, pairs in sorted(score.path.items()):
        e, sigma = np.array(pairs).T
        lines.append(
            f"  path, {layout:<28} n {e.size:>6}  bias {e.mean() * 1e3:+.1f} mm  rmse {rms(e) * 1e3:.1f} mm"
            f"  within 2 sigma {100 * np.mean(abs(e) < 2 * sigma):.1f} %"
        )
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.accuracy")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--only", nargs="*", default=None)
    parser.add_argument("--plots", type=Path, metavar="DIR", help="draw the ten worst sessions")
    parser.add_argument("--doubtful", type=int, default=1000, help="sessions to try `confidence` on")
    parser.add_argument("--against", type=Path, metavar="README", help="hold its table against this run")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--disputes", type=Path, metavar="DIR", help="score `plumbline disputes export`s instead"
    )
    args = parser.parse_args()
    if args.disputes is not None:
        return report(args.disputes)
    names = args.only or list(list_scenarios())
    clean, adversarial = Score(), Score()
    by_name: dict[str, Score] = {name: Score() for name in names}
    todo = jobs(names, args.seeds)
    with ProcessPoolExecutor(args.processes) as pool:
        for done, (job, score) in enumerate(
            zip(todo, pool.map(score_session, *zip(*todo, strict=True), chunksize=4), strict=True), 1
        ):
            by_name[job[0]].add(score)
            (clean if job[0] in CLEAN else adversarial).add(score)
            if sys.stderr.isatty():
                print(f"\r{done}/{len(todo)} sessions", end="", file=sys.stderr)
    print("\nscenario               exact sets      found/reps   ghosts  tempo p95  MCV rmse  lag p95 (ms)")
    for name in names:
        print(row(name, by_name[name]))
    print("\nwithin 2 sigma, %          ROM     MCV     PCV     ecc  bottom     con     top   beyond 5 sigma")
    for name in names:
        print(sigma_row(name, by_name[name]))
    print(sigma_row("clean", clean))
    print(sigma_row("adversarial", adversarial))
    print()
    print("\n".join(figures("clean", clean)))
    print("\n".join(figures("adversarial", adversarial)))
    beyond: list[str] = []
    if not args.only:
        scores = dict(zip(limits.GROUPS, (clean, adversarial), strict=True))
        lines, beyond = limits.beside_limits(scores)
        beyond += limits.beyond_by_scenario(by_name)
        if args.against is not None:
            beyond += limits.differing(args.against.read_text(encoding="utf-8"), scores)
        with ProcessPoolExecutor(args.processes) as pool:
            swept = sweeps.check(pool, args.seeds / SEEDS)
        doubted = doubt.check(args.doubtful, args.processes)
        print("\n".join([*lines, *swept, *doubted]))
        beyond += [line for line in (*swept, *doubted) if line.endswith(BEYOND)]
    worst = sorted(clean.worst + adversarial.worst, reverse=True)[:10]
    print("worst sets (scenario, seed, station): " + "; ".join(f"{n} {s} {i}" for _, n, s, i in worst))
    if args.plots:
        args.plots.mkdir(parents=True, exist_ok=True)
        for _, name, seed, station in worst:
            draw_session(args.plots / f"{name}-{seed}-{station}.png", name, seed, station)
        print(f"drawn into {args.plots}")
    print("\n".join(f"beyond: {one}" for one in beyond))
    return 1 if beyond else 0


if __name__ == "__main__":
    sys.exit(main())
