"""`make release`: everything that must be so before a version is uploaded, and the files to upload.

    clean tree -> version and changelog agree -> tests and lint -> accuracy as promised -> sdist and wheel
    -> each of them, installed somewhere else, counts a simulated set

python -m tests.release [--dry] [--quick]

--dry stops before anything is built or run; --quick leaves out tests and accuracy (CI has run them).
"""

import argparse
import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from datetime import date
from pathlib import Path

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
    for fault in faults:
        print(f"release: {fault}", file=sys.stderr)
    if faults or args.dry:
        return 1 if faults else 0
    if not args.quick:
        run("make", "test")
        run("make", "lint")
        run("make", "accuracy")
    dist = ROOT / "dist" / version
    run(sys.executable, "-m", "build", "--outdir", str(dist), str(ROOT))
    for archive in sorted(dist.iterdir()):
        _try_out(archive)
    print(f"to upload: {', '.join(str(path.relative_to(ROOT)) for path in sorted(dist.iterdir()))}")
    print(f"then: git tag v{version}; twine upload {dist.relative_to(ROOT)}/*")
    return 0


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
