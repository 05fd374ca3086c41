"""From the true lockout to the ears: tests.benchmarks.latency with one station's own screen at its end.

The player is a program that does nothing: what is measured ends when it has been started. What the machine's
sound needs from there on is not ours to see.
"""

import os
import sys
import tempfile
from pathlib import Path

import numpy as np

from tests.benchmarks.latency import PARTS, measure

FOR_S = 90.0
STATION = "rack-1"


def run(for_s: float = FOR_S) -> list[str]:
    """Lines to print: p50 and p95 of the whole and of its parts."""
    with tempfile.TemporaryDirectory(prefix="plumbline-bench-") as folder:
        player = Path(folder) / "pw-play"
        player.write_text("#!/bin/sh\n", encoding="utf-8")
        player.chmod(0o755)
        path, os.environ["PATH"] = os.environ["PATH"], f"{folder}:{os.environ['PATH']}"
        try:
            rows = measure(for_s, ("screen", STATION, "--sound", "tones"))
        finally:
            os.environ["PATH"] = path
    if not rows:
        return ["lockout to sound: no rep came through"]
    columns = [*np.array(rows).T, np.sum(rows, axis=1)]
    lines = [f"lockout to sound, {len(rows)} reps at {STATION}: p50 and p95, ms"]
    for name, column in zip(
        (*PARTS[:-1], "screen: drain, hear, start player", "in total"), columns, strict=True
    ):
        middle, late = np.percentile(column, [50, 95]) * 1e3
        lines.append(f"  {name:<34} {middle:6.0f} {late:6.0f}")
    return lines


if __name__ == "__main__":
    print("\n".join(run(float(sys.argv[1]) if len(sys.argv) > 1 else FOR_S)))
