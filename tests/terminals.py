"""A program on a terminal of its own, started without a fork of this process, which has threads."""

import os
import pty
import subprocess
from collections.abc import Mapping, Sequence


def on_terminal(command: Sequence[str], env: Mapping[str, str]) -> tuple[subprocess.Popen[bytes], int]:
    """Start it; it leads a session of which the terminal is. The process, and our end of the terminal."""
    ours, theirs = pty.openpty()
    try:
        child = subprocess.Popen(
            ["setsid", "--ctty", *command], stdin=theirs, stdout=theirs, stderr=theirs, env=env
        )
    finally:
        os.close(theirs)
    return child, ours
