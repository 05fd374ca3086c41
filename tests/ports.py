"""Ports for servers that a test starts."""

import random
import socket
from pathlib import Path

_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
LOWEST = 10_000


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, and that no connection outwards is given before they are listened on."""
    first_outwards = int(_RANGE.read_text().split()[0]) if _RANGE.exists() else 32_768
    found: list[int] = []
    below = range(LOWEST, max(first_outwards, LOWEST + 10_000))
    for port in random.sample(below, 100 * count):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise AssertionError(f"no {count} ports from {below.start} to {below.stop} are free")


def free_port() -> int:
    """One of them."""
    return free_ports(1)[0]
