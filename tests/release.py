"""`make release`: everything that must be so before a version is uploaded, and the files to upload.

    clean tree -> version and changelog agree -> tests, lint -> figures within limits, and as README.md says
    -> sdist, and a wheel of each processor -> those for this machine, installed somewhere else, count a set

python -m tests.release [--dry] [--quick]

--dry stops before anything is built or run. --quick is the rehearsal: without the tests, with the figures of
fewer lifters, and past what stands in the way of a release, which it names at the end.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import venv
from datetime import date
from pathlib import Path

from tests.packaging.roots import HERE, MACHINES, TO_MAKE
from tests.packaging.wheels import tools, wheel

ROOT = Path(__file__).parents[1]
HEADING = re.compile(r"^## \[(?P<version>[^\]]+)\] - (?P<day>\S+)$", re.MULTILINE)


def faults_of(version: str, changelog: str, today: date, dirty: str, tags: list[str]) -> list[str]:
    """What stands in the way of releasing, in sentences; empty when nothing does."""
    found = []
    newest = HEADING.search(changelog)
    if newest is None:
        found.append("CHANGELOG.md has no section; write `## [VERSION] - YYYY-MM-DD`")
    elif newest["version"] != version:
        found.append(f"pyproject.toml says {version}, CHANGELOG.md begins with {newest['version']}")
    elif newest["day"] != today.isoformat():
        found.append(f"CHANGELOG.md dates {version} {newest['day']}; today is {today.isoformat()}")
    if dirty:
        found.append(f"not committed: {', '.join(dirty.split(chr(10))[:3])}")
    if f"v{version}" in tags:
        found.append(f"v{version} is tagged already; raise the version in pyproject.toml")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.release", description=__doc__)
    parser.add_argument("--dry", action="store_true")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    faults = faults_of(
        version, changelog, date.today(), said("git", "status", "--porcelain"), said("git", "tag").split()
    )
    if faults and (args.dry or not args.quick):
        return _refuse(faults)
    if args.dry:
        return 0
    if not args.quick:
        run("make", "test")
        run("make", "lint")
    run("make", "accuracy", *(["QUICK=1"] if args.quick else []))
    dist = ROOT / "dist" / version
    shutil.rmtree(dist, ignore_errors=True)
    sdist = "-m build --quiet --sdist --no-isolation --outdir"
    run(sys.executable, *sdist.split(), str(dist), str(ROOT))
    archives = [*dist.iterdir(), *(wheel(arch, dist) for arch in MACHINES if _can_build(arch))]
    for archive in archives:
        if archive.suffix == ".whl" and "-abi3-manylinux" not in archive.name:
            raise SystemExit(f"release: the index takes no {archive.name}; expected abi3 and manylinux")
        if archive.suffix != ".whl" or archive.stem.endswith(MACHINES.get(HERE, "none")):
            _try_out(archive)
    names = ", ".join(str(path.relative_to(ROOT)) for path in archives)
    if faults:
        print(f"built, and not to be uploaded: {names}")
        return _refuse(faults)
    print(f"to upload: {names}")
    print(f"then: git tag v{version}; twine upload {dist.relative_to(ROOT)}/*")
    return 0


def _refuse(faults: list[str]) -> int:
    print("\n".join(f"release: {fault}" for fault in faults), file=sys.stderr)
    return 1


def _can_build(arch: str) -> bool:
    """Whether there is a compiler for it, and for another processor a root with its headers."""
    wanted = [] if arch == HERE else [*tools(arch), *TO_MAKE]
    missing = [
        package for tool, _, package in (one.partition(":") for one in wanted) if not shutil.which(tool)
    ]
    if missing or (wanted and os.geteuid() != 0):
        print(
            f"release: no wheel for {arch}: {', '.join(missing) or 'roots are made by root alone'};"
            " .github/workflows/release.yml builds it"
        )
        return False
    return True


def _try_out(archive: Path) -> None:
    """Install a file into an environment of its own, away from the sources, and count a set with it."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(Path(folder) / "venv", with_pip=True)
        binary = Path(folder) / "venv" / "bin"
        run(str(binary / "pip"), "install", "--quiet", str(archive), cwd=folder)
        plumbline = str(binary / "plumbline")
        given = ("--exercise", "rdl", "--reps", "5")
        run(plumbline, "simulate", *given, "--out", "set.csv", "--station-out", "rack.toml", cwd=folder)
        counted = said(
            plumbline, "analyze", "set.csv", "--station", "rack.toml", "--exercise", "rdl", cwd=folder
        )
        if len(re.findall(r"^set ", counted, re.MULTILINE)) != 1:
            raise SystemExit(f"release: {archive.name} does not count a simulated set:\n{counted}")


def run(*command: str, cwd: str | Path = ROOT) -> None:
    print("release:", *command, flush=True)
    if subprocess.run(command, cwd=cwd, check=False).returncode:
        raise SystemExit(f"release: {' '.join(command)} failed")


def said(*command: str, cwd: str | Path = ROOT) -> str:
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
