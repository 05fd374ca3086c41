"""`make pi`: the program on a Raspberry Pi's processor, under qemu-user in a Debian root of arm64.

    wheel, cross-built and repaired -> pip in the root -> the README's commands -> tests/kernels, tests/edge
    -> golden sessions against this machine's -> instructions of a node at 1 kHz

python -m tests.packaging.pi [--only PART ...]        parts: commands kernels edge golden node
"""

import argparse
import json
import math
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.benchmarks.node import OVER
from tests.packaging.roots import HERE, TO_ENTER, TO_MAKE, Layer, need
from tests.packaging.wheels import ROOT, fetch, tools, wheel

PARTS = ("commands", "golden", "node", "kernels", "edge")
PROGRAM = "/opt/plumbline/1/bin"
LOGS = ROOT / "build" / "pi"
TOLERANCE = 1e-9  # libm differs in the last bits; what is counted may not
SESSIONS = (
    *(("--exercise", name) for name in ("rdl", "deadlift", "back-squat", "bench-press", "cable-row")),
    *(("--exercise", name) for name in ("good-morning", "broomstick-hinge", "banded-hinge")),
    ("--exercise", "cable-pull-through"),
    *(("--scenario", name) for name in ("drop-last", "bad-line", "two-tethers", "platform", "tether-slap")),
)  # fmt: skip
INSTALL = f"""\
python3 -m venv /opt/plumbline/1
export PIP_NO_INDEX=1 PIP_FIND_LINKS=/given/wheels PIP_DISABLE_PIP_VERSION_CHECK=1
{PROGRAM}/pip install --quiet 'plumbline-gym[test]'
{PROGRAM}/plumbline --version; uname -m
{PROGRAM}/python -c 'import kernels._counter as one; print(one.__file__)'
"""
COMMANDS = f"""\
cd /tmp
{PROGRAM}/plumbline demo --plain --for 240 > demo.log || {{ cat demo.log; exit 1; }}
grep ' rep ' demo.log || {{ tail -n 5 demo.log; exit 1; }}
set_of_six="--exercise rdl --reps 6 --seed 4"
{PROGRAM}/plumbline simulate $set_of_six --out rec.csv.gz --truth truth.json --station-out rack.toml
{PROGRAM}/plumbline analyze rec.csv.gz --station rack.toml --exercise rdl
"""
TESTS = f"""\
cd /given/check
export PYTHONPATH=/given/check PLUMBLINE_PATIENCE=10
{PROGRAM}/pytest -n 2 --timeout 1800 -m 'not long' -p no:cacheprovider {{}}
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.packaging.pi", description=__doc__)
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS)
    args = parser.parse_args()
    emulators = (
        ["qemu-aarch64-static:qemu-user-static", "qemu-aarch64:qemu-user", "gcc"] if HERE != "arm64" else []
    )
    need([*tools("arm64"), *emulators, *TO_MAKE, *TO_ENTER], "pi")
    LOGS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="plumbline-pi-") as name:
        given = Path(name)
        wheels = given / "wheels"
        made = wheel("arm64", wheels)
        say(f"{made.name}, {made.stat().st_size / 1e6:.2f} MB")
        fetch("arm64", [f"{made}[test]"], wheels)
        _lay_out(given / "check")
        with Layer("arm64", given) as layer:
            steps = {"install": lambda: layer.run(INSTALL, log=LOGS / "install.log")}
            steps["commands"] = lambda: layer.run(COMMANDS, log=LOGS / "commands.log")
            steps["golden"] = lambda: golden(layer, given)
            steps["node"] = lambda: node(layer)
            for part in ("kernels", "edge"):
                steps[part] = lambda part=part: layer.run(
                    TESTS.format(f"tests/{part}"), log=LOGS / f"{part}.log"
                )
            bad = []
            for part in ("install", *args.only):
                start_s = time.monotonic()
                status = steps[part]()
                bad += [part] if status else []
                log = LOGS / f"{part}.log"
                last = (
                    (log.read_text(encoding="utf-8").strip() or "\n").splitlines()[-1] if log.exists() else ""
                )
                took_s, how = time.monotonic() - start_s, f"status {status}" if status else "well"
                say(f"{part}: {how}, {took_s:.0f} s; {last}")
                if bad == ["install"]:
                    break
    say(f"not well: {', '.join(bad)}; see {LOGS.relative_to(ROOT)}" if bad else "all well")
    return 1 if bad else 0


def golden(layer: Layer, given: Path) -> int:
    """Sessions simulated here, analysed here and there: the same counts, numbers within TOLERANCE."""
    folder = given / "golden"
    folder.mkdir()
    script, names = ["cd /given/golden"], []
    for number, words in enumerate(SESSIONS):
        name = f"{number}"
        plumbline = [sys.executable, "-m", "station.cli"]
        outs = ["--out", folder / f"{name}.csv", "--station-out", folder / f"{name}.toml"]
        subprocess.run(
            [*plumbline, "simulate", *words, "--seed", "11", *outs], check=True, stdout=subprocess.DEVNULL
        )
        for recording in sorted(folder.glob(f"{name}*.csv")):
            station = recording.with_suffix(".toml")
            exercise = station.read_text(encoding="utf-8").split('exercise = "')[1].split('"')[0]
            analyse = ["analyze", recording.name, "--station", station.name, "--exercise", exercise, "--json"]
            here = subprocess.run(
                [*plumbline, *analyse], cwd=folder, check=True, capture_output=True, text=True
            )
            recording.with_suffix(".here").write_text(here.stdout, encoding="utf-8")
            script.append(f"{PROGRAM}/plumbline {' '.join(analyse)} > {recording.stem}.there")
            names.append(recording.stem)
    status = layer.run("\n".join(script))
    worst, reps, numbers, bad = 0.0, 0, 0, []
    for name in names if not status else ():
        here, there = (json.loads((folder / f"{name}.{side}").read_text()) for side in ("here", "there"))
        reps += sum(len(one["reps"]) for one in here["sets"])
        for path, a, b in _pairs(here, there, ""):
            if isinstance(a, float) and isinstance(b, float):
                numbers, worst = numbers + 1, max(worst, abs(a - b))
            if a != b and not (isinstance(a, float) and isinstance(b, float) and abs(a - b) <= TOLERANCE):
                bad.append(f"{name}{path}: {a} here, {b} there")
    said = [
        *bad[:20],
        f"{len(names)} sessions, {reps} reps, {numbers} numbers, largest difference {worst:.1e}",
    ]
    (LOGS / "golden.log").write_text("\n".join(said) + "\n", encoding="utf-8")
    return status or bool(bad) or not reps


def _pairs(a: Any, b: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        for key in a:
            yield from _pairs(a[key], b[key], f"{path}.{key}")
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for number, pair in enumerate(zip(a, b, strict=True)):
            yield from _pairs(*pair, f"{path}[{number}]")
    else:
        yield path, a, b if not (isinstance(a, float) and isinstance(b, int)) else math.nan


def node(layer: Layer) -> int:
    """Instructions of a node's start, and of a second at 1 and at 4 boards; qemu counts them."""
    root = layer.path / "root"
    site = root / PROGRAM.lstrip("/") / "../lib/python3.11/site-packages"
    bench = [sys.executable, "-m", "tests.benchmarks.node", "--stations", "1", "4", "--seconds", "20"]
    under = ["--python", root / "usr/bin/python3.11", "--path", site, "--qemu", "qemu-aarch64", "-L", root]
    log = LOGS / "node.log"
    return layer.beside([*bench, *under], log=log) or OVER in log.read_text(encoding="utf-8")


def _lay_out(check: Path) -> None:
    """The tests and what they read, without the packages' own sources: those are the wheel's."""
    command = ["git", "ls-files", "tests", "edge/firmware", "docs", "pyproject.toml", "README.md"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    for path in listed.stdout.splitlines():
        (check / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, check / path)


def say(line: str) -> None:
    print(f"make pi: {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
