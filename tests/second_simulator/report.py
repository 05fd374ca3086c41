"""The tables that `python -m tests.second_simulator` prints."""

from collections import defaultdict
from collections.abc import Callable, Iterable

import numpy as np

from tests.second_simulator.scoring import NUMBERS, Score

_Split = Callable[[Score], str]


def report(scores: list[Score], only: str | None, level: str | None) -> str:
    broken = [one for one in scores if one.failure]
    whole = [one for one in scores if not one.failure]
    lines = [f"{one.kind} {one.seed}: {one.failure}" for one in broken[:10]]
    lines += _counts("all", whole, lambda _: "all")
    lines += _counts("kind", whole, lambda one: one.kind)
    lines += _counts("sensors", whole, lambda one: one.level)
    lines += _numbers(whole, lambda _: "all", list(NUMBERS))
    lines += _numbers(whole, lambda one: one.level, list(NUMBERS))
    lines += _numbers(whole, _sensors, ["path_deviation_m"])
    lines += _confidence(whole)
    lines += _rest(whole)
    lines += _worst(scores, only, level)
    return "\n".join(lines)


def _sensors(score: Score) -> str:
    return [*score.name.split(", "), ""][3]


def _groups(scores: Iterable[Score], split: _Split) -> dict[str, list[Score]]:
    groups: dict[str, list[Score]] = defaultdict(list)
    for one in scores:
        groups[split(one)].append(one)
    return dict(sorted(groups.items()))


def _counts(word: str, scores: list[Score], split: _Split) -> list[str]:
    head = f"\n{word:14} sessions   true counted missed  many  ghosts idle_h  F1       sets exact, apart"
    lines = [head]
    for name, group in _groups(scores, split).items():
        true, missed = sum(o.true for o in group), sum(len(o.missed) for o in group)
        many = sum(len(o.too_many) for o in group)
        f1 = 2.0 * (true - missed) / max(1.0, 2.0 * (true - missed) + missed + many)
        lines.append(
            f"{name:14} {len(group):8} {true:6} {sum(o.counted for o in group):7} {missed:6} {many:5}"
            f" {sum(o.ghosts for o in group):7} {sum(o.idle_s for o in group) / 3600:6.1f}  {f1:.5f}"
            f"  {sum(o.sets_exact for o in group)} of {sum(o.sets for o in group)},"
            f" {sum(o.sets_apart for o in group)}"
        )
    return lines


def _numbers(scores: list[Score], split: _Split, names: list[str]) -> list[str]:
    lines = [f"\n{'number':32} {'':9} {'n':>6} {'bias':>8} {'RMSE':>8} {'in 2σ %':>8} {'>5σ':>5} {'null':>5}"]
    for name in names:
        for group_name, group in _groups(scores, split).items():
            pairs = np.array([pair for one in group for pair in one.errors.get(name, [])]).reshape(-1, 2)
            if not len(pairs):
                continue
            error, sigma = pairs.T
            ratio = np.abs(error) / np.maximum(sigma, 1e-9)
            known = np.isfinite(sigma)
            within = 100.0 * np.mean(ratio[known] <= 2.0)
            far = int((ratio[known] > 5.0).sum())
            absent = sum(one.absent.get(name, 0) for one in group)
            lines.append(
                f"{name:32} {group_name:9} {len(error):6} {error.mean():8.4f}"
                f" {np.sqrt((error**2).mean()):8.4f} {within:8.1f} {far:5} {absent:5}"
            )
    return lines


def _confidence(scores: list[Score]) -> list[str]:
    pairs = np.array([pair for one in scores for pair in one.confidence], dtype=float).reshape(-1, 2)
    lines = ["\nconfidence      n    said    true"]
    if not len(pairs):
        return lines
    bins = np.minimum(9, (pairs[:, 0] * 10).astype(int))
    for n in range(10):
        here = pairs[bins == n]
        if len(here):
            said, true = here.mean(axis=0)
            off = "  off" if len(here) >= 100 and abs(said - true) > 0.05 else ""
            lines.append(f"{n / 10:.1f} to {n / 10 + 0.1:.1f} {len(here):6}  {said:6.3f}  {true:6.3f}{off}")
    return lines


def _rest(scores: list[Score]) -> list[str]:
    lines = [""]
    asked = sum(len(pairs) for one in scores for pairs in one.errors.values())
    lines.append(f"numbers asked for {asked}, not asked for {sum(one.unsure for one in scores)}")
    heel = np.array([e for one in scores for e in one.heel])
    if len(heel):
        lines.append(f"heel_pct: {len(heel)} reps, largest error {np.abs(heel).max():.2f} points")
    loads = np.array([e for one in scores for e in one.loads])
    if len(loads):
        far = int((np.abs(loads) > 0.02).sum())
        doubted = sum(one.loads_doubted for one in scores)
        lines.append(f"right load called another: {doubted} of {len(loads)} sets")
        lines.append(f"load: {len(loads)} sets, beyond 2 %: {far}, largest {100 * np.abs(loads).max():.1f} %")
    for word in ("heel_pct", "load_measured_kg"):
        lines.append(f"{word} null though seen: {sum(one.absent.get(word, 0) for one in scores)}")
    pins = [pin for one in scores for pin in one.pins]
    wrong, right = [r for w, r in pins if w], [r for w, r in pins if not w]
    if wrong and right:
        lines.append(
            f"wrong pin found {sum(wrong)} of {len(wrong)}, falsely {len(right) - sum(right)} of {len(right)}"
        )
    return lines


def _worst(scores: list[Score], only: str | None, level: str | None) -> list[str]:
    lines = ["\nworst sessions (replay: python -m tests.second_simulator … --plot SEED)"]
    for one in sorted(scores, key=lambda one: -one.badness)[:10]:
        if one.badness <= 0.0:
            break
        given = (f"--only {only} " if only else "") + (f"--level {level} " if level else "")
        lines.append(
            f"  {given}--plot {one.seed}: {one.name}:"
            f" missed {_times(one.missed)}, too many {_times(one.too_many)},"
            f" {int(one.badness % 100)} numbers beyond 5 sigma {one.failure}"
        )
    return lines


def _times(seconds: list[float]) -> str:
    return "-" if not seconds else "/".join(f"{at:.1f}" for at in seconds[:5])
