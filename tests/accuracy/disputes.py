"""Score the kernel on what people have disputed: folders of `plumbline disputes export`."""

import sys
from dataclasses import dataclass
from pathlib import Path

from edge.counting.dispute import Dispute
from edge.tools.dispute_replay import differences, nearest, read_dispute, replay
from station.errors import PlumblineError


@dataclass
class Case:
    """One dispute: how many reps a person says there were, and what of them is found today."""

    name: str
    reps: int = 0
    found: int = 0
    ghosts: int = 0
    judged: bool = False  # a person has said something
    same: bool = False  # as the node counted when it was kept
    trouble: str = ""

    @property
    def exact(self) -> bool:
        return self.found == self.reps and not self.ghosts


def score_dispute(folder: Path) -> Case:
    """Count it once more, against what stands after the person's word."""
    case = Case(folder.name)
    try:
        dispute = read_dispute(folder)
        replayed = replay(folder, dispute)
    except PlumblineError as error:
        case.trouble = str(error)
        return case
    case.same = not differences(dispute, replayed)
    case.judged = any(one.mark is not None or one.added for one in dispute.verdicts)
    counted = [one for one in replayed.reps if one.state != "rejected" and one.rep.counted]
    counted = [one for one in counted if _within(dispute, one.rep.start_s)]
    truth = [one for one in dispute.verdicts if one.state != "rejected" and one.rep.counted]
    case.reps = len(truth)
    for verdict in truth:
        match = None if verdict.added else nearest(counted, verdict.rep)
        if match is not None:
            counted.remove(match)
            case.found += 1
    # Nobody knows when a rep that was added had been: any that is left may be it.
    added = min(sum(one.added for one in truth), len(counted))
    case.found += added
    case.ghosts = len(counted) - added
    return case


def report(folder: Path) -> int:
    """Print a line for each; 1 where one cannot be read or there is none."""
    cases = (
        [score_dispute(path) for path in sorted(folder.iterdir()) if path.is_dir()] if folder.is_dir() else []
    )
    if not cases:
        print(f"{folder}: no disputes there; make some with `plumbline disputes export`", file=sys.stderr)
        return 1
    print("dispute                            found/reps  ghosts  as counted then")
    for case in cases:
        if case.trouble:
            print(f"{case.name:<34} {case.trouble}")
            continue
        judged = "" if case.judged else "  (nobody has judged it)"
        same = "same" if case.same else "differs"
        print(f"{case.name:<34} {case.found:>5}/{case.reps:<5} {case.ghosts:>6}  {same}{judged}")
    told = [case for case in cases if case.judged and not case.trouble]
    reps, found, ghosts = (sum(getattr(c, key) for c in told) for key in ("reps", "found", "ghosts"))
    f1 = 2.0 * found / (reps + found + ghosts) if reps + ghosts else 1.0
    exact = sum(case.exact for case in told)
    print(
        f"\ndisputes: F1 {f1:.4f}, {exact} of {len(told)} judged sets exact, {ghosts} ghosts in {reps} reps"
    )
    return 1 if any(case.trouble for case in cases) else 0


def _within(dispute: Dispute, start_s: float) -> bool:
    return dispute.from_s - 1.0 <= start_s <= dispute.to_s + 1.0
