"""Fuzz the parsers: no traceback, no hang, no growth.

python -m tests.fuzz [--for SECONDS] [--only NAME ...] [--seed N] [--keep DIR]
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from tests.fuzz.fuzzer import Finding, fuzz
from tests.fuzz.targets import TARGETS


def main() -> int:
    """Run the targets asked for; 1 when one of them did not pass."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--for", type=float, dest="lasts_s", default=600.0, metavar="SECONDS", help="each")
    parser.add_argument("--only", nargs="+", choices=TARGETS, default=list(TARGETS), metavar="NAME")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4)), metavar="N")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="where inputs that failed are written")
    args = parser.parse_args()
    os.nice(10)  # whoever waits for ten minutes wants to work meanwhile
    failed = 0
    for name in args.only:
        with tempfile.TemporaryDirectory() as folder:
            found = fuzz(TARGETS[name](Path(folder)), args.lasts_s, args.seed)
        failed += not found.passed
        print(
            f"{'ok  ' if found.passed else 'FAIL'} {name}: {found.inputs} inputs (seed {args.seed}),"
            f" {found.refused} refused, {found.edges} edges by {found.kept} kept;"
            f" slowest {found.slowest_s:.2f} s, memory {found.growth_mb:+.1f} MB",
            flush=True,
        )
        for number, finding in enumerate(found.findings):
            _show(finding, args.keep and args.keep / f"{name}-{number}")
    return 1 if failed else 0


def _show(finding: Finding, path: Path | None) -> None:
    print(f"{finding.what.rstrip()}\n     {finding.data[:200]!r} … of {len(finding.data)} bytes", flush=True)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(finding.data)


if __name__ == "__main__":
    sys.exit(main())
