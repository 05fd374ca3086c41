"""The systemd units, device rules and users of a gym's machines, as text. Pure.

A unit's secrets are handed over by systemd (LoadCredential): the files stay root's alone, whoever runs it.
"""

import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from station.errors import ConfigError

SYSTEM = Path("etc/systemd/system")
SETTINGS = Path("etc/plumbline")
EDGE = "plumbline-edge"
_MARK = "# Written by `plumbline {by}`; what you want otherwise belongs into {name}.d/own.conf.\n"

_HARDENED = """\
UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome={home}
ProtectProc=invisible
ProtectClock=yes
ProtectHostname=yes
ProtectControlGroups=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
PrivateTmp=yes
PrivateMounts=yes
DevicePolicy=closed
{devices}LockPersonality=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
"""
_UNIT = """\
{mark}[Unit]
Description={title}
Wants=network-online.target
After=network-online.target time-sync.target{after}
StartLimitIntervalSec=0
ConditionFileIsExecutable={program}
{conflicts}
[Service]
{type}
ExecStart={command}
Restart=always
RestartSec={again_s}
TimeoutStopSec=10
User={user}
Group={user}
{more}{hardened}
[Install]
WantedBy=multi-user.target
"""
# ModemManager talks to every new serial port; FTDI chips hold bytes back for 16 ms unless told not to.
_UDEV = """\
SUBSYSTEM=="tty", SUBSYSTEMS=="usb", GROUP="dialout", MODE="0660", ENV{ID_MM_DEVICE_IGNORE}="1"
ACTION=="add", SUBSYSTEM=="usb-serial", DRIVER=="ftdi_sio", ATTR{latency_timer}="1"
"""
PORTS = ("char-ttyACM", "char-ttyUSB", "char-ttyAMA", "char-ttyS")
UDEV = Path("etc/udev/rules.d/60-plumbline.rules")


class NodeCommand(NamedTuple):
    """The command of the node's unit: station files and further options."""

    stations: tuple[str, ...] = ()
    options: tuple[str, ...] = ("--outbox", "/var/lib/plumbline/outbox.db")


def unit_path(name: str) -> Path:
    """Path of a unit file, below the root."""
    return SYSTEM / f"{name}.service"


def users_path(name: str) -> Path:
    """Path of a sysusers declaration, below the root."""
    return Path(f"etc/sysusers.d/{name}.conf")


def node_unit(node: NodeCommand) -> str:
    """The unit file of `plumbline edge`."""
    return unit(
        EDGE,
        "edge install",
        title="Plumbline edge node",
        words=["edge", "--station", *node.stations, *node.options],
        user="plumbline",
        type="Type=notify\nNotifyAccess=main\nWatchdogSec=30",
        again_s=1,
        more="SupplementaryGroups=dialout\nStateDirectory=plumbline\nStateDirectoryMode=0700\n"
        "OOMScoreAdjust=-500\n",
        devices=PORTS,
    )


def read_node_unit(text: str) -> NodeCommand:
    """Parse a node's unit file. Raises ConfigError where it does not run `plumbline edge`."""
    joined = text.replace("\\\n", " ")
    match = re.search(r"^ExecStart=(.*)$", joined, re.MULTILINE)
    words = shlex.split(match[1]) if match else []
    if "edge" not in words or "--station" not in words:
        raise ConfigError(
            f"{EDGE}.service runs no `plumbline edge --station …`; move it away and install anew"
        )
    first = words.index("--station") + 1
    last = next((n for n, word in enumerate(words) if n >= first and word.startswith("--")), len(words))
    before = words[words.index("edge") + 1 : first - 1]
    return NodeCommand(tuple(words[first:last]), (*before, *words[last:]))


def node_rules() -> str:
    """The udev rules of a node."""
    return _mark("edge install", "60-plumbline.rules") + _UDEV


def user_of(name: str, by: str, user: str, what: str) -> str:
    """A sysusers declaration of a system user."""
    return f'{_mark(by, name)}u {user} - "{what}" /var/lib/{user}\n'


def unit(
    name: str,
    by: str,
    *,
    title: str,
    words: Sequence[str],
    user: str,
    type: str = "Type=exec",
    again_s: int = 2,
    more: str = "",
    devices: Sequence[str] = (),
    after: str = "",
    conflicts: str = "",
) -> str:
    """The text of a unit.

    by : the command that writes it; more : further lines of [Service]; devices : what it may open
    """
    program = installed_program()
    home = "read-only" if program.is_relative_to("/home") or program.is_relative_to("/root") else "yes"
    return _UNIT.format(
        mark=_mark(by, f"{name}.service"),
        title=title,
        program=program,
        type=type,
        command=" ".join(map(_quoted, [str(program), *words])),
        again_s=again_s,
        user=user,
        more=more,
        after=f" {after}" if after else "",
        conflicts=conflicts,
        hardened=_HARDENED.format(
            home=home, devices="".join(f"DeviceAllow={device} rw\n" for device in devices)
        ),
    )


def installed_program() -> Path:
    """Path of the `plumbline` command for a unit: the current release's where releases are installed."""
    prefix = Path(sys.prefix)
    current = prefix.parent / "current"
    if current.is_symlink() and current.resolve() == prefix.resolve():
        prefix = current
    return prefix / "bin" / "plumbline"


def _mark(by: str, name: str) -> str:
    return _MARK.format(by=by, name=name)


def _quoted(word: str) -> str:
    """A word of ExecStart: quoted where need be. `%d/…` is the folder of what systemd hands over."""
    plain = word.replace("$", "$$")
    if not plain.startswith("%d/"):
        plain = plain.replace("%", "%%")
    return plain if re.fullmatch(r"[\w@+=:,./%$?&-]+", plain) else f'"{plain.replace(chr(92), chr(92) * 2)}"'
