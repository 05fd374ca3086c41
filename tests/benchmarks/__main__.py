"""`make bench`: print speeds and latencies, as ratios against a peer in the same run.

python -m tests.benchmarks [NAME ...]
"""

import sys
import time
from importlib import import_module

NAMES = (
    *("frames", "kernel", "pipeline", "latency", "sound", "start", "node"),
    *("screen", "chain", "year", "reprocess"),
)


def main(names: list[str]) -> int:
    """Run the named parts, or all of them; 2 for a name that is none."""
    for name in names:
        if name not in NAMES:
            print(f"{name}: no such benchmark; there are {', '.join(NAMES)}", file=sys.stderr)
            return 2
    start_s = time.perf_counter()
    for name in names or NAMES:
        print(*import_module(f"tests.benchmarks.{name}").run(), sep="\n", flush=True)
    print(f"took {time.perf_counter() - start_s:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
