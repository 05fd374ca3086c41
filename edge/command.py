"""`plumbline edge`: becomes a node, or looks after the one of this machine."""

import gc
import os
from collections.abc import Sequence

from edge.node.lean_imports import lean_imports
from station.program.process import share_memory


def edge(argv: Sequence[str]) -> int:
    """Run a node: count at one or more stations and publish. Or look after the one of this machine."""
    if argv[:1] and argv[0] in ("install", "remove", "status", "retire"):
        from edge.upkeep import node_command, retire  # noqa: PLC0415

        tasks = {
            "install": node_command.install,
            "remove": node_command.remove,
            "status": node_command.status,
        }
        return (tasks | {"retire": retire.retire})[argv[0]](argv[1:])
    share_memory()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when numpy is imported: a thread for each core
    gc.disable()  # what is made until the node stands, stays: looking through it for garbage finds none
    try:
        lean_imports()
        from edge.node.launch import launch  # noqa: PLC0415 - after what it imports has been made lean

        return launch(argv)
    finally:
        gc.enable()
