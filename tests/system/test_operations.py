"""The pages on running a gym: their commands are pasted into a machine of namespaces, one after the other.

Real are Plumbline, pip, mosquitto, openssl, users and files. Played are apt-get, sudo, the editor, udev, and
systemd, which the container has not: `machine/systemctl` runs the units as their users, with their
credentials.
"""

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from station.exercises import load_profile
from station.sim.devices.board import board_bytes
from station.sim.session import simulate_set

ROOT = Path(__file__).parents[2]
MACHINE = Path(__file__).with_name("machine")
TOOLS = ("unshare", "setpriv", "ip", "mosquitto", "mosquitto_passwd", "openssl", "systemd-sysusers", "script")
SEARCHED = f"{os.environ['PATH']}:/usr/sbin"

STUBS = {
    "sudo": 'exec "$@"',
    "apt-get": "exit 0",
    "udevadm": "exit 0",
    # What a person would write: where the board is.
    "nano": 'sed -i "s|^url = .*|url = \\"$BOARD-$(basename $1 .toml)\\"|" "$1"',
    "python3": f'exec {Path(sys.base_prefix) / "bin" / Path(sys.executable).name} "$@"',
}
# A board on a pseudo-terminal; it begins to speak when it is told to.
BOARD = """
import os, pty, sys, time, tty
far, near = pty.openpty()
tty.setraw(near)
os.chmod(os.ttyname(near), 0o666)
os.symlink(os.ttyname(near), sys.argv[1])
data = open(sys.argv[2], "rb").read()
while not os.path.exists(sys.argv[1] + ".go"):
    time.sleep(0.05)
for start in range(0, len(data), 1000):
    os.write(far, data[start:start + 1000])
time.sleep(3600)
"""


def allowed() -> bool:
    """Whether this machine lets us make another one."""
    if os.geteuid() != 0 or any(shutil.which(tool, path=SEARCHED) is None for tool in TOOLS):
        return False
    return (
        subprocess.run(["unshare", "-mnp", "--fork", "true"], capture_output=True, check=False).returncode
        == 0
    )


pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not allowed(), reason=f"needs root, namespaces and {', '.join(TOOLS)}"),
    pytest.mark.timeout(900),
]


def blocks(document: Path, language: str = "sh") -> list[str]:
    text = document.read_text(encoding="utf-8")
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [block for word, block in fenced if word == language]


@pytest.fixture
def stage() -> Iterator[Path]:
    """What the machine brings along: tools that are played, a wheel of this checkout."""
    # Not below pytest's own folder: it is root's alone, and its users here are others.
    with tempfile.TemporaryDirectory(prefix="plumbline-machine-") as name:
        Path(name).chmod(0o755)
        furnish(Path(name))
        yield Path(name)


def furnish(stage: Path) -> None:
    tools = stage / "bin"
    tools.mkdir()
    for name, body in STUBS.items():
        (tools / name).write_text(f"#!/bin/sh\n{body}\n")
    shutil.copy(MACHINE / "systemctl", tools / "systemctl")
    for tool in tools.iterdir():
        tool.chmod(0o755)
    wheels = stage / "wheels"
    wheels.mkdir()
    ours = importlib.metadata.distribution("plumbline-gym")
    info = f"plumbline_gym-{ours.version}.dist-info"
    site = next(path for path in sys.path if path.endswith("site-packages"))
    files = {
        # The checkout itself, as this test's own interpreter has it.
        "plumbline_checkout.pth": f"import site; site.addsitedir({site!r})\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: plumbline-gym\nVersion: {ours.version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": ours.read_text("entry_points.txt") or "",
    }
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))
    with zipfile.ZipFile(wheels / f"plumbline_gym-{ours.version}-py3-none-any.whl", "w") as made:
        for path, text in files.items():
            made.writestr(path, text)


def paste(stage: Path, commands: list[str], env: dict[str, str]) -> str:
    """Run the commands in a machine of its own; its output, once all of them ended with 0."""
    script = stage / "pasted.sh"
    lines = [
        "set -euo pipefail",
        "trap 'tail -n 20 $(ls /var/log/*.log | grep -v screen)' ERR",
        "set -x",
        *commands,
    ]
    script.write_text("\n".join(lines) + "\n", encoding="utf-8")
    given = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin", "PIP_NO_INDEX": "1"} | env
    given |= {"PIP_FIND_LINKS": str(stage / "wheels"), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    namespaces = ["unshare", "-mnp", "--fork", "--mount-proc", "--kill-child", "--propagation", "private"]
    done = subprocess.run(
        [*namespaces, "bash", MACHINE / "enter", stage, sys.base_prefix, script],
        env=given, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, check=False,
    )  # fmt: skip
    (stage / "output").write_text(done.stdout, encoding="utf-8")
    assert done.returncode == 0, done.stdout[-6000:]
    return done.stdout


def test_from_an_empty_machine_to_reps_in_the_history(stage: Path) -> None:
    simulated = simulate_set(load_profile("rdl"), reps=4, rng=np.random.default_rng(5))
    data = b"".join(data for _, data in board_bytes(simulated, np.random.default_rng(6)))
    (stage / "bytes").write_bytes(data)
    (stage / "board.py").write_text(BOARD)
    board = stage / "tty-rack-1"
    pasted = blocks(ROOT / "docs" / "operations.md")
    shown = next(place for place, block in enumerate(pasted) if "plumbline export" in block)
    history = "/var/lib/plumbline-record/history.db"
    begin = [
        f"reps() {{ plumbline export - --db {history} 2>/dev/null | tail -n +2 | wc -l; }}",
        f"{sys.executable} {stage}/board.py {board} {stage}/bytes &",
        f"while [ ! -e {board} ]; do sleep 0.1; done",
    ]
    counted = [f"touch {board}.go", "for i in $(seq 300); do [ $(reps) -ge 4 ] && break; sleep 0.2; done"]
    end = ["test $(reps) -eq 4", "stat -c 'mode %a %n' /etc/plumbline/*"]
    output = paste(
        stage, [*begin, *pasted[:shown], *counted, *pasted[shown:], *end], {"BOARD": str(stage / "tty")}
    )
    modes = {name: mode for mode, name in re.findall(r"^mode (\d+) (\S+)$", output, re.MULTILINE)}
    secret = {name: mode for name, mode in modes.items() if name.endswith((".pw", ".key", ".token"))}
    assert len(secret) >= 6 and set(secret.values()) == {"600"}


def test_the_broker_by_hand_as_written(stage: Path) -> None:
    page = ROOT / "docs" / "broker.md"
    by_hand = [block for block in blocks(page) if "plumbline broker add" not in block]
    acl, configuration = blocks(page, "")
    openssl, passwords, installed, seen = by_hand
    certificates = "cd $(mktemp -d)"
    files = [
        f"cat > acl <<'END'\n{acl}END",
        f"cat > /etc/mosquitto/conf.d/plumbline.conf <<'END'\n{configuration}END",
    ]
    start = ["systemctl restart mosquitto", f"PATH={Path(sys.executable).parent}:$PATH"]
    looked = seen.replace("dashboard --plain", "dashboard --plain --for 3")
    strict = "openssl verify -x509_strict -CAfile ca.pem broker.pem"  # as Python 3.13 looks at them
    output = paste(stage, [certificates, openssl, strict, passwords, *files, installed, *start, looked], {})
    assert (
        "gym.local:8883" in output
        and "refused" not in output
        and "certificate" not in output.split("dashboard")[-1]
    )
