"""Which of the kernels' constants matter: each is moved by a third and by half, and all is counted again.

python -m tests.accuracy.ablate [--only NAME ...] [--every N]
                                [--recordings FILE ... --station FILE --exercise NAME]

A constant that changes nothing anywhere is not needed, or nothing tries it. Each is moved in a copy of the
project, of which one kernel is compiled anew. A second or a metre is moved like a share: by a factor.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from edge.link.recording import read_recording
from edge.tools.analysis import analyse
from station.config import load_station
from station.exercises import load_profile
from station.sim import list_scenarios, load_scenario, simulate_station, with_seed
from tests.accuracy.doubt import draw_plan
from tests.accuracy.score import run_pipeline

ROOT = Path(__file__).parents[2]
FACTORS = (0.67, 1.5)
NUMBER = re.compile(
    r"^(?:cdef (?:double|int|long long) )?(?P<name>[A-Z][A-Z0-9_]+)"
    r" = (?P<value>-?[0-9.]+(?:e-?[0-9]+)?)\s*(?:#.*)?$"
)
UNITS = {"GRID_S", "G_MPS2", "PI"}  # not for anyone to choose


class Constant(NamedTuple):
    """One named number of a kernel."""

    path: str  # in the project
    line: int  # from 0
    name: str
    value: str


def constants(folder: Path) -> Iterator[Constant]:
    """Every number that a kernel's source names."""
    for path in sorted((folder / "kernels").glob("_*.pyx")):
        for line, text in enumerate(path.read_text().splitlines()):
            found = NUMBER.match(text)
            if found and found["name"] not in UNITS and float(found["value"]) != 0.0:
                yield Constant(str(path.relative_to(folder)), line, found["name"], found["value"])


def moved(value: str, factor: float) -> str:
    """The number moved; a whole one stays whole, and moves."""
    if "." in value or "e" in value:
        return repr(float(value) * factor)
    whole = round(int(value) * factor)
    return str(whole if whole != int(value) else whole + (1 if factor > 1.0 else -1))


def copy_with(constant: Constant, factor: float, folder: Path) -> None:
    """A copy of the project with one constant moved. Raises CalledProcessError where it does not compile."""
    for name in ("kernels", "station", "edge", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(ROOT / name, folder / name)
    path = folder / constant.path
    lines = path.read_text().splitlines(keepends=True)
    lines[constant.line] = lines[constant.line].replace(
        f"= {constant.value}", f"= {moved(constant.value, factor)}", 1
    )
    path.write_text("".join(lines))
    build = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    subprocess.run(build, cwd=folder, check=True, capture_output=True)


def everything(
    every: int, recordings: list[str], station: str | None, exercise: str | None
) -> dict[str, Any]:
    """What is counted and measured: of each `every`-th station of all scenarios, and of recordings."""
    found: dict[str, Any] = {}
    names = [(name, k) for name in list_scenarios() for k in range(len(load_scenario(name).stations))]
    for name, k in names[::every]:
        found[f"{name} {k}"] = _said(simulate_station(load_scenario(name).stations[k], with_seed(7000 + k)))
    for seed in range(1, 60, every):
        found[f"drawn {seed}"] = _said(simulate_station(draw_plan(seed), with_seed(seed)))
    for path in recordings:
        assert station is not None
        assert exercise is not None
        said = analyse(read_recording(Path(path)), load_station(Path(station)), load_profile(exercise))
        found[path] = str(said)
    return found


def _said(simulated: Any) -> list[Any]:
    reps, rejected, announced = run_pipeline(simulated, block_s=5.0)
    return [
        [[event.set_number, event.rep.counted] for event in reps],
        [str(event.rep) for event in reps],
        [[round(one.start_s, 2), one.reason_code] for one in rejected],
        sorted(announced.items()),
    ]


def differences(usual: dict[str, Any], now: dict[str, Any]) -> str:
    """In how many sessions counts, numbers, what was no rep, and the announcements are others."""
    parts = ("counts", "numbers", "no reps", "times")
    changed = {
        part: sum(
            (one[k] != now[name][k]) if isinstance(one, list) else (one != now[name])
            for name, one in usual.items()
        )
        for k, part in enumerate(parts)
    }
    return ", ".join(f"{part} {count}" for part, count in changed.items() if count) or "NOTHING"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.accuracy.ablate")
    parser.add_argument("--only", nargs="*", help="names of constants")
    parser.add_argument("--every", type=int, default=1, help="look at each N-th session only")
    parser.add_argument("--recordings", nargs="*", default=[], help="recordings to analyse as well")
    parser.add_argument("--station", help="their station file")
    parser.add_argument("--exercise", help="their exercise")
    parser.add_argument("--print", action="store_true", help="print what is counted here, for the comparison")
    args = parser.parse_args()
    if args.print:
        print(json.dumps(everything(args.every, args.recordings, args.station, args.exercise)))
        return 0
    again = [sys.executable, "-m", "tests.accuracy.ablate", "--print", "--every", str(args.every)]
    for option in ("station", "exercise"):
        if getattr(args, option):
            again += [f"--{option}", str(getattr(args, option))]
    again += ["--recordings", *args.recordings] if args.recordings else []

    def count(folder: Path) -> dict[str, Any]:
        done = subprocess.run(
            again, cwd=folder, check=True, capture_output=True, env={"PYTHONPATH": str(folder)}
        )
        return dict(json.loads(done.stdout))

    usual = count(ROOT)
    print(f"{len(usual)} sessions; in how many of them something is another")
    for constant in constants(ROOT):
        if args.only and constant.name not in args.only:
            continue
        for factor in FACTORS:
            with tempfile.TemporaryDirectory(prefix="plumbline-ablate-") as folder:
                try:
                    copy_with(constant, factor, Path(folder))
                    said = differences(usual, count(Path(folder)))
                except subprocess.CalledProcessError as failed:
                    said = f"fails: {(failed.stderr or b'').decode().splitlines()[-1:]}"
            print(
                f"{constant.path:<24} {constant.name:<18} {constant.value:>8} x {factor:<5} {said}",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
